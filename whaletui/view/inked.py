"""What a chart is drawn from, however its dots were worked out. Pure and light."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from whaletui.view.axes import Frame, axis_labels
from whaletui.view.plots import Level, Plot

BEYOND = 1e300
"""Differences of larger values are no numbers any more: shown as a gap."""
DASHES = ((1, 1), (3, 5), (1, 3))
"""Dots drawn of dots passed: solid, dashed, dotted."""
RAW_LINES = 12
"""Smoothed curves up to which the raw line of every one is shown; of more only that of the highlighted run."""

Cell = tuple[int, int, int, int]
"""Row, column, which of its eight dots are set, and the colour of the curve that owns it."""


class Prepared(NamedTuple):
    """A chart worked out but for what is highlighted; its curves have the room right of the gutter, above the foot."""

    frame: Frame
    labels: dict[int, str]
    gutter: int
    gaps: list[tuple[float, int]]  # places on the axis where a value is no number, each with its curve's colour
    beyond: tuple[int, int]  # points above and below the chart
    ink: Callable[[Plot], Iterable[Cell]]  # the cells that curves touch, given what is highlighted


class Room(NamedTuple):
    """Where the curves of a chart go: its frame, its labels, and cells across and down."""

    frame: Frame
    labels: dict[int, str]
    gutter: int
    wide: int
    tall: int


def room_for(frame: Frame, width: int, height: int) -> Room:
    """Return the room that is left for curves beside the labels and above the foot."""
    tall = height - 1
    labels = axis_labels(frame, tall)
    gutter = max(len(text) for text in labels.values())
    return Room(frame, labels, gutter, width - gutter - 1, tall)


def frame_around(across: tuple[float, float], values: tuple[float, float], heights: list[float], plot: Plot) -> Frame:
    """Return the frame of a chart.

    Args:
        across: the lowest and highest place on the axis.
        values: the lowest and highest value that is to be in sight, as exponents on a logarithmic axis.
        heights: of the levels, likewise.
        plot: says which stretch of the axis is shown.
    """
    low, high = min([values[0], *heights]), max([values[1], *heights])
    if high - low < 1e-9 * max(abs(high), 1e-9):  # flat: the line runs through the middle
        room = abs(high) * 0.1 or 0.5
        low, high = low - room, high + room
    left, right = plot.window or (min(across[0], 0.0), across[1])
    if right - left < 1e-9 * max(abs(left), abs(right), 1e-9):
        right = left + (abs(left) or 1.0)
    return Frame(left=left, right=right, low=low, high=high, log=plot.log)


def no_value(plot: Plot, count: int) -> str:
    """Return why there is nothing to draw of so many values."""
    if plot.window is not None and any(len(one.series) for one in plot.curves):
        return "no point in this stretch"
    why = "above zero" if plot.log else "a number"
    return f"none of {count:,} values is {why}" if count else plot.empty


def level_heights(levels: Iterable[Level], log: bool) -> list[float]:
    """Return where levels lie on the vertical axis."""
    return [math.log10(level.value) if log else level.value for level in levels]
