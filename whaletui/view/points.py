"""The points of a curve on their way to a chart: along an axis, smoothed, cut to a window, thinned with spikes kept.

Needs numpy: import it late.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from whaletui.view.series import Series, XAxis

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

BLOCK = 64
"""Points of which a coarse curve keeps the first, the lowest, the highest and one that is no number."""
ENOUGH = 2 * BLOCK
"""Points for each column of dots from which on the coarse curve looks the same."""

_coarse: WeakKeyDictionary[Series, tuple[int, Whole]] = WeakKeyDictionary()


def points_of(series: Series, axis: XAxis = "epoch") -> tuple[Floats, Floats]:
    """Return x and y as arrays of equal length, safe while another thread appends.

    `tobytes` copies under the interpreter's lock; a view of the buffer would forbid the append.
    """
    y = np.frombuffer(series.y.tobytes())
    x = np.frombuffer(series.along(axis).tobytes())
    count = min(len(x), len(y))
    return x[:count], y[:count]


def shown_points(
    series: Series, axis: XAxis, origin: float, window: tuple[float, float] | None, columns: int, smooth: float = 0.0
) -> tuple[Floats, Floats]:
    """Return the points of a curve that matter for a chart of so many columns of dots.

    Those in the window with one neighbour on each side; of very many only the extremes of each stretch.

    Args:
        series: the curve.
        axis: what x is; "time" is told in hours since `origin` (unix seconds).
        origin: when the run began.
        window: lowest and highest x, or None for all.
        columns: columns of dots of the chart.
        smooth: weight of what came before, see `smoothed`.
    """
    x, y = points_of(series, axis)
    if axis == "time":
        x = (x - origin) / 3600
    if smooth:
        y = smoothed(y, smooth)
    first, last = 0, len(x)
    if window is not None:
        inside = np.flatnonzero((x >= window[0]) & (x <= window[1]))
        if not inside.size:
            return x[:0], y[:0]
        first, last = max(int(inside[0]) - 1, 0), min(int(inside[-1]) + 2, len(x))
    if last - first > ENOUGH * columns:
        kept = extremes(y) if smooth else _known_extremes(series, y)
        kept = kept[(kept >= first) & (kept < last)]
        return x[kept], y[kept]
    return x[first:last], y[first:last]


def extremes(y: Floats, start: int = 0) -> Whole:
    """Return which points to keep of each block from `start` on, in order; of an unfinished last block all.

    Args:
        y: (points,) values; those that are no number are kept as such, one a block.
        start: a multiple of `BLOCK`.
    """
    whole = (len(y) - start) // BLOCK * BLOCK
    blocks = y[start : start + whole].reshape(-1, BLOCK)
    none = ~np.isfinite(blocks)
    low = np.where(none, np.inf, blocks).argmin(axis=1)
    high = np.where(none, -np.inf, blocks).argmax(axis=1)
    begins = np.arange(start, start + whole, BLOCK)
    gaps = np.flatnonzero(none.any(axis=1))
    parts = [begins, begins + low, begins + high, begins[gaps] + none[gaps].argmax(axis=1)]
    return np.unique(np.concatenate([*parts, np.arange(start + whole, len(y))]))


def _known_extremes(series: Series, y: Floats) -> Whole:
    """Return `extremes` of a curve, looking only at what was added since the last time."""
    done, kept = _coarse.get(series, (0, np.zeros(0, dtype=np.int64)))
    if done > len(y):
        done, kept = 0, kept[:0]
    fresh = extremes(y, done)
    whole = done + (len(y) - done) // BLOCK * BLOCK
    kept = np.concatenate([kept, fresh])
    _coarse[series] = (whole, kept[kept < whole])
    return kept


def smoothed(y: Floats, weight: float) -> Floats:
    """Return the exponential moving average, begun without a bias; values that are no number are passed over.

    e[i] = weight * e[i-1] + (1 - weight) * y[i], divided by 1 - weight^(i+1), as TensorBoard smooths.
    """
    out = np.full(len(y), np.nan)
    finite = np.isfinite(y)
    values = y[finite]
    if not values.size:
        return out
    padded = np.zeros(-(-values.size // BLOCK) * BLOCK)
    padded[: values.size] = values
    powers = weight ** np.arange(BLOCK + 1)
    place = np.arange(BLOCK)
    back = place[:, None] - place[None, :]
    kernel = np.where(back >= 0, (1 - weight) * weight ** np.maximum(back, 0), 0.0)
    within = padded.reshape(-1, BLOCK) @ kernel.T
    before = np.zeros(len(within))
    for row in range(1, len(within)):  # what each block takes over from the one before
        before[row] = within[row - 1, -1] + powers[BLOCK] * before[row - 1]
    average = (within + before[:, None] * powers[1:][None, :]).ravel()[: values.size]
    out[finite] = average / (1 - weight ** (np.arange(values.size) + 1.0))
    return out


def value_at(series: Series, axis: XAxis, origin: float, place: float) -> float | None:
    """Return the value of the point nearest to a place on the axis, or None of a curve without points."""
    x, y = points_of(series, axis)
    if not x.size:
        return None
    if axis == "time":
        x = (x - origin) / 3600
    distance = np.abs(x - place)
    distance[np.isnan(distance)] = np.inf
    return float(y[int(distance.argmin())])
