"""Lines as dots: all of a chart at once, spikes kept, gaps where a value is no number. Arrays in, arrays out.

Needs numpy: import it late.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from whaletui.view.axes import Frame
from whaletui.view.points import Floats, Whole

_DOT_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


class Line(NamedTuple):
    """A curve as it is drawn: its points, colour and stroke, and which curve of the plot it is."""

    x: Floats
    y: Floats  # exponents on a logarithmic axis
    colour: int
    dash: int
    curve: int = 0
    main: bool = True  # not the raw line behind a smoothed one


def thin(columns: Whole, y: Floats, pieces: Whole) -> Whole:
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
    if starts.size == y.size:
        return starts
    group = np.repeat(np.arange(starts.size), ends - starts + 1)
    lowest, highest = np.minimum.reduceat(y, starts)[group], np.maximum.reduceat(y, starts)[group]
    return np.unique(np.concatenate([starts, ends, _first(y == lowest, group), _first(y == highest, group)]))


def _first(chosen: NDArray[np.bool_], group: Whole) -> Whole:
    """Return the first chosen point of each group."""
    places = np.flatnonzero(chosen)
    return places[np.r_[True, np.diff(group[places]) != 0]]


class Drawn(NamedTuple):
    """Every dot of every line: where it is and whose."""

    row: Whole
    column: Whole
    line: Whole


def rasterise(lines: list[Line], frame: Frame, width: int, height: int) -> Drawn:
    """Return the dots of lines in a grid of (4 height, 2 width) dots, row 0 at the top; gaps break a line."""
    x, y = np.concatenate([one.x for one in lines]), np.concatenate([one.y for one in lines])
    whose = np.repeat(np.arange(len(lines)), [len(one.x) for one in lines])
    finite = np.isfinite(x) & np.isfinite(y)
    begins = np.r_[True, np.diff(whose) != 0] if whose.size else np.zeros(0, dtype=bool)
    pieces = np.cumsum(~finite | begins, dtype=np.int64)[finite]
    x, y, whose = x[finite], y[finite], whose[finite]
    across = (x - frame.left) / (frame.right - frame.left) * (width * 2 - 1)
    columns = np.rint(np.clip(across, -4 * width, 6 * width)).astype(np.int64)  # beyond the window, for the slope
    down = (frame.high - y) / (frame.high - frame.low) * (height * 4 - 1)
    rows = np.clip(np.rint(down), 0, height * 4 - 1).astype(np.int64)
    kept = thin(columns, y, pieces)
    columns, rows, pieces, whose = columns[kept], rows[kept], pieces[kept], whose[kept]
    joined = np.flatnonzero(np.diff(pieces) == 0)
    row, column, line = _joined(columns, rows, whose, joined)
    inside = (column >= 0) & (column < width * 2)
    return Drawn(row[inside], column[inside], line[inside])


def _joined(columns: Whole, rows: Whole, whose: Whole, starts: Whole) -> tuple[Whole, Whole, Whole]:
    """Return the points themselves and the straight lines from each of `starts` to the point after it, all at once."""
    wide, tall = columns[starts + 1] - columns[starts], rows[starts + 1] - rows[starts]
    steps = np.maximum(np.abs(wide), np.abs(tall)) + 1
    line = np.repeat(np.arange(starts.size), steps)
    share = (np.arange(line.size) - np.repeat(np.cumsum(steps) - steps, steps)) / np.maximum(steps - 1, 1)[line]
    between_rows = np.rint(rows[starts][line] + share * tall[line]).astype(np.int64)
    between_columns = np.rint(columns[starts][line] + share * wide[line]).astype(np.int64)
    return (
        np.concatenate([rows, between_rows]), np.concatenate([columns, between_columns]),
        np.concatenate([whose, whose[starts][line]]),
    )  # fmt: skip


def dots(x: Floats, y: Floats, frame: Frame, width: int, height: int) -> NDArray[np.bool_]:
    """Draw one curve into a grid of (4 height, 2 width) dots, row 0 at the top; values that are none break it."""
    grid = np.zeros((height * 4, width * 2), dtype=bool)
    drawn = rasterise([Line(x, y, 0, 0)], frame, width, height)
    grid[drawn.row, drawn.column] = True
    return grid


def pack(grid: NDArray[np.bool_]) -> Whole:
    """Return the code points, less U+2800, of a grid of dots whose sides are multiples of 4 and 2."""
    tall, wide = grid.shape
    blocks = grid.reshape(tall // 4, 4, wide // 2, 2)
    packed: Whole = np.einsum("rack,ak->rc", blocks.astype(np.int64), _DOT_BITS)
    return packed
