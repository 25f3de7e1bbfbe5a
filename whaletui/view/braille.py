"""Curves as braille: eight dots a cell, spikes kept, gaps where a value is no number. Arrays in, text out.

All curves of a chart are drawn in one go, so that two hundred runs over one another cost little more than one.
Import this only when something is to be drawn: it needs numpy, which a start should not wait for.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from whaletui.view.axes import Frame, axis_labels, short_number
from whaletui.view.plots import FAINT, Level, Plot
from whaletui.view.points import Floats, shown_points
from whaletui.view.raster import Drawn, Line, pack, rasterise

AXIS, WORDS, LEVEL, CROSS = -1, -2, -3, -4
"""Colours of a cell that belongs to no curve; a curve's own number is 0 or above."""
RAW_LINES = 12
"""Curves up to which the raw line of every one is shown; of more only that of the highlighted run."""

Cells = list[tuple[str, int]]

_BEYOND = 1e300  # differences of larger values are no numbers any more: shown as a gap
_DASHES = ((1, 1), (3, 5), (1, 3))  # dots drawn of dots passed: solid, dashed, dotted
_X_WORDS = {"epoch": "epoch", "step": "step", "time": "hours"}


class Prepared(NamedTuple):
    """A chart worked out but for what is highlighted: its lines, its frame, every dot, and the room it has."""

    lines: list[Line]
    frame: Frame
    labels: dict[int, str]
    gutter: int
    drawn: Drawn


@lru_cache(maxsize=16)
def prepare(plot: Plot, width: int, height: int) -> Prepared | str:
    """Return what a chart is drawn from, or the words of why there is nothing to draw.

    Remembered, so that moving the highlight or the mark over hundreds of curves works nothing out again.
    """
    lines = lines_of(plot, width * 2)
    frame = frame_of(lines, _levels(plot), plot)
    if frame is None:
        return _no_value(plot, lines)
    labels = axis_labels(frame, height - 1)  # the last row is the axis of epochs
    gutter = max(len(text) for text in labels.values())
    return Prepared(lines, frame, labels, gutter, rasterise(lines, frame, width - gutter - 1, height - 1))


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
    heights = [math.log10(level.value) if plot.log else level.value for level in levels]
    low, high = _trimmed(values) if plot.clip else (float(values.min()), float(values.max()))
    low, high = min([low, *heights]), max([high, *heights])
    if high - low < 1e-9 * max(abs(high), 1e-9):  # flat: the line runs through the middle
        room = abs(high) * 0.1 or 0.5
        low, high = low - room, high + room
    left, right = plot.window or (min(float(across.min()), 0.0), float(across.max()))
    if right - left < 1e-9 * max(abs(left), abs(right), 1e-9):
        right = left + (abs(left) or 1.0)
    return Frame(left=left, right=right, low=low, high=high, log=plot.log)


def _trimmed(values: Floats) -> tuple[float, float]:
    """Return the range of values without outliers: those half a range beyond the 1st or 99th percentile."""
    low, high = np.percentile(values, (1, 99))
    room = (high - low) * 0.5
    kept = values[(values >= low - room) & (values <= high + room)]
    return (float(kept.min()), float(kept.max())) if kept.size else (float(values.min()), float(values.max()))


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
    characters = np.full((tall, wide), " ", dtype="<U1")
    colours = np.full((tall, wide), AXIS)
    _draw_lines(characters, colours, made, plot)
    _draw_cross(characters, colours, plot.cross, made.frame)
    _draw_levels(characters, colours, _levels(plot), made.frame)
    rows = []
    for row in range(tall):
        mark = "┤" if row in made.labels else "│"
        label = made.labels.get(row, "").rjust(made.gutter)
        rows.append([(label, WORDS), (mark, AXIS), *_runs(characters[row], colours[row])])
    rows.append(_foot(plot, made.lines, made.frame, made.gutter, wide))
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


def _no_value(plot: Plot, lines: list[Line]) -> str:
    """Return why there is nothing to draw."""
    if plot.window is not None and any(len(one.series) for one in plot.curves):
        return "no point in this stretch"
    count = sum(len(line.y) for line in lines if line.main)
    why = "above zero" if plot.log else "a number"
    return f"none of {count:,} values is {why}" if count else plot.empty


