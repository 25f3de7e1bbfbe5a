"""Charts in braille: axis, labels and levels around eight dots a cell. Plain data in, text out.

The dots come from `few_points`, or where they are many from `many_points`, which loads numpy.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import groupby

import msgspec

from whaletui.view.axes import Frame, short_number
from whaletui.view.few_points import are_few
from whaletui.view.inked import RAW_LINES, Prepared, level_heights
from whaletui.view.plots import Level, Plot

AXIS, WORDS, LEVEL, CROSS = -1, -2, -3, -4
"""Colours of a cell that belongs to no curve; a curve's own number is 0 or above."""

Cells = list[tuple[str, int]]

_X_WORDS = {"epoch": "epoch", "step": "step", "time": "hours"}


class _Canvas:
    """The cells of a chart right of its labels: a character and a colour each."""

    def __init__(self, wide: int, tall: int) -> None:
        self.characters = [[" "] * wide for _ in range(tall)]
        self.colours = [[AXIS] * wide for _ in range(tall)]

    def put(self, row: int, column: int, character: str, colour: int) -> None:
        self.characters[row][column], self.colours[row][column] = character, colour


@lru_cache(maxsize=16)
def prepare(plot: Plot, width: int, height: int) -> Prepared | str:
    """Return what a chart is drawn from, or the words of why there is nothing to draw.

    Remembered, so that moving the highlight or the mark over hundreds of curves works nothing out again.
    """
    if are_few(plot):
        from whaletui.view import few_points

        return few_points.prepare(plot, _levels(plot), width, height)
    from whaletui.view import many_points

    return many_points.prepare(plot, _levels(plot), width, height)


def draw(plot: Plot, width: int, height: int) -> list[Cells]:
    """Return the rows of a chart: axis with labels on the left and below, curves, levels, the marked place.

    Each row is a list of (text, colour); colours are curve numbers, plus `FAINT` for raw lines, or `AXIS`, `WORDS`,
    `LEVEL`, `CROSS`.
    """
    if width < 12 or height < 2:
        return _blank(plot.empty, width, height)
    made = prepare(_plain(plot), width, height)
    if isinstance(made, str):
        return _blank(made, width, height)
    tall, wide = height - 1, width - made.gutter - 1
    canvas = _Canvas(wide, tall)
    for row, column, dots, colour in made.ink(plot):
        canvas.put(row, column, chr(0x2800 + dots), colour)
    _draw_cross(canvas, plot.cross, made.frame, wide)
    _draw_levels(canvas, _levels(plot), made.frame)
    rows = []
    for row in range(tall):
        mark = "┤" if row in made.labels else "│"
        label = made.labels.get(row, "").rjust(made.gutter)
        rows.append([(label, WORDS), (mark, AXIS), *_runs(canvas.characters[row], canvas.colours[row])])
    rows.append(_foot(plot, made, wide))
    return rows


def _plain(plot: Plot) -> Plot:
    """Return a plot without its mark, and without its highlight unless that decides what is drawn."""
    if plot.smooth and len(plot.curves) > RAW_LINES:
        return msgspec.structs.replace(plot, cross=None)
    curves = tuple(msgspec.structs.replace(one, top=False) if one.top else one for one in plot.curves)
    return msgspec.structs.replace(plot, cross=None, curves=curves)


def _levels(plot: Plot) -> tuple[Level, ...]:
    return tuple(level for level in plot.levels if math.isfinite(level.value) and (level.value > 0 or not plot.log))


def gutter_of(rows: list[Cells]) -> int:
    """Return how many cells of a drawn chart lie before its curves."""
    return len(rows[0][0][0]) + 1 if rows and len(rows[0]) > 1 else 0


def _column(place: float, frame: Frame, wide: int) -> int:
    """Return the column of cells of a place on the axis; it may lie outside."""
    share = (place - frame.left) / (frame.right - frame.left)
    return round(min(max(share, -1.0), 2.0) * (wide * 2 - 1)) // 2


def _draw_cross(canvas: _Canvas, cross: float | None, frame: Frame, wide: int) -> None:
    """Mark a place of the axis by an upright line behind the curves."""
    if cross is None:
        return
    column = _column(cross, frame, wide)
    if 0 <= column < wide:
        for row, characters in enumerate(canvas.characters):
            if characters[column] == " ":
                canvas.put(row, column, "│", CROSS)


def _draw_levels(canvas: _Canvas, levels: tuple[Level, ...], frame: Frame) -> None:
    """Draw levels where no curve is, each row with the names of its levels at the first place that holds them."""
    tall = len(canvas.characters)
    named: dict[int, list[str]] = {}
    for level, height in zip(levels, level_heights(levels, frame.log), strict=True):
        row = round((frame.high - height) / (frame.high - frame.low) * (tall * 4 - 1)) // 4
        named.setdefault(row, []).append(f"{level.label} {level.value:.3f}")
    for row, names in named.items():
        free = [character == " " for character in canvas.characters[row]]
        for column, is_free in enumerate(free):
            if is_free:
                canvas.put(row, column, "┄", LEVEL)
        words = f" {', '.join(names)} "
        for start in (len(free) - len(words) - 2, 2, (len(free) - len(words)) // 2):
            if 0 <= start <= len(free) - len(words) and all(free[start : start + len(words)]):
                canvas.characters[row][start : start + len(words)] = list(words)
                break


def _runs(characters: list[str], colours: list[int]) -> Cells:
    """Join neighbours of one colour, so that a row is a few pieces of text."""
    cells = zip(colours, characters, strict=True)
    return [("".join(one for _, one in run), colour) for colour, run in groupby(cells, key=lambda cell: cell[0])]


def _foot(plot: Plot, made: Prepared, wide: int) -> Cells:
    """Return the axis below: its ends, where values are no numbers (×), and how many lie above or below."""
    frame = made.frame
    left, right = short_number(frame.left), f"{_X_WORDS[plot.axis]} {short_number(frame.right)}"
    if len(left) + len(right) + 2 > wide:
        left, right = "", short_number(frame.right)
    told = " ".join(f" {count}{arrow}" for count, arrow in zip(made.beyond, "↑↓", strict=True) if count)
    room = max(wide - len(left) - len(right) - 2, 0)
    rule, colours = ["─"] * room, [AXIS] * room
    if len(told) + 4 <= room:
        rule[2 : 2 + len(told)], colours[2 : 2 + len(told)] = list(told), [WORDS] * len(told)
    for place, colour in made.gaps:
        column = _column(place, frame, wide) - len(left) - 1
        if 0 <= column < room:
            rule[column], colours[column] = "×", colour
    foot = [(left, WORDS), (" ", AXIS), *_runs(rule, colours), (" ", AXIS), (right, WORDS)]
    return [(" " * made.gutter + "└", AXIS), *foot]


def _blank(words: str, width: int, height: int) -> list[Cells]:
    rows: list[Cells] = [[(" " * width, WORDS)] for _ in range(height)]
    if height:
        rows[height // 2] = [(words[:width].center(width), WORDS)]
    return rows
