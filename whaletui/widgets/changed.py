"""Which parts of a line changed, so that no more than those go over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from rich.cells import cell_len
from rich.color import Color, ColorSystem
from rich.console import COLOR_SYSTEMS, Console
from rich.control import Control
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.geometry import Region
from textual.strip import Strip

JOINED_CELLS = 8
"""Changes nearer to each other than this are painted as one: going to a place costs as many bytes."""


def changed_regions(before: list[Strip], now: list[Strip]) -> list[Region]:
    """Return the regions in which lines differ, one line high each; there are as many lines as before."""
    return [
        Region(start, y, end - start, 1)
        for y, (old, new) in enumerate(zip(before, now, strict=True))
        if old != new
        for start, end in _spans(list(_cells(old)), list(_cells(new)))
    ]


def _cells(strip: Strip) -> Iterator[tuple[str, Style | None]]:
    """Yield a line cell by cell; a wide character is told for each of its cells."""
    for segment in strip:
        for character in segment.text:
            for _ in range(1 if character.isascii() else cell_len(character)):
                yield character, segment.style


def _spans(old: list[tuple[str, Style | None]], new: list[tuple[str, Style | None]]) -> Iterator[tuple[int, int]]:
    """Yield where cells differ, from and to; one where the lines are not equally long."""
    if len(old) != len(new):
        yield 0, max(len(old), len(new))
        return
    start = end = -1
    for place, (one, other) in enumerate(zip(old, new, strict=True)):
        if one == other:
            continue
        if start >= 0 and place - end > JOINED_CELLS:
            yield start, end
            start = -1
        start, end = (place if start < 0 else start), place + 1
    if start >= 0:
        yield start, end


class CroppedUpdate(ChopsUpdate):
    """An update of parts of the screen that sends those parts, and of styles what differs from piece to piece.

    Textual's own sends each line from its widget's left edge, and every piece with all of its style: ten times as much.
    """

    def render_segments(self, console: Console) -> str:
        """Return what goes to the terminal."""
        pen = _Pen(COLOR_SYSTEMS[console.color_system or "truecolor"])
        for y, left, right in self.spans:
            for end, (start, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                first, last = max(start, left), min(end, right)
                if strip is not None and first < last:
                    pen.write(Control.move_to(first, y).segment.text)
                    for text, style, _ in strip.crop(first - start, last - start):
                        pen.draw(text, style or Style.null())
        return pen.lifted()


class _Pen:
    """Writes pieces of text, changing of the terminal's style what has to be changed."""

    def __init__(self, system: ColorSystem) -> None:
        self._system, self._style = system, Style.null()
        self._sent: list[str] = ["\x1b[0m"]

    def write(self, sequence: str) -> None:
        """Send a sequence that leaves the style alone."""
        self._sent.append(sequence)

    def draw(self, text: str, style: Style) -> None:
        """Send a text in its style."""
        before = self._style
        same_ground = style != before and _ground(style) == _ground(before)
        if same_ground and text.isspace() and not (style.reverse or style.underline or style.strike):
            style = before  # of a blank nobody sees the colour
        self._style = style
        if style != before:
            if style.color is not None and same_ground:
                self._sent.append(f"\x1b[{_codes(Style(color=style.color), self._system)}m")
            else:
                self._sent.append(f"\x1b[0;{_codes(style, self._system)}m".replace(";m", "m"))
        self._sent.append(text)

    def lifted(self) -> str:
        """Return all that was sent, the terminal's style as it was."""
        return "".join([*self._sent, "\x1b[0m"])


@lru_cache(maxsize=512)
def _ground(style: Style) -> tuple[Color | None, Style]:
    """Return what of a style is not the colour of its text."""
    return style.bgcolor, style.without_color


@lru_cache(maxsize=512)
def _codes(style: Style, system: ColorSystem) -> str:
    return Strip.render_ansi(style, system)
