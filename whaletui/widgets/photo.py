"""Photo: a picture in half blocks or in pixels, centred; or the words of why there is none."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from whaletui.safe import safe
from whaletui.view.graphics import Sharp, kitty_row

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
        self._sharp: Sharp | None = None

    def show(self, rows: Rows, words: str = "", sharp: Sharp | None = None) -> None:
        """Show a picture, as half blocks or as pixels, or words where there is none."""
        self._rows, self._words, self._sharp = rows, safe(words), sharp
        if sharp is not None and sharp.number:
            self._send(sharp.payload)
        self.refresh()
        if sharp is not None and not sharp.number:
            self.call_after_refresh(self._draw, sharp)

    def _send(self, payload: str) -> None:
        """Send our own bytes past the net for lines: no text from outside is among them."""
        if (driver := self.app._driver) is not None:
            driver.write(payload)

    def _draw(self, sharp: Sharp) -> None:
        """Draw pixels over the blank cells that were just painted, and put the cursor back."""
        if sharp is self._sharp and self.screen is self.app.screen and self.region:
            top = self.region.y + (self.size.height - sharp.height) // 2 + 1
            left = self.region.x + (self.size.width - sharp.width) // 2 + 1
            self._send(f"\x1b7\x1b[{top};{left}H{sharp.payload}\x1b8")

    def _sharp_line(self, sharp: Sharp, y: int) -> Strip:
        """Return a line of cells that the terminal fills with pixels."""
        width, height = self.size
        row, left = y - (height - sharp.height) // 2, (width - sharp.width) // 2
        if not 0 <= row < sharp.height or not sharp.number:
            return Strip.blank(width, self.rich_style)
        number = Color.from_rgb(sharp.number >> 16, sharp.number >> 8 & 255, sharp.number & 255)
        cells = Segment(kitty_row(row, sharp.width), Style(color=number))
        return Strip([Segment(" " * left, self.rich_style), cells]).adjust_cell_length(width, self.rich_style)

    def render_line(self, y: int) -> Strip:
        """Return one line of the picture."""
        width, height = self.size
        if self._sharp is not None:
            return self._sharp_line(self._sharp, y)
        if not self._rows and y == height // 2:
            return Strip([Segment(self._words[:width].center(width), self.rich_style)])
        return picture_line(self._rows, y, width, height, self.rich_style)
