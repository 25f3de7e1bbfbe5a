"""Photo: a picture in half blocks, centred; or the words of why there is none."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from whaletui.safe import safe

if TYPE_CHECKING:
    from whaletui.view.halfblocks import Pixel, Rows


@lru_cache(maxsize=65_536)
def _style(upper: Pixel, lower: Pixel) -> Style:
    return Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))


def picture_line(rows: Rows, y: int, width: int, height: int, ground: Style) -> Strip:
    """Return a line of a picture that stands in the middle of `width` x `height` cells."""
    row = y - (height - len(rows)) // 2
    if not 0 <= row < len(rows):
        return Strip.blank(width, ground)
    cells = rows[row][:width]
    left = (width - len(cells)) // 2
    picture = [Segment("▀", _style(upper, lower)) for upper, lower in cells]
    return Strip([Segment(" " * left, ground), *picture]).adjust_cell_length(width, ground)


class Photo(Widget):
    """Shows rows that were made elsewhere: decoding belongs in a worker."""

    DEFAULT_CSS = "Photo { width: 1fr; height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Rows = []
        self._words = ""

    def show(self, rows: Rows, words: str = "") -> None:
        """Show a picture, or words where there is none."""
        self._rows, self._words = rows, safe(words)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line of the picture."""
        width, height = self.size
        if not self._rows and y == height // 2:
            return Strip([Segment(self._words[:width].center(width), self.rich_style)])
        return picture_line(self._rows, y, width, height, self.rich_style)
