"""The home screen: every run in one table, the curves of the one under the cursor, and why it is as it is."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from whaletui.desk import Pulse
from whaletui.records.model import Page, RunRecord
from whaletui.screens.actions import AGAIN, CANCEL, CLONE, EXPORT, SELDOM, RunActions
from whaletui.screens.choose import Choice, Choose
from whaletui.screens.run import RunScreen
from whaletui.view.columns import COLUMNS, RowFacts
from whaletui.view.paging import PAGE_ROWS, below_words
from whaletui.view.query import QueryError, is_begun, parse
from whaletui.view.runview import RunView
from whaletui.widgets.filter_bar import FilterBar
from whaletui.widgets.glance import Glance
from whaletui.widgets.headline import Headline
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.run_table import RunTable

FOLLOWED = "runs"


class RunsScreen(RunActions):
    """Home. Everything else opens from here and comes back here."""

    TITLE = "runs"
    HELP_WORDS = "Every run of the workspace; below it the one under the cursor."
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-medium"), (130, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (19, "-low"), (34, "-tall")]
    BINDINGS = [
        Binding("enter", "open", "open", key_display="⏎"),
        Binding("n", "new", "new"),
        CLONE,
        Binding("space", "select", "select", key_display="␣"),
        Binding("d", "compare", "compare"),
        Binding("e", "ensemble", "ensemble"),
        EXPORT,
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        CANCEL,
        AGAIN,
        Binding("s", "sort", "sort"),
        Binding("S", "reverse", "reverse the order", show=False),
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
        self.page = Page(rows=(), matching=0, total=0)
        self.first_row, self.page_rows = 0, PAGE_ROWS
        self.query_text = ""
        self.log_axis = False
        self._loading = self._stale = False

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
        self.query_one(RunTable).focus()
        self.query_one(Headline).show(self.desk.workspace.root.name, "opening …", {}, ())

    def hear(self, pulse: Pulse) -> None:
        """Show live figures at once; read the page again where the records changed."""
        if pulse.records_changed:
            self.reload()
        self._show_rows()
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
        query, (sort, descending), first_row = self.query_text, self.query_one(RunTable).sort, self.first_row
        self.work(
            "reading the runs",
            lambda: self.desk.records.page(
                query, sort=sort, descending=descending, limit=self.page_rows, offset=first_row
            ),
            self._show_page,
        )  # fmt: skip

    def complain(self, about: str, error: BaseException) -> None:
        """Show an error; one of the filter belongs beside the filter."""
        self._loading = False
        if isinstance(error, QueryError):
            self.query_one(FilterBar).refuse(str(error))
        else:
            super().complain(about, error)

    def _show_page(self, page: Page) -> None:
        self._loading = False
        if not page.rows and self.first_row:  # the last page was emptied
            self.first_row = max(self.first_row - self.page_rows, 0)
            self._stale = True
        self.page = page
        self.desk.selected.update({row.id: row for row in page.rows if row.id in self.desk.selected})
        self._show_rows()
        if self.desk.newest is not None and self.query_one(RunTable).go_to(self.desk.newest):
            self.desk.newest = None
        self._show_below()
        self._show_current()
        if self._stale:
            self.reload()

    def _show_rows(self) -> None:
        views, selected, now = self.desk.views, self.desk.selected, self.desk.now()
        self.query_one(RunTable).show(
            [
                RowFacts(record=record, view=views.get(record.id), now=now, selected=record.id in selected)
                for record in self.page.rows
            ]
        )

    def _show_headline(self, pulse: Pulse) -> None:
        place = self.desk.workspace.root.name or str(self.desk.workspace.root)
        data = self.desk.data_folder.rstrip("/").rpartition("/")[2]
        self.query_one(Headline).show(
            place, f"on {data}" if data else "no data yet: whaletui init", self.page.counts, pulse.slots
        )  # fmt: skip

    def _show_below(self) -> None:
        words = below_words(self.page, self.first_row, bool(self.query_text), len(self.desk.selected))
        below = self.query_one("#below", Static)
        below.update(Content(words))
        below.display = bool(words)

    def _show_current(self) -> None:
        """Draw the lower half for the run under the cursor."""
        record = self.current()
        if record is None:
            return
        self.query_one(Glance).show(record, self.desk.views.get(record.id) or RunView.new(), self.log_axis)

    def current(self) -> RunRecord | None:
        """Return the run under the cursor."""
        facts = self.query_one(RunTable).current
        return facts.record if facts else None

    def targets(self) -> list[RunRecord]:
        """Return the selected runs, or the one under the cursor."""
        current = self.current()
        return list(self.desk.selected.values()) or ([current] if current else [])

    @on(RunTable.Highlighted)
    def follow_current(self) -> None:
        """Have the run under the cursor followed, and draw what is known of it."""
        if (record := self.current()) is not None:
            self.desk.watched[FOLLOWED] = (record,)
            self._show_current()
            self.room.look_now()

    @on(RunTable.Opened)
    def open_run(self) -> None:
        """Open a run that was clicked twice."""
        self.action_open()

    def action_open(self) -> None:
        """Open the run under the cursor."""
        if (record := self.current()) is not None:
            self.app.push_screen(RunScreen(record))

    def action_select(self) -> None:
        """Mark the run under the cursor, or take its mark off, and go on to the next."""
        table = self.query_one(RunTable)
        if (record := self.current()) is None:
            return
        if record.id in self.desk.selected:
            del self.desk.selected[record.id]
        else:
            self.desk.selected[record.id] = record
        table.action_move(1)
        self._show_rows()
        self._show_below()

    def action_clear(self) -> None:
        """Clear the filter; there being none, let go of the selection."""
        if self.query_text:
            self.query_one(FilterBar).clear()
        else:
            self.desk.selected.clear()
            self._show_rows()
            self._show_below()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

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
        self.query_text, self.first_row = message.text.strip(), 0
        self.reload()

    @on(FilterBar.Left)
    def filter_left(self) -> None:
        """Go back to the table."""
        self.query_one(RunTable).focus()

    def action_sort(self) -> None:
        """Choose the column to sort by."""
        choices = [Choice(column.sort, column.title) for column in COLUMNS if column.sort]
        self.app.push_screen(Choose("sort by", choices, self.query_one(RunTable).sort[0]), self._sort_by)

    @on(RunTable.SortAsked)
    def title_clicked(self, message: RunTable.SortAsked) -> None:
        """Sort by a clicked title."""
        self._sort_by(message.sort)

    def _sort_by(self, wanted: str | None) -> None:
        """Sort by a column: figures from the best down, words from a to z; asked again, the other way."""
        if wanted is None:
            return
        table = self.query_one(RunTable)
        before, descending = table.sort
        words = ("name", "backbone", "method", "loss", "state", "slot")
        table.sort = (wanted, not descending if wanted == before else wanted not in words)
        self.first_row = 0
        self.reload()

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._sort_by(self.query_one(RunTable).sort[0])

    def action_turn(self, by: int) -> None:
        """Turn to another page."""
        first_row = self.first_row + by * self.page_rows
        if 0 <= first_row < self.page.matching:
            self.first_row = first_row
            self.reload()

    def action_log_axis(self) -> None:
        """Draw the loss on a logarithmic axis, or plainly again."""
        self.log_axis = not self.log_axis
        self._show_current()

    def action_new(self) -> None:
        """Choose a preset, then open the form on it."""
        from whaletui.screens.new_run import choose_preset

        choose_preset(self)

    def action_data(self) -> None:
        """Look at the photos that everything is learnt from."""
        from whaletui.screens.data import DataScreen

        self.app.push_screen(DataScreen())

    def action_compare(self) -> None:
        """Set the selected runs side by side."""
        if len(self.desk.selected) < 2:
            self.warn("select two or more runs with space, then d sets them side by side")
            return
        from whaletui.screens.compare import Compare

        self.app.push_screen(Compare(tuple(self.desk.selected)))

    def action_ensemble(self) -> None:
        """Blend the selected finished runs; without any, list the ensembles that were written down."""
        if not self.desk.selected:
            from whaletui.screens.votes import VotesScreen

            self.app.push_screen(VotesScreen())
            return
        from whaletui.screens.ensemble import EnsembleScreen

        self.app.push_screen(EnsembleScreen(tuple(self.desk.selected)))

    def on_resize(self, event: Resize) -> None:
        """Fill the lower half for its new size."""
        self.call_after_refresh(self._show_current)

    def on_screen_resume(self) -> None:
        """Show what changed while another screen was in front."""
        if self.desk.is_open:
            self.reload()
