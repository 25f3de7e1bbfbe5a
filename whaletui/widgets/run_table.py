"""RunTable: a page of runs, one line each, a baseline pinned above. Repaints and draws only what it must.

A table of our own, not a DataTable: that one measures every cell of a page when it is filled (0.2 s for 500
rows, at every keystroke of a live filter) and repaints whole when one cell changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

from whaletui.view.columns import COLUMNS, Cell, Column, Placed, RowFacts, layout

PINNED = -1
"""The number of the pinned row among those that are numbered from 0."""


class RunTable(ScrollView, can_focus=True):
    """Shows rows, keeps a cursor on one of them by its run, and says what a person did."""

    BINDINGS = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "move(-1000000)", "first", show=False),
        Binding("end", "move(1000000)", "last", show=False),
    ]
    COMPONENT_CLASSES = {
        f"run-table--{name}"
        for name in (
            "header",
            "cursor",
            "pinned",
            "text",
            "name",
            "strong",
            "quiet",
            "dim",
            "live",
            "good",
            "warn",
            "bad",
        )
    }
    DEFAULT_CSS = """
    RunTable {
        height: 1fr; width: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1;
        .run-table--header { color: $foreground-muted; background: $surface; text-style: bold; }
        .run-table--cursor {
            background: $block-cursor-blurred-background; text-style: $block-cursor-text-style;
        }
        .run-table--pinned { background: $surface; }
        .run-table--text { color: $foreground; }
        .run-table--name { color: $foreground; text-style: bold; }
        .run-table--strong { color: $foreground; text-style: bold; }
        .run-table--quiet { color: $foreground-muted; }
        .run-table--dim { color: $foreground-muted; }
        .run-table--live { color: $live; }
        .run-table--good { color: $text-success; }
        .run-table--warn { color: $text-warning; }
        .run-table--bad { color: $text-error; }
        &:focus .run-table--cursor { background: $block-cursor-background; }
    }
    """

    cursor: reactive[int] = reactive(0, repaint=False)
    sort: reactive[tuple[str, bool]] = reactive(("id", True))  # the records' word, and whether the highest comes first

    @dataclass
    class Highlighted(Message):
        """The cursor came to another run."""

        run_id: int

    @dataclass
    class Opened(Message):
        """A run was clicked twice."""

        run_id: int

    @dataclass
    class SortAsked(Message):
        """A column's title was clicked; `sort` is the records' word for it."""

        sort: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._facts: list[RowFacts] = []
        self._pinned: RowFacts | None = None
        self._columns: tuple[Column, ...] = COLUMNS
        self._cells: dict[int, tuple[Cell, ...]] = {}
        self._placed: tuple[Placed, ...] = ()

    @property
    def current(self) -> RowFacts | None:
        """The row under the cursor, or None of an empty table."""
        return self._facts[self.cursor] if self.cursor < len(self._facts) else None

    @property
    def facts(self) -> Sequence[RowFacts]:
        """The rows as they were last shown."""
        return self._facts

    @property
    def columns(self) -> Sequence[Column]:
        """The columns that are shown, as far as there is room."""
        return self._columns

    @property
    def head(self) -> int:
        """How many lines stand above the rows: the titles, and the pinned run."""
        return 2 if self._pinned is not None else 1

    def show(
        self, facts: Sequence[RowFacts], columns: Sequence[Column] = COLUMNS, pinned: RowFacts | None = None
    ) -> None:
        """Show these rows; the cursor stays on its run where that is still among them."""
        before = self.current
        same = [row.key for row in facts] == [row.key for row in self._facts]
        same = same and tuple(columns) == self._columns and _key(pinned) == _key(self._pinned)
        self._facts, self._columns, self._pinned = list(facts), tuple(columns), pinned
        if same:
            self._refresh_changed()
            return
        self._place()
        wanted = before.key if before else ""
        found = next((row for row, one in enumerate(self._facts) if one.key == wanted), None)
        self.cursor = min(self.cursor, max(len(self._facts) - 1, 0)) if found is None else found
        self._keep_in_sight()
        self.refresh()
        if self.current is not None and self.current.key != wanted:
            self.post_message(self.Highlighted(self.current.record.id))

    def _place(self) -> None:
        """Give the columns the room there is, and forget what was drawn."""
        self._placed = layout(self.size.width - 2, self._columns)
        self._cells.clear()
        self.virtual_size = Size(self.size.width, len(self._facts) + self.head)

    def go_to(self, run_id: int) -> bool:
        """Put the cursor on a run; says whether it is on this page."""
        for row, facts in enumerate(self._facts):
            if facts.record.id == run_id or (not facts.opened and any(run.id == run_id for run in facts.members)):
                self.cursor = row
                return True
        return False

    def go_to_key(self, key: str) -> None:
        """Put the cursor on a row by its key."""
        for row, facts in enumerate(self._facts):
            if facts.key == key:
                self.cursor = row

    def cell_region(self, key: str) -> Region | None:
        """Return where a column's cell under the cursor lies on screen; None where it is out of sight."""
        start = 1
        for placed in self._placed:
            if placed.column.key == key:
                line = self.cursor + self.head - self.scroll_offset.y
                return Region(self.region.x + start, self.region.y + line, placed.width, 1)
            start += placed.width + 1
        return None

    def _refresh_changed(self) -> None:
        first, last = self._in_sight()
        for row in list(self._cells):
            if row != PINNED and not first <= row <= last:
                del self._cells[row]
        rows = [*([PINNED] if self._pinned is not None else []), *range(first, min(last + 1, len(self._facts)))]
        for row in rows:
            before, cells = self._cells.get(row, ()), self._row_cells(row)
            self._cells[row] = cells
            self._refresh_cells(1 if row == PINNED else row + self.head - first, before, cells)

    def _refresh_cells(self, y: int, before: tuple[Cell, ...], cells: tuple[Cell, ...]) -> None:
        """Repaint the cells of a line that changed, and none beside them."""
        x = 1
        for column, placed in enumerate(self._placed):
            if before[column : column + 1] != cells[column : column + 1]:
                self.refresh(Region(x, y, placed.width, 1))
            x += placed.width + 1

    def _row_cells(self, row: int) -> tuple[Cell, ...]:
        facts = self._facts[row] if row != PINNED else self._pinned
        return tuple(placed.column.cell(facts) for placed in self._placed) if facts is not None else ()

    def _refresh_row(self, row: int) -> None:
        self.refresh(Region(0, row + self.head - self.scroll_offset.y, self.size.width, 1))

    def _in_sight(self) -> tuple[int, int]:
        top = self.scroll_offset.y
        return top, top + max(self.size.height - self.head - 1, 0)

    def _keep_in_sight(self) -> None:
        first, last = self._in_sight()
        if self.cursor < first:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor > last:
            self.scroll_to(y=self.cursor - (last - first), animate=False, immediate=True)

    def watch_cursor(self, before: int, now: int) -> None:
        """Repaint the two lines that the cursor left and came to."""
        self._refresh_row(before)
        self._refresh_row(now)
        self._keep_in_sight()
        if self.current is not None and before != now:
            self.post_message(self.Highlighted(self.current.record.id))

    def action_move(self, by: int) -> None:
        """Move the cursor, staying on the page."""
        self.cursor = min(max(self.cursor + by, 0), max(len(self._facts) - 1, 0))

    def action_page(self, by: int) -> None:
        """Move the cursor by what is in sight."""
        self.action_move(by * max(self.size.height - self.head - 1, 1))

    def on_click(self, event: events.Click) -> None:
        """Move to a clicked line, open it on the second click, or sort by a clicked title."""
        if event.y == 0:
            self._ask_sort(event.x)
        elif event.y >= self.head and (row := event.y - self.head + self.scroll_offset.y) < len(self._facts):
            self.cursor = row
            if event.chain == 2:
                self.post_message(self.Opened(self._facts[row].record.id))

    def _ask_sort(self, x: int) -> None:
        start = 1
        for placed in self._placed:
            if start <= x < start + placed.width and placed.column.sort:
                self.post_message(self.SortAsked(placed.column.sort))
            start += placed.width + 1

    def on_resize(self) -> None:
        """Choose the columns that fit."""
        self._place()
        self._keep_in_sight()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the titles or one row."""
        width = self.size.width
        if y == 0:
            return self._header(width)
        if y == 1 and self._pinned is not None:
            pinned = self._cells.setdefault(PINNED, self._row_cells(PINNED))
            return self._line(pinned, self.get_component_rich_style("run-table--pinned"), width)
        row = y - self.head + self.scroll_offset.y
        if row >= len(self._facts):
            return Strip.blank(width, self.rich_style)
        cells = self._cells.get(row)
        if cells is None:
            cells = self._cells[row] = self._row_cells(row)
        cursor = self.get_component_rich_style("run-table--cursor")
        return self._line(cells, cursor if row == self.cursor else None, width)

    def _line(self, cells: Sequence[Cell], under: Style | None, width: int) -> Strip:
        ground = Style.null() if under is None else Style(bgcolor=under.bgcolor, reverse=under.reverse)
        base = self.rich_style + ground
        segments = [Segment(" ", base)]
        for cell, placed in zip(cells, self._placed, strict=False):
            style = self.get_component_rich_style(f"run-table--{cell.style or 'text'}") + ground
            segments += [Segment(_fitted(cell.text, placed), style), Segment(" ", base)]
        return Strip(segments).adjust_cell_length(width, base)

    def _header(self, width: int) -> Strip:
        style = self.get_component_rich_style("run-table--header")
        words = [" "]
        for placed in self._placed:
            arrow = ("▼" if self.sort[1] else "▲") if placed.column.sort == self.sort[0] else ""
            room = placed.width - len(arrow)
            words += [_fitted(placed.column.title[:room] + arrow, placed), " "]
        return Strip([Segment("".join(words), style)]).adjust_cell_length(width, style)


def _key(facts: RowFacts | None) -> str:
    return facts.key if facts is not None else ""


def _fitted(text: str, placed: Placed) -> str:
    """Return text of exactly the column's width in cells, cut with an ellipsis."""
    cells = len(text) if text.isascii() else Segment(text).cell_length
    if cells > placed.width:
        return set_cell_size(set_cell_size(text, placed.width - 1).rstrip() + "…", placed.width)
    return " " * (placed.width - cells) + text if placed.column.right else text + " " * (placed.width - cells)
