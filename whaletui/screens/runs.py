"""The home screen: every run in one table, the curves of the one under the cursor, and why it is as it is."""

from __future__ import annotations

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from whaletui.desk import Pulse
from whaletui.records.model import Page, RunRecord
from whaletui.screens.actions import AGAIN, CANCEL, CLONE, EXPORT, SELDOM
from whaletui.screens.runs_doors import RunsDoors
from whaletui.screens.table import TABLE_KEYS
from whaletui.sheet import Sheet, read_sheet
from whaletui.view.columns import Column
from whaletui.view.complete import known_values
from whaletui.view.paging import PAGE_ROWS, below_words
from whaletui.view.query import QueryError, is_begun, parse
from whaletui.widgets.filter_bar import FilterBar
from whaletui.widgets.glance import Glance
from whaletui.widgets.headline import Headline
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.run_table import RunTable

FOLLOWED = "runs"
DRAWN_AT_ONCE = 12
"""Curves of a folded row that are drawn over one another."""


class RunsScreen(RunsDoors):
    """Home. Everything else opens from here and comes back here."""

    TITLE = "runs"
    HELP_WORDS = "Every run of the workspace; below it the one under the cursor."
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-medium"), (130, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (19, "-low"), (34, "-tall"), (60, "-towering")]
    BINDINGS = [
        Binding("enter", "open", "open", key_display="⏎"),
        Binding("n", "new", "new"),
        CLONE,
        Binding("space", "select", "select", key_display="␣"),
        Binding("A", "select_all", "select all that match", show=False),
        Binding("d", "compare", "compare"),
        Binding("e", "ensemble", "ensemble"),
        EXPORT,
        Binding("v", "curves", "curves"),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        CANCEL,
        AGAIN,
        Binding("s", "sort", "sort"),
        Binding("Q", "queue", "queue and GPUs"),
        Binding("S", "reverse", "reverse the order", show=False),
        Binding("m", "coverage", "map of what was run", show=False),
        *TABLE_KEYS,
        Binding("left_square_bracket", "turn(-1)", "page back", show=False, key_display="["),
        Binding("right_square_bracket", "turn(1)", "next page", show=False, key_display="]"),
        Binding("l", "log_axis", "loss on a log axis", show=False),
        Binding("b", "data", "photos and their boxes", show=False),
        Binding("escape", "clear", "clear filter or selection", show=False),
        *SELDOM,
        Binding("q", "app.quit", "quit"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.first_row, self.page_rows = 0, PAGE_ROWS
        self.log_axis = False
        self._loading = self._stale = False

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return self.sheet.page

    def compose(self) -> ComposeResult:
        """Lay out the screen; the table fills once the records are open."""
        yield Headline(id="headline")
        yield FilterBar(id="filter")
        yield RunTable(id="table")
        yield Static(id="below")
        yield Glance()
        yield KeyLine()

    def on_mount(self) -> None:
        """Begin in the table, saying where we are before anything was read."""
        self.view = self.desk.remembered.view
        self.query_one(RunTable).sort = (self.view.sort, self.view.descending)
        self.query_one(RunTable).focus()
        self.query_one(Headline).show(self.desk.workspace.root.name, "opening …", {}, ())

    def hear(self, pulse: Pulse) -> None:
        """Show live figures at once; read the page again where the records changed."""
        if pulse.records_changed:
            self.reload()
        self.show_rows()
        current = self.current()
        if current is not None and (current.id in pulse.changed):
            self._show_current()
        self._show_headline(pulse)

    def reload(self) -> None:
        """Read the page anew; a request that comes while one is on its way waits for it."""
        if self._loading:
            self._stale = True
            return
        if not self.desk.is_open:
            return
        self._loading, self._stale = True, False
        view, first_row, baseline = self.view, self.first_row, self.desk.remembered.baseline

        def read() -> tuple[Sheet, tuple[Column, ...]]:
            sheet = read_sheet(self.desk.records, view, baseline, self.page_rows, first_row)
            return sheet, self.chosen_columns(sheet)

        self.work("reading the runs", read, self._show_sheet)

    def complain(self, about: str, error: BaseException) -> None:
        """Show an error; one of the filter belongs beside the filter."""
        self._loading = self._marking = False
        if isinstance(error, QueryError):
            self.query_one(FilterBar).refuse(str(error))
        else:
            super().complain(about, error)

    def _show_sheet(self, found: tuple[Sheet, tuple[Column, ...]]) -> None:
        sheet, columns = found
        self._loading = False
        if not sheet.page.rows and self.first_row:  # the last page was emptied
            self.first_row = max(self.first_row - self.page_rows, 0)
            self._stale = True
        self.sheet, self.columns = sheet, columns
        self.desk.selected.update({row.id: row for row in sheet.page.rows if row.id in self.desk.selected})
        self.query_one(FilterBar).words.values = known_values(sheet.page.rows)
        self.show_rows()
        if self.desk.newest is not None and self.query_one(RunTable).go_to(self.desk.newest):
            self.desk.newest = None
        self.show_below()
        self._show_current()
        if self._stale:
            self.reload()

    def show_rows(self) -> None:
        """Draw the rows as they stand now."""
        base = self.sheet.baseline
        self.query_one(RunTable).show(self.rows(), self.columns, self.row(base, self.sheet) if base else None)

    def _show_headline(self, pulse: Pulse) -> None:
        place = self.desk.workspace.root.name or str(self.desk.workspace.root)
        data = self.desk.data_folder.rstrip("/").rpartition("/")[2]
        self.query_one(Headline).show(
            place, f"on {data}" if data else "no data yet: whaletui init", self.page.counts, pulse.slots
        )  # fmt: skip

    def show_below(self) -> None:
        """Say which page this is, and how much is selected."""
        words = below_words(self.page, self.first_row, bool(self.view.filter), len(self.desk.selected))
        below = self.query_one("#below", Static)
        below.update(Content(words))
        below.display = bool(words)

    def _show_current(self) -> None:
        """Draw the lower half for the row under the cursor."""
        facts = self.query_one(RunTable).current
        if facts is not None:
            self.query_one(Glance).show(facts, self.desk.views, self.log_axis)

    def current(self) -> RunRecord | None:
        """Return the run under the cursor, of a folded row the first."""
        facts = self.query_one(RunTable).current
        return facts.record if facts else None

    def targets(self) -> list[RunRecord]:
        """Return the selected runs, or those under the cursor."""
        facts = self.query_one(RunTable).current
        return list(self.desk.selected.values()) or (list(facts.runs) if facts else [])

    @on(RunTable.Highlighted)
    def follow_current(self) -> None:
        """Have the runs under the cursor followed, and draw what is known of them."""
        if (facts := self.query_one(RunTable).current) is not None:
            self.desk.watched[FOLLOWED] = facts.runs[:DRAWN_AT_ONCE]
            self._show_current()
            self.room.look_now()

    @on(RunTable.Opened)
    def open_run(self) -> None:
        """Open a run that was clicked twice."""
        self.action_open()

    def action_clear(self) -> None:
        """Clear the filter; there being none, let go of the selection."""
        if self.view.filter:
            self.query_one(FilterBar).clear()
        else:
            self.desk.selected.clear()
            self.show_rows()
            self.show_below()

    def action_filter(self) -> None:
        """Type a filter; ↑ brings back those of before."""
        bar = self.query_one(FilterBar)
        bar.earlier = self.desk.remembered.filters
        bar.open()

    def show_filter(self, text: str) -> None:
        """Show a filter that a saved view brings."""
        bar = self.query_one(FilterBar)
        with bar.prevent(FilterBar.Changed):
            bar.write(text)

    def to_first_page(self) -> None:
        """Begin at the first page again."""
        self.first_row = 0

    @on(FilterBar.Changed)
    def filter_changed(self, message: FilterBar.Changed) -> None:
        """Filter while it is typed; one that cannot be read yet leaves the table as it is."""
        try:
            parse(message.text)
        except QueryError as error:
            self.query_one(FilterBar).refuse(str(error))
            return
        self.query_one(FilterBar).accept()
        if is_begun(message.text) and not message.final:
            return  # "map" is more likely on its way to map5>0.4 than the name of a run
        if message.final:
            self._keep(self.desk.remembered.with_filter(message.text))
        self.view = msgspec.structs.replace(self.view, filter=message.text.strip())
        self.to_first_page()
        self.reload()

    @on(FilterBar.Left)
    def filter_left(self) -> None:
        """Go back to the table."""
        self.query_one(RunTable).focus()

    @on(RunTable.SortAsked)
    def title_clicked(self, message: RunTable.SortAsked) -> None:
        """Sort by a clicked title."""
        self.sort_by(message.sort)

    def action_turn(self, by: int) -> None:
        """Turn to another page."""
        first_row = self.first_row + by * self.page_rows
        if 0 <= first_row < self.sheet.matching:
            self.first_row = first_row
            self.reload()

    def action_log_axis(self) -> None:
        """Draw the loss on a logarithmic axis, or plainly again."""
        self.log_axis = not self.log_axis
        self._show_current()

    def on_resize(self, event: Resize) -> None:
        """Fill the lower half for its new size."""
        self.call_after_refresh(self._show_current)

    def on_screen_resume(self) -> None:
        """Show what changed while another screen was in front."""
        if self.desk.is_open:
            self.reload()
