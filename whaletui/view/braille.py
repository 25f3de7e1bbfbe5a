"""Curves as braille: eight dots a cell, spikes kept, gaps where a value is no number. Arrays in, text out.

Import this only when something is to be drawn: it needs numpy, which a start should not wait for.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from whaletui.view.axes import Frame, axis_labels, short_number
from whaletui.view.plots import Curve, Level, Plot
from whaletui.view.runview import Series

AXIS, WORDS, LEVEL = -1, -2, -3
"""Colours of a cell that belongs to no curve; a curve's own number is 0 or above."""

Floats = NDArray[np.float64]
Cells = list[tuple[str, int]]

_DOT_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_BEYOND = 1e300  # differences of larger values are no numbers any more: shown as a gap
_DASHES = ((1, 1), (3, 5), (1, 3))  # dots drawn of dots passed: solid, dashed, dotted


def points_of(series: Series) -> tuple[Floats, Floats]:
    """Return x and y as arrays of equal length, safe while another thread appends.

    `tobytes` copies under the interpreter's lock; a view of the buffer would forbid the append.
    """
    y = np.frombuffer(series.y.tobytes())
    x = np.frombuffer(series.x.tobytes())
    count = min(len(x), len(y))
    return x[:count], y[:count]


def frame_of(curves: list[tuple[Floats, Floats]], levels: tuple[Level, ...], log: bool) -> Frame | None:
    """Return the frame that holds every finite value, or None where there is none."""
    columns = [x[np.isfinite(x) & np.isfinite(y)] for x, y in curves]
    values = [y[np.isfinite(x) & np.isfinite(y)] for x, y in curves]
    if not any(part.size for part in values):
        return None
    heights = np.concatenate([*values, np.array([math.log10(level.value) if log else level.value for level in levels])])
    across = np.concatenate(columns)
    low, high = float(heights.min()), float(heights.max())
    if high - low < 1e-9 * max(abs(high), 1e-9):  # flat: the line runs through the middle
        room = abs(high) * 0.1 or 0.5
        low, high = low - room, high + room
    left, right = min(float(across.min()), 0.0), float(across.max())
    if right - left < 1e-9 * max(abs(left), abs(right), 1e-9):
        right = left + (abs(left) or 1.0)
    return Frame(left=left, right=right, low=low, high=high, log=log)


