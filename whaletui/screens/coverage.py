"""Coverage: backbone x method x crop against seeds, what each cell came to, and the missing ones queued with a key."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from engine.contract.spec import RunSpec
from whaletui.desk import Pulse
from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.screens.confirm import Confirm
from whaletui.screens.run import RunScreen
from whaletui.view import formats
from whaletui.view.coverage import Coverage as Map
from whaletui.view.coverage import Line, coverage, spec_of
from whaletui.widgets.coverage_map import CoverageMap
from whaletui.widgets.key_line import KeyLine

MOST_RUNS = 5000


class Coverage(AtDesk[None]):
    """The map of the runs that a filter lets through."""

    TITLE = "what was run"
    HELP_WORDS = (
        "Every backbone, method and crop that was run, against every seed. A figure is a finished run's MAP@5; "
        "□ is missing. A missing cell is made from the nearest run: only what the cell asks for is changed."
    )
    BINDINGS = [
        Binding("enter", "open", "open", key_display="⏎"),
        Binding("n", "queue_one", "queue it"),
        Binding("a", "queue_line", "queue line"),
        Binding("A", "queue_all", "queue all"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, query: str = "") -> None:
        super().__init__()
        self.query_text = query
        self.map = coverage(())
        self.runs: Sequence[RunRecord] = ()

    def compose(self) -> ComposeResult:
        """Lay out the map under its title."""
        yield Static("reading …", id="title")
        yield CoverageMap()
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the runs."""
        self.query_one(CoverageMap).focus()
        self._read()

    def hear(self, pulse: Pulse) -> None:
        """Read again what changed."""
        if pulse.records_changed:
            self._read()

    def _read(self) -> None:
        def read() -> tuple[Sequence[RunRecord], Map]:
            runs = self.desk.records.page(self.query_text, limit=MOST_RUNS).rows
            return runs, coverage(runs)

        self.work("reading the runs", read, self._show, group="coverage")

    def _show(self, found: tuple[Sequence[RunRecord], Map]) -> None:
        self.runs, self.map = found
        missing = self._missing(self.map.lines)
        words = f"{formats.count(len(missing), 'cell')} of {len(self.map.lines) * len(self.map.seeds):,} missing"
        words += f"   of runs that match {safe(self.query_text, 60)}" if self.query_text else ""
        words += f"   {self.map.left_out} lines more than can be shown" if self.map.left_out else ""
        self.query_one("#title", Static).update(Content(words if self.map.lines else "no run of ours yet"))
        self.query_one(CoverageMap).show(self.map)

    def _missing(self, lines: Sequence[Line]) -> list[tuple[Line, int]]:
        return [(line, seed) for line in lines for seed in self.map.seeds if self.map.missing(line, seed)]

    def action_open(self) -> None:
        """Open the run of the cell under the cursor."""
        place = self.query_one(CoverageMap).current
        run = self.map.best(*place) if place else None
        if run is None:
            self.warn("nothing was run here yet: n queues it")
        else:
            self.app.push_screen(RunScreen(run))

    def action_queue_one(self) -> None:
        """Queue the cell under the cursor, if it is missing."""
        place = self.query_one(CoverageMap).current
        if place is not None and not self.map.missing(*place):
            self.warn("this cell has its run: c at home makes another")
        elif place is not None:
            self._queue([place])

    def action_queue_line(self) -> None:
        """Queue what is missing of the line under the cursor."""
        place = self.query_one(CoverageMap).current
        if place is not None:
            self._ask(self._missing([place[0]]))

    def action_queue_all(self) -> None:
        """Queue everything that is missing."""
        self._ask(self._missing(self.map.lines))

    def _ask(self, places: list[tuple[Line, int]]) -> None:
        if not places:
            self.warn("nothing is missing here")
            return

        def answer(sure: bool | None) -> None:
            if sure:
                self._queue(places)

        question = f"Queue {formats.count(len(places), 'run')}?"
        self.app.push_screen(Confirm(question, "Each is the nearest run with what its cell asks for.", "queue"), answer)

    def _queue(self, places: list[tuple[Line, int]]) -> None:
        ours = [run for run in self.runs if run.state != "published"]

        def queue() -> list[RunRecord]:
            from whaletui.launch import enqueue

            specs: list[RunSpec] = [spec_of(line, seed, ours) for line, seed in places]
            return enqueue(self.desk.records, self.desk.workspace, specs)

        def told(runs: list[RunRecord]) -> None:
            self.say(f"queued as {', '.join(str(run.id) for run in runs[:8])}{' …' if len(runs) > 8 else ''}")
            self.desk.newest = runs[-1].id
            self.room.look_now()

        self.work(f"queueing {formats.count(len(places), 'run')}", queue, told)
