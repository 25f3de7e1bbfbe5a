"""The dots of a chart of any number of points: all curves in one go, spikes kept, gaps where a value is no number.

Two hundred runs over one another cost little more than one. Needs numpy: import it late.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from whaletui.view.axes import Frame
from whaletui.view.inked import (
    BEYOND,
    DASHES,
    RAW_LINES,
    Cell,
    Prepared,
    frame_around,
    level_heights,
    no_value,
    room_for,
)
from whaletui.view.plots import FAINT, Level, Plot
from whaletui.view.points import Floats, shown_points
from whaletui.view.raster import Drawn, Line, pack, rasterise


def prepare(plot: Plot, levels: tuple[Level, ...], width: int, height: int) -> Prepared | str:
    """Return what a chart is drawn from, or the words of why there is nothing to draw."""
    lines = lines_of(plot, width * 2)
    frame = frame_of(lines, levels, plot)
    if frame is None:
        return no_value(plot, sum(len(line.y) for line in lines if line.main))
    room = room_for(frame, width, height)
    drawn = rasterise(lines, frame, room.wide, room.tall)
    return Prepared(
        frame, room.labels, room.gutter, _gaps(lines, 4 * room.wide), _beyond(lines, frame),
        partial(_ink, lines, drawn, room.wide, room.tall),
    )  # fmt: skip


def lines_of(plot: Plot, columns: int) -> list[Line]:
    """Return what is to be drawn, lowest first: raw lines behind curves."""
    behind, front = [], []
    for number, one in enumerate(plot.curves):
        raw = _scaled(*shown_points(one.series, plot.axis, one.origin, plot.window, columns), plot.log)
        if not plot.smooth or len(one.series) < 3:
            front.append(Line(*raw, one.colour, one.dash, number))
            continue
        if len(plot.curves) <= RAW_LINES or one.top:
            behind.append(Line(*raw, FAINT + one.colour, 0, number, main=False))
        points = shown_points(one.series, plot.axis, one.origin, plot.window, columns, plot.smooth)
        front.append(Line(*_scaled(*points, plot.log), one.colour, one.dash, number))
    return [*behind, *front]


def frame_of(lines: list[Line], levels: tuple[Level, ...], plot: Plot) -> Frame | None:
    """Return the frame that holds every finite value, outliers left out where the plot says so; None of no value."""
    finite = [np.isfinite(line.x) & np.isfinite(line.y) for line in lines]
    if not any(part.any() for part in finite):
        return None
    across = np.concatenate([line.x[part] for line, part in zip(lines, finite, strict=True)])
    values = np.concatenate([line.y[part] for line, part in zip(lines, finite, strict=True)])
    if plot.window is not None:
        inside = (across >= plot.window[0]) & (across <= plot.window[1])
        values = values[inside] if inside.any() else values
    low, high = _trimmed(values) if plot.clip else (float(values.min()), float(values.max()))
    across_all = float(across.min()), float(across.max())
    return frame_around(across_all, (low, high), level_heights(levels, plot.log), plot)


def _trimmed(values: Floats) -> tuple[float, float]:
    """Return the range of values without outliers: those half a range beyond the 1st or 99th percentile."""
    low, high = np.percentile(values, (1, 99))
    room = (high - low) * 0.5
    kept = values[(values >= low - room) & (values <= high + room)]
    return (float(kept.min()), float(kept.max())) if kept.size else (float(values.min()), float(values.max()))


def _scaled(x: Floats, y: Floats, log: bool) -> tuple[Floats, Floats]:
    x, y = np.where(np.abs(x) < BEYOND, x, np.nan), np.where(np.abs(y) < BEYOND, y, np.nan)
    if not log:
        return x, y
    with np.errstate(divide="ignore", invalid="ignore"):
        return x, np.where(y > 1 / BEYOND, np.log10(y), np.nan)


def _ink(lines: list[Line], drawn: Drawn, wide: int, tall: int, plot: Plot) -> Iterable[Cell]:
    """Return the cells that lines touch, in the colour of its last line; of a highlighted one only its own dots."""
    solid = np.array([DASHES[line.dash % len(DASHES)] for line in lines])[drawn.line]
    seen = drawn.column % solid[:, 1] < solid[:, 0]
    row, column, line = drawn.row[seen], drawn.column[seen], drawn.line[seen]
    top = np.array([plot.curves[one.curve].top and one.main for one in lines])
    rank = np.arange(len(lines)) + len(lines) * top
    cell = row // 4 * wide + column // 2
    owner = np.full(tall * wide, -1)
    np.maximum.at(owner, cell, rank[line])
    kept = (owner[cell] < len(lines)) | (rank[line] == owner[cell])
    grid = np.zeros((tall * 4, wide * 2), dtype=bool)
    grid[row[kept], column[kept]] = True
    packed = pack(grid)
    rows, columns = np.nonzero(packed)
    colours = np.array([one.colour for one in lines])[owner.reshape(tall, wide)[rows, columns] % len(lines)]
    return zip(rows.tolist(), columns.tolist(), packed[rows, columns].tolist(), colours.tolist(), strict=True)


def _gaps(lines: list[Line], most: int) -> list[tuple[float, int]]:
    """Return where values are no numbers, of each curve at most so many places."""
    found = []
    for line in lines:
        if line.main:
            gaps = line.x[np.isfinite(line.x) & ~np.isfinite(line.y)]
            found += [(float(place), line.colour) for place in np.unique(gaps)[:most]] if gaps.size else []
    return found


def _beyond(lines: list[Line], frame: Frame) -> tuple[int, int]:
    """Return how many points the vertical axis leaves out above and below."""
    above = below = 0
    for line in lines:
        inside = (line.x >= frame.left) & (line.x <= frame.right)
        above += int((inside & (line.y > frame.high)).sum())
        below += int((inside & (line.y < frame.low)).sum())
    return above, below
