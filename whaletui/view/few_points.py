"""The dots of a chart that holds few points, without numpy.

numpy takes a tenth of a second to load, which the first curve after a start should not wait for. What is drawn
is the same, dot for dot, as `many_points` draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from whaletui.view.inked import BEYOND, DASHES, Cell, Prepared, Room, frame_around, level_heights, no_value, room_for
from whaletui.view.plots import Curve, Level, Plot

FEW = 1500
"""Points that are drawn so; of more numpy is faster even where it has to be loaded."""
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class _Line(NamedTuple):
    points: list[tuple[float, float]]  # y as exponents on a logarithmic axis, NaN where it is no number there
    curve: Curve


def are_few(plot: Plot) -> bool:
    """Whether a chart can be drawn here: few points, all of them, nothing on top of the others."""
    plain = not plot.smooth and not plot.clip and plot.window is None and not any(one.top for one in plot.curves)
    return plain and sum(len(one.series) for one in plot.curves) <= FEW


def prepare(plot: Plot, levels: tuple[Level, ...], width: int, height: int) -> Prepared | str:
    """Return what a chart is drawn from, or the words of why there is nothing to draw."""
    lines = [_Line(_points(one, plot), one) for one in plot.curves]
    finite = [(x, y) for line in lines for x, y in line.points if math.isfinite(x) and math.isfinite(y)]
    if not finite:
        return no_value(plot, sum(len(line.points) for line in lines))
    places, values = zip(*finite, strict=True)
    across, down = (min(places), max(places)), (min(values), max(values))
    room = room_for(frame_around(across, down, level_heights(levels, plot.log), plot), width, height)
    gaps = [
        (x, line.curve.colour) for line in lines for x, y in line.points if math.isfinite(x) and not math.isfinite(y)
    ]
    cells = _cells(lines, room)
    return Prepared(room.frame, room.labels, room.gutter, gaps, (0, 0), lambda _: cells)


def _points(one: Curve, plot: Plot) -> list[tuple[float, float]]:
    """Return the points of a curve as they lie on the axes."""
    places = one.series.along(plot.axis).tolist()
    if plot.axis == "time":
        places = [(place - one.origin) / 3600 for place in places]
    return [
        (x if abs(x) < BEYOND else math.nan, _height(y, plot.log))
        for x, y in zip(places, one.series.y.tolist(), strict=False)  # a thread may be adding to one of them
    ]


def _height(value: float, log: bool) -> float:
    if not abs(value) < BEYOND:
        return math.nan
    if not log:
        return value
    return math.log10(value) if value > 1 / BEYOND else math.nan


def _cells(lines: list[_Line], room: Room) -> list[Cell]:
    """Return the cells that lines touch; one that several touch holds the dots of all, in the last one's colour."""
    bits: dict[tuple[int, int], int] = {}
    colours: dict[tuple[int, int], int] = {}
    for line in lines:
        drawn, passed = DASHES[line.curve.dash % len(DASHES)]
        for row, column in _dots(line.points, room):
            if 0 <= column <= room.wide * 2 - 1 and column % passed < drawn:
                cell = (row // 4, column // 2)
                bits[cell] = bits.get(cell, 0) | _BITS[row % 4][column % 2]
                colours[cell] = line.curve.colour
    return [(*cell, dots, colours[cell]) for cell, dots in bits.items()]


def _dots(points: list[tuple[float, float]], room: Room) -> Iterator[tuple[int, int]]:
    """Yield (row, column) of every dot of a line; a value that is no number breaks it."""
    frame, wide, tall = room.frame, room.wide * 2 - 1, room.tall * 4 - 1
    furthest = (-4.0 * room.wide, 6.0 * room.wide)  # beyond the chart, for the slope
    before: tuple[int, int] | None = None
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            before = None
            continue
        down = (frame.high - y) / (frame.high - frame.low) * tall
        across = (x - frame.left) / (frame.right - frame.left) * wide
        now = round(min(max(down, 0.0), tall)), round(min(max(across, furthest[0]), furthest[1]))
        if now == before:
            continue
        yield now
        if before is not None:
            yield from _between(before, now)
        before = now


def _between(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the dots of the straight line between two."""
    tall, wide = end[0] - start[0], end[1] - start[1]
    steps = max(abs(tall), abs(wide))
    for step in range(1, steps):
        yield round(start[0] + step / steps * tall), round(start[1] + step / steps * wide)
