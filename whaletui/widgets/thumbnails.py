"""Thumbnails: many small pictures in half blocks, one of them marked, each with a line under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from whaletui.widgets.photo import picture_line

if TYPE_CHECKING:
    from whaletui.view.halfblocks import Rows

NARROWEST, LOWEST = 22, 11
"""Cells that a thumbnail should have, its line and its gap included; a screen with less shows one."""


class Thumbnail(NamedTuple):
    """A picture (none yet: no rows), and the line under it, safe to show."""

    rows: Rows
    caption: str


class Thumbnails(Widget):
    """Shows as many as fit, row by row; the screen says which, and decodes them."""

    COMPONENT_CLASSES = {"thumbnails--caption", "thumbnails--marked"}
    DEFAULT_CSS = """
    Thumbnails {
        width: 1fr; height: 1fr;
        & > .thumbnails--caption { color: $foreground-muted; }
        & > .thumbnails--marked { color: $accent; text-style: bold; }
    }
    """

    @dataclass
    class Chosen(Message):
        """One was clicked; counted from 0 in the order shown."""

        place: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: Sequence[Thumbnail] = ()
        self._marked = 0

    @property
    def columns(self) -> int:
        """How many stand side by side."""
        return max(self.size.width // NARROWEST, 1)

    @property
    def lines(self) -> int:
        """How many stand one over the other."""
        return max(self.size.height // LOWEST, 1)

    @property
    def capacity(self) -> int:
        """How many are shown at once."""
        return self.columns * self.lines

    @property
    def picture(self) -> Size:
        """The cells that a picture may take."""
        return Size(max(self.size.width // self.columns - 1, 1), max(self.size.height // self.lines - 2, 1))

    def show(self, thumbnails: Sequence[Thumbnail], marked: int) -> None:
        """Show pictures, one of them marked."""
        self._shown, self._marked = thumbnails, marked
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line through a row of pictures."""
        tall = self.size.height // self.lines
        line, within = divmod(y, max(tall, 1))
        wide = self.size.width // self.columns
        first = line * self.columns
        if line >= self.lines:
            return Strip.blank(self.size.width, self.rich_style)
        parts = [
            self._part(self._shown[place], place == self._marked, within, wide)
            for place in range(first, min(first + self.columns, len(self._shown)))
        ]
        return Strip.join(parts).adjust_cell_length(self.size.width, self.rich_style)

    def _part(self, thumbnail: Thumbnail, marked: bool, within: int, wide: int) -> Strip:
        width, height = self.picture
        if within < height:
            return picture_line(thumbnail.rows, within, width, height, self.rich_style).adjust_cell_length(
                wide, self.rich_style
            )
        if within > height:
            return Strip.blank(wide, self.rich_style)
        style = self.get_component_rich_style("thumbnails--marked" if marked else "thumbnails--caption")
        words = f"{'▸' if marked else ' '}{thumbnail.caption}"[:width].ljust(width)
        return Strip([Segment(words, style)]).adjust_cell_length(wide, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Mark the picture that was clicked."""
        tall, wide = self.size.height // self.lines, self.size.width // self.columns
        place = event.y // max(tall, 1) * self.columns + event.x // max(wide, 1)
        if place < len(self._shown):
            self.post_message(self.Chosen(place))
