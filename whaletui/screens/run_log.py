"""The log of a run on its screen: followed, walked, searched, and linked with the curves by when it was written."""

from __future__ import annotations

from bisect import bisect_right

from textual import on
from textual.worker import get_current_worker

from whaletui.records.model import RunRecord
from whaletui.screens.actions import RunActions
from whaletui.screens.prompt import Prompt
from whaletui.view.logtail import LogFile, LogLine, LogTail
from whaletui.view.runview import RunView
from whaletui.widgets.chart import Chart
from whaletui.widgets.log_pane import LogPane


class RunLog(RunActions):
    """What `RunScreen` does with its log pane."""

    def __init__(self, record: RunRecord) -> None:
        super().__init__()
        self.record = record
        self.cross: float | None = None  # the epoch that the line under the cursor belongs to
        self.lost = False  # whether the run's folder is gone
        self._tail: LogTail | None = None
        self._reading = False

    @property
    def view(self) -> RunView:
        """What the run's events tell."""
        return self.desk.views.get(self.record.id) or RunView.new()

    def show(self, curves: bool = True) -> None:
        """Show the run as it stands."""
        raise NotImplementedError

    def show_curves(self) -> None:
        """Draw the curves, the line under the cursor marked in them."""
        raise NotImplementedError

    def read_log(self) -> None:
        """Read on in the log of the newest attempt, in a worker; never two at once."""
        if self._reading:
            return
        self._reading = True
        self.work(f"reading the log of run {self.record.id}", self._new_lines, self._show_lines, group="log")

    def _new_lines(self) -> tuple[list[LogLine], str, bool]:
        """Return new lines, the line that has no end yet, and whether the run's folder is gone."""
        try:
            folder = self.desk.workspace.run_dir(self.record.folder)
            attempt = folder.latest() if self.record.folder else None
            if attempt is None:
                return [], "", bool(self.record.folder) and not folder.path.is_dir()
            if self._tail is None or self._tail.path != attempt.log:
                self._tail = LogTail(attempt.log)
            return self._tail.read(), self._tail.unfinished(), False
        finally:
            self._reading = False

    def _show_lines(self, found: tuple[list[LogLine], str, bool]) -> None:
        lines, unfinished, lost = found
        self.query_one(LogPane).add(lines, unfinished)
        if lost != self.lost:
            self.lost = lost
            self.show(curves=False)

    @on(LogPane.Wanted)
    def read_more(self, message: LogPane.Wanted) -> None:
        """Read the lines before or after those that are held."""
        if self._tail is not None:
            log, place, before = LogFile(self._tail.path), message.place, message.before
            self.work(
                f"reading the log of run {self.record.id}", lambda: log.before(place) if before else log.after(place),
                lambda lines: self.query_one(LogPane).extend(lines, before), group="more log",
            )  # fmt: skip

    @on(LogPane.Edge)
    def go_to_edge(self, message: LogPane.Edge) -> None:
        """Show the first lines of the log, or follow its end."""
        if message.end:
            self.query_one(LogPane).follow()
            self._tail = None  # read its end anew: what is held may be another part of it
            self.read_log()
        else:
            self._go_to(0)

    def _go_to(self, place: int) -> None:
        """Show the line that holds a place of the log."""
        if self._tail is not None:
            log = LogFile(self._tail.path)
            self.work(
                f"reading the log of run {self.record.id}", lambda: log.around(place),
                lambda lines: self.query_one(LogPane).show(lines, place), group="more log",
            )  # fmt: skip

    @on(LogPane.Search)
    def search(self, message: LogPane.Search) -> None:
        """Ask for words where there are none yet, then go to the next line that holds them."""
        if message.words:
            self._find(message.words, message.backwards)
            return

        def begin(words: str | None) -> None:
            if words:
                self.query_one(LogPane).words = words
                self._find(words, backwards=self.query_one(LogPane).following)

        self.app.push_screen(Prompt("search the log", self.query_one(LogPane).words, "upper and lower case; "), begin)

    def _find(self, words: str, backwards: bool) -> None:
        pane = self.query_one(LogPane)
        if self._tail is None or not pane.lines:
            self.warn("there is no log to search")
            return
        log = LogFile(self._tail.path)
        place = pane.lines[-1].end if pane.following else pane.lines[pane.cursor].start

        def find() -> int | None:
            worker = get_current_worker()
            return log.find(words, place, backwards, lambda: not worker.is_cancelled)

        def show(found: int | None) -> None:
            if found is None:
                self.say(f"no line {'before' if backwards else 'after'} this one holds “{words}”", "search")
            else:
                self._go_to(found)

        self.work(f"searching the log of run {self.record.id}", find, show, group="search")

    @on(LogPane.Moved)
    def mark_line(self, message: LogPane.Moved) -> None:
        """Mark in the curves when the line under the cursor was written."""
        axes = self.view.curves.train_loss.axes
        self.cross = None
        if message.line is not None and len(axes.log_bytes) and axes.log_bytes[-1]:
            row = bisect_right(axes.log_bytes, message.line.start) - 1
            self.cross = axes.epoch[max(row, 0)]
        self.show_curves()

    @on(Chart.Pointed)
    def go_to_line(self, message: Chart.Pointed) -> None:
        """Go to the line of the log that was written at a clicked place of a curve."""
        axes = self.view.curves.train_loss.axes
        if not len(axes.log_bytes) or not axes.log_bytes[-1]:
            self.warn("this run did not note how long its log was: its lines cannot be placed")
            return
        epoch = message.share * axes.epoch[-1]
        self._go_to(int(axes.log_bytes[min(bisect_right(axes.epoch, epoch), len(axes.epoch) - 1)]))
