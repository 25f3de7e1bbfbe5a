"""LogPane: a window on a run's log: its end while it is followed, else any place of it, however long it is.

It holds a few thousand lines at most. Lines beyond them are asked for with a message, and read by the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from whaletui.view.logtail import LogLine

MOST_LINES = 5000
NEAR_LINES = 40
"""Lines left before an end of the window at which more are asked for."""


class LogPane(Widget, can_focus=True):
    """Plain lines, never markup, with a cursor; at the end it follows what is written."""

    BINDINGS = [
        Binding("up,k", "move(-1)", "line up", show=False),
        Binding("down,j", "move(1)", "line down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "edge(False)", "first line", show=False),
        Binding("end,f", "edge(True)", "follow the log", show=False),
        Binding("slash", "search", "search", key_display="/"),
        Binding("n", "again(False)", "next match", show=False),
        Binding("N", "again(True)", "match before", show=False),
    ]
    COMPONENT_CLASSES = {"log-pane--cursor", "log-pane--match", "log-pane--bar"}
    DEFAULT_CSS = """
    LogPane {
        height: 1fr; padding: 0 1; background: $background; color: $foreground;
        .log-pane--cursor { background: $block-cursor-blurred-background; }
        .log-pane--match { background: $accent 60%; color: $background; }
        .log-pane--bar { color: $primary; }
        &:focus .log-pane--cursor { background: $block-cursor-background; }
    }
    """

    @dataclass
    class Wanted(Message):
        """Lines before (or after) the window are to be read; `place` is where the window ends on that side."""

        place: int
        before: bool

    @dataclass
    class Edge(Message):
        """The first lines of the log, or its end, are to be shown."""

        end: bool

    @dataclass
    class Moved(Message):
        """The cursor came to a line; None: the end is followed."""

        line: LogLine | None

    @dataclass
    class Search(Message):
        """A person wants to search; `words` is empty where they are still to be asked for."""

        words: str
        backwards: bool

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: list[LogLine] = []
        self.words = ""  # searched for
        self.following = True
        self.cursor = 0
        self.size_bytes = 0  # of the whole log, as far as is known
        self._top = 0
        self._unfinished = ""

    @property
    def _room(self) -> int:
        return max(self.content_size.height, 1)

    def add(self, lines: Sequence[LogLine], unfinished: str = "") -> None:
        """Take lines that were written since; they are shown where the end is followed."""
        changed = unfinished != self._unfinished
        self._unfinished = unfinished
        if lines:
            self.size_bytes = max(self.size_bytes, lines[-1].end)
        if self.following and lines:
            joined = bool(self.lines) and self.lines[-1].end == lines[0].start
            self.lines = [*(self.lines if joined else ()), *lines][-MOST_LINES:]
            changed = True
        if self.following and changed:
            self._go_to_end()
        elif lines:
            self.refresh()  # the bar on the right

    def show(self, lines: Sequence[LogLine], place: int) -> None:
        """Show another part of the log, the cursor on the line that holds a place."""
        self.lines = list(lines)
        self.following = False
        self.cursor = next((row for row, line in enumerate(self.lines) if line.end > place), len(self.lines) - 1)
        self.cursor = max(self.cursor, 0)
        self._top = max(self.cursor - self._room // 2, 0)
        self._told()

    def extend(self, lines: Sequence[LogLine], before: bool) -> None:
        """Take the lines that were asked for; as many are let go of at the other end."""
        if not lines or not self.lines:
            return
        if before and lines[-1].end == self.lines[0].start:
            self.lines = [*lines, *self.lines][:MOST_LINES]
            self.cursor, self._top = self.cursor + len(lines), self._top + len(lines)
        elif not before and lines[0].start == self.lines[-1].end:
            gone = max(len(self.lines) + len(lines) - MOST_LINES, 0)
            gone = min(gone, self._top)
            self.lines = [*self.lines, *lines][gone:]
            self.cursor, self._top = self.cursor - gone, self._top - gone

    def follow(self) -> None:
        """Follow the end again."""
        self.following = True
        self._go_to_end()
        self._told()

    def _go_to_end(self) -> None:
        count = len(self.lines) + bool(self._unfinished)
        self.cursor = max(len(self.lines) - 1, 0)
        self._top = max(count - self._room, 0)
        self.refresh()

    def _told(self) -> None:
        line = None if self.following or not self.lines else self.lines[self.cursor]
        self.post_message(self.Moved(line))
        self.refresh()

    def action_move(self, by: int) -> None:
        """Move the cursor; the first step up from the end stops following."""
        if not self.lines:
            return
        last = len(self.lines) - 1
        if self.following and by > 0:
            return
        self.following = False
        self.cursor = min(max(self.cursor + by, 0), last)
        self._top = min(max(self._top, self.cursor - self._room + 1), self.cursor)
        if self.cursor < NEAR_LINES and by < 0 and self.lines[0].start > 0:
            self.post_message(self.Wanted(self.lines[0].start, True))
        if last - self.cursor < NEAR_LINES and by > 0:
            if self.lines[-1].end < self.size_bytes:
                self.post_message(self.Wanted(self.lines[-1].end, False))
            elif self.cursor == last:
                self.following = True
                self._go_to_end()
        self._told()

    def action_page(self, by: int) -> None:
        """Move the cursor by what is in sight."""
        self.action_move(by * max(self._room - 1, 1))

    def action_edge(self, end: bool) -> None:
        """Go to the first line, or follow the end."""
        self.post_message(self.Edge(end))

    def action_search(self) -> None:
        """Ask what to look for."""
        self.post_message(self.Search("", False))

    def action_again(self, backwards: bool) -> None:
        """Go to the next match."""
        self.post_message(self.Search(self.words, backwards))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move up."""
        event.stop()
        self.action_move(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move down."""
        event.stop()
        self.action_move(3)

    def on_click(self, event: events.Click) -> None:
        """Move to a clicked line."""
        row = self._top + event.y
        if row < len(self.lines):
            self.following = False
            self.cursor = row
            self._told()

    def on_resize(self) -> None:
        """Keep the end in sight, or the cursor."""
        if self.following:
            self._go_to_end()
        else:
            self._top = min(max(self._top, self.cursor - self._room + 1), self.cursor)

    def render_line(self, y: int) -> Strip:
        """Return one line, its matches marked, and the bar that shows where in the log this is."""
        width, base = self.content_size.width, self.rich_style
        row = self._top + y
        text = self.lines[row].text if row < len(self.lines) else self._unfinished if row == len(self.lines) else ""
        if row == self.cursor and not self.following and row < len(self.lines):
            base += Style(bgcolor=self.get_component_rich_style("log-pane--cursor").bgcolor)
        strip = Strip(self._marked(text, base)).adjust_cell_length(max(width - 1, 0), base)
        return Strip([*strip, self._bar(y)]).adjust_cell_length(width, base)

    def _marked(self, text: str, base: Style) -> list[Segment]:
        text = set_cell_size(text, max(self.content_size.width - 1, 0)) if not text.isascii() else text
        words = self.words.lower()
        if not words or words not in text.lower() or len(text.lower()) != len(text):
            return [Segment(text, base)]
        match = base + self.get_component_rich_style("log-pane--match")
        segments, start = [], 0
        while (found := text.lower().find(words, start)) >= 0:
            segments += [Segment(text[start:found], base), Segment(text[found : found + len(words)], match)]
            start = found + len(words)
        return [*segments, Segment(text[start:], base)]

    def _bar(self, y: int) -> Segment:
        """Return the piece of the bar beside a line: filled where the lines in sight lie in the whole log."""
        bar = self.get_component_rich_style("log-pane--bar")
        if not self.lines or not self.size_bytes:
            return Segment(" ", bar)
        top = self.lines[min(self._top, len(self.lines) - 1)].start
        bottom = self.lines[min(self._top + self._room, len(self.lines)) - 1].end
        first, last = (place * self._room // self.size_bytes for place in (top, max(bottom - 1, 0)))
        return Segment("▐" if first <= y <= last else " ", bar)