def thin(columns: NDArray[np.int64], y: Floats, pieces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which points to keep: first, lowest, highest and last of each column, in their order.

    So a spike of one point among a million stays as high as it was.

    Args:
        columns: (points,) dot column of each point, as drawn.
        y: (points,) finite values.
        pieces: (points,) number of the unbroken piece a point belongs to.
    """
    if y.size == 0:
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, (np.diff(columns) != 0) | (np.diff(pieces) != 0)])
    ends = np.r_[starts[1:], y.size] - 1
    group = np.repeat(np.arange(starts.size), ends - starts + 1)
    order = np.lexsort((y, group))  # within each column from low to high
    return np.unique(np.concatenate([starts, ends, order[starts], order[ends]]))


def dots(x: Floats, y: Floats, frame: Frame, width: int, height: int) -> NDArray[np.bool_]:
    """Draw one curve into a grid of (4 height, 2 width) dots, row 0 at the top; values that are none break it."""
    grid = np.zeros((height * 4, width * 2), dtype=bool)
    finite = np.isfinite(x) & np.isfinite(y)
    pieces = np.cumsum(~finite, dtype=np.int64)[finite]
    x, y = x[finite], y[finite]
    across = (x - frame.left) / (frame.right - frame.left) * (width * 2 - 1)
    columns = np.clip(np.rint(across), 0, width * 2 - 1).astype(np.int64)
    down = (frame.high - y) / (frame.high - frame.low) * (height * 4 - 1)
    rows = np.clip(np.rint(down), 0, height * 4 - 1).astype(np.int64)
    kept = thin(columns, y, pieces)
    columns, rows, pieces = columns[kept], rows[kept], pieces[kept]
    grid[rows, columns] = True
    joined = np.flatnonzero(np.diff(pieces) == 0)
    _lines(grid, columns, rows, joined)
    return grid


def _lines(
    grid: NDArray[np.bool_], columns: NDArray[np.int64], rows: NDArray[np.int64], starts: NDArray[np.int64]
) -> None:
    """Draw the straight lines from each of `starts` to the point after it, all at once."""
    wide, tall = columns[starts + 1] - columns[starts], rows[starts + 1] - rows[starts]
    steps = np.maximum(np.abs(wide), np.abs(tall)) + 1
    line = np.repeat(np.arange(starts.size), steps)
    share = (np.arange(line.size) - np.repeat(np.cumsum(steps) - steps, steps)) / np.maximum(steps - 1, 1)[line]
    grid[
        np.rint(rows[starts][line] + share * tall[line]).astype(np.int64),
        np.rint(columns[starts][line] + share * wide[line]).astype(np.int64),
    ] = True


def pack(grid: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the code points, less U+2800, of a grid of dots whose sides are multiples of 4 and 2."""
    tall, wide = grid.shape
    blocks = grid.reshape(tall // 4, 4, wide // 2, 2)
    packed: NDArray[np.int64] = np.einsum("rack,ak->rc", blocks.astype(np.int64), _DOT_BITS)
    return packed


def draw(plot: Plot, width: int, height: int) -> list[Cells]:
    """Return the rows of a chart: axis with labels on the left and below, curves, levels.

    Each row is a list of (text, colour); colours are curve numbers or `AXIS`, `WORDS`, `LEVEL`.
    """
    points = [_scaled(*points_of(one.series), plot.log) for one in plot.curves]
    levels = tuple(level for level in plot.levels if math.isfinite(level.value) and (level.value > 0 or not plot.log))
    frame = frame_of(points, levels, plot.log)
    if frame is None or width < 12 or height < 2:
        return _blank(plot.empty, width, height)
    tall = height - 1  # the last row is the axis of epochs
    labels = axis_labels(frame, tall)
    gutter = max(len(text) for text in labels.values())
    wide = width - gutter - 1
    characters = np.full((tall, wide), " ", dtype="<U1")
    colours = np.full((tall, wide), AXIS)
    _draw_curves(characters, colours, plot.curves, points, frame)
    _draw_levels(characters, colours, levels, frame)
    rows = []
    for row in range(tall):
        mark = "┤" if row in labels else "│"
        rows.append([(labels.get(row, "").rjust(gutter), WORDS), (mark, AXIS), *_runs(characters[row], colours[row])])
    rows.append(_foot(plot, frame, gutter, wide))
    return rows


def _scaled(x: Floats, y: Floats, log: bool) -> tuple[Floats, Floats]:
    x, y = np.where(np.abs(x) < _BEYOND, x, np.nan), np.where(np.abs(y) < _BEYOND, y, np.nan)
    if not log:
        return x, y
    with np.errstate(divide="ignore", invalid="ignore"):
        return x, np.where(y > 1 / _BEYOND, np.log10(y), np.nan)


def _draw_curves(
    characters: NDArray[np.str_],
    colours: NDArray[np.int64],
    curves: tuple[Curve, ...],
    points: list[tuple[Floats, Floats]],
    frame: Frame,
) -> None:
    tall, wide = characters.shape
    total = np.zeros((tall, wide), dtype=np.int64)
    for one, (x, y) in zip(curves, points, strict=True):
        drawn, passed = _DASHES[one.dash % len(_DASHES)]
        grid = dots(x, y, frame, wide, tall) & (np.arange(wide * 2) % passed < drawn)
        packed = pack(grid)
        total |= packed
        colours[packed > 0] = one.colour
    touched = total > 0
    characters[touched] = (total[touched] + 0x2800).astype(np.uint32).view("<U1")


def _draw_levels(
    characters: NDArray[np.str_], colours: NDArray[np.int64], levels: tuple[Level, ...], frame: Frame
) -> None:
    """Draw levels where no curve is, each row with the names of its levels at the first place that holds them."""
    tall, wide = characters.shape
    named: dict[int, list[str]] = {}
    for level in levels:
        value = math.log10(level.value) if frame.log else level.value
        row = round((frame.high - value) / (frame.high - frame.low) * (tall * 4 - 1)) // 4
        named.setdefault(row, []).append(f"{level.label} {level.value:.3f}")
    for row, names in named.items():
        free = characters[row] == " "
        characters[row, free], colours[row, free] = "┄", LEVEL
        words = f" {', '.join(names)} "
        for start in (wide - len(words) - 2, 2, (wide - len(words)) // 2):
            if start >= 0 and free[start : start + len(words)].all():
                characters[row, start : start + len(words)] = list(words)
                break


def _runs(characters: NDArray[np.str_], colours: NDArray[np.int64]) -> Cells:
    """Join neighbours of one colour, so that a row is a few pieces of text."""
    edges = np.flatnonzero(np.diff(colours)) + 1
    return [
        ("".join(characters[start:end]), int(colours[start]))
        for start, end in zip([0, *edges], [*edges, len(colours)], strict=True)
    ]


def _foot(plot: Plot, frame: Frame, gutter: int, wide: int) -> Cells:
    left, right = short_number(frame.left), f"{plot.x_label} {short_number(frame.right)}"
    if len(left) + len(right) + 2 > wide:
        left, right = "", short_number(frame.right)
    line = "─" * max(wide - len(left) - len(right) - 2, 0)
    return [(" " * gutter + "└", AXIS), (left, WORDS), (f" {line} ", AXIS), (right, WORDS)]


def _blank(words: str, width: int, height: int) -> list[Cells]:
    rows: list[Cells] = [[(" " * width, WORDS)] for _ in range(height)]
    if height:
        rows[height // 2] = [(words[:width].center(width), WORDS)]
    return rows