def _scaled(x: Floats, y: Floats, log: bool) -> tuple[Floats, Floats]:
    x, y = np.where(np.abs(x) < _BEYOND, x, np.nan), np.where(np.abs(y) < _BEYOND, y, np.nan)
    if not log:
        return x, y
    with np.errstate(divide="ignore", invalid="ignore"):
        return x, np.where(y > 1 / _BEYOND, np.log10(y), np.nan)


def _draw_lines(characters: NDArray[np.str_], colours: NDArray[np.int64], made: Prepared, plot: Plot) -> None:
    """Draw all lines; a cell has the colour of the last line in it, and of a highlighted one only its own dots."""
    tall, wide = characters.shape
    lines, drawn = made.lines, made.drawn
    solid = np.array([_DASHES[line.dash % len(_DASHES)] for line in lines])[drawn.line]
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
    touched = packed > 0
    characters[touched] = (packed[touched] + 0x2800).astype(np.uint32).view("<U1")
    colours[touched] = np.array([one.colour for one in lines])[owner.reshape(tall, wide)[touched] % len(lines)]


def _column(place: float, frame: Frame, wide: int) -> int:
    """Return the column of cells of a place on the axis; it may lie outside."""
    share = (place - frame.left) / (frame.right - frame.left)
    return round(min(max(share, -1.0), 2.0) * (wide * 2 - 1)) // 2


def _draw_cross(characters: NDArray[np.str_], colours: NDArray[np.int64], cross: float | None, frame: Frame) -> None:
    """Mark a place of the axis by an upright line behind the curves."""
    if cross is None:
        return
    column = _column(cross, frame, characters.shape[1])
    if 0 <= column < characters.shape[1]:
        free = characters[:, column] == " "
        characters[free, column], colours[free, column] = "│", CROSS


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
            if 0 <= start <= wide - len(words) and free[start : start + len(words)].all():
                characters[row, start : start + len(words)] = list(words)
                break


def _runs(characters: NDArray[np.str_], colours: NDArray[np.int64]) -> Cells:
    """Join neighbours of one colour, so that a row is a few pieces of text."""
    if not colours.size:
        return []
    edges = np.flatnonzero(np.diff(colours)) + 1
    return [
        ("".join(characters[start:end]), int(colours[start]))
        for start, end in zip([0, *edges], [*edges, len(colours)], strict=True)
    ]


def _foot(plot: Plot, lines: list[Line], frame: Frame, gutter: int, wide: int) -> Cells:
    """Return the axis below: its ends, where values are no numbers (×), and how many lie above or below."""
    left, right = short_number(frame.left), f"{_X_WORDS[plot.axis]} {short_number(frame.right)}"
    if len(left) + len(right) + 2 > wide:
        left, right = "", short_number(frame.right)
    told = _beyond_words(lines, frame)
    room = max(wide - len(left) - len(right) - 2, 0)
    rule = np.full(room, "─", dtype="<U1")
    colours = np.full(room, AXIS)
    if len(told) + 4 <= room:
        rule[2 : 2 + len(told)], colours[2 : 2 + len(told)] = list(told), WORDS
    for line in lines:
        if not line.main:
            continue
        gaps = line.x[np.isfinite(line.x) & ~np.isfinite(line.y)]
        columns = {_column(float(place), frame, wide) - len(left) - 1 for place in np.unique(gaps)[: 4 * wide]}
        for column in columns:
            if 0 <= column < room:
                rule[column], colours[column] = "×", line.colour
    return [(" " * gutter + "└", AXIS), (left, WORDS), (" ", AXIS), *_runs(rule, colours), (" ", AXIS), (right, WORDS)]


def _beyond_words(lines: list[Line], frame: Frame) -> str:
    """Return how many points the vertical axis leaves out, "" of none."""
    above = below = 0
    for line in lines:
        inside = (line.x >= frame.left) & (line.x <= frame.right)
        above += int((inside & (line.y > frame.high)).sum())
        below += int((inside & (line.y < frame.low)).sum())
    return " ".join(word for word, count in ((f" {above}↑", above), (f" {below}↓", below)) if count)


def _blank(words: str, width: int, height: int) -> list[Cells]:
    rows: list[Cells] = [[(" " * width, WORDS)] for _ in range(height)]
    if height:
        rows[height // 2] = [(words[:width].center(width), WORDS)]
    return rows
