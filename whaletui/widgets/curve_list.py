"""CurveList: the runs whose curves are shown: each with its colour and stroke, and its value at the marked place.

Draws only lines in sight, so that a thousand runs cost as much as twenty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from whaletui.view.plots import PALETTE_SIZE
from whaletui.widgets.chart import STROKES
from whaletui.widgets.styles import curve_style


class CurveLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line: the run, the number its colour and stroke follow from, its value in words."""

    run_id: int
    name: str
    number: int
    value: str
    shown: bool


class CurveList(ScrollView, can_focus=True):
    """Keeps a cursor on one run, which is drawn over the others."""

    BINDINGS = [
        Binding("up,k", "move(-1)", "run above", show=False),
        Binding("down,j", "move(1)", "run below", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
    ]
    COMPONENT_CLASSES = {"curve-list--cursor", "curve-list--text", "curve-list--quiet", "curve-list--value"}
    DEFAULT_CSS = """
    CurveList {
        height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1;
        .curve-list--cursor { background: $block-cursor-background; }
        .curve-list--text { color: $foreground; }
        .curve-list--quiet { color: $foreground-muted; }
        .curve-list--value { color: $foreground; text-style: bold; }
    }
    """

    cursor: reactive[int] = reactive(0, repaint=False)

    @dataclass
    class Highlighted(Message):
        """The cursor came to another run."""

        run_id: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[CurveLine] = ()

    @property
    def current(self) -> CurveLine | None:
        """The line under the cursor, or None of an empty list."""
        return self._lines[self.cursor] if self.cursor < len(self._lines) else None

    def show(self, lines: Sequence[CurveLine]) -> None:
        """Show these lines."""
        if lines == self._lines:
            return
        self._lines = lines
        self.virtual_size = Size(self.size.width, len(lines))
        self.cursor = min(self.cursor, max(len(lines) - 1, 0))
        self.refresh()

    def watch_cursor(self, before: int, now: int) -> None:
        """Keep the cursor in sight and tell where it is."""
        top = self.scroll_offset.y
        if now < top:
            self.scroll_to(y=now, animate=False, immediate=True)
        elif now >= top + max(self.size.height, 1):
            self.scroll_to(y=now - max(self.size.height, 1) + 1, animate=False, immediate=True)
        for row in (before, now):
            self.refresh(Region(0, row - self.scroll_offset.y, self.size.width, 1))
        if before != now and self.current is not None:
            self.post_message(self.Highlighted(self.current.run_id))

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.cursor = min(max(self.cursor + by, 0), max(len(self._lines) - 1, 0))

    def action_page(self, by: int) -> None:
        """Move the cursor by what is in sight."""
        self.action_move(by * max(self.size.height - 1, 1))

    def on_click(self, event: events.Click) -> None:
        """Move to a clicked line."""
        if (row := event.y + self.scroll_offset.y) < len(self._lines):
            self.cursor = row

    def on_resize(self) -> None:
        """Fit the lines to the new width."""
        self.virtual_size = Size(self.size.width, len(self._lines))

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        width, row = self.size.width, y + self.scroll_offset.y
        if row >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[row]
        cursor = self.get_component_rich_style("curve-list--cursor").bgcolor if row == self.cursor else None
        base = self.rich_style + Style(bgcolor=cursor)
        room = max(width - 6 - len(line.value), 0)
        stroke = STROKES[line.number // PALETTE_SIZE % 3] if line.shown else "  "
        segments = [
            Segment(f" {stroke} ", base + curve_style(self, line.number % PALETTE_SIZE)),
            Segment(
                set_cell_size(f"{line.run_id} {line.name}", room),
                base + self._named("text" if line.shown else "quiet"),
            ),
            Segment(f" {line.value} ", base + self._named("value")),
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _named(self, name: str) -> Style:
        return self.get_component_rich_style(f"curve-list--{name}", partial=True)
