"""Queue and GPUs: what each slot does and for whom, what waits, why, and until when; the order is changed here."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from whaletui.desk import Pulse, Undo
from whaletui.records.model import RunRecord, State
from whaletui.screens.actions import CANCEL, SELDOM, RunActions
from whaletui.screens.edits import named
from whaletui.screens.run import RunScreen
from whaletui.view.estimate import estimate
from whaletui.view.queueing import between, queue_line, slot_lines
from whaletui.view.schedule import Expected, expected
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.styles import named_style

EARLIER_RUNS = 500
"""Finished runs that times are judged by, newest first."""


class QueueScreen(RunActions):
    """Slots above, the queue below."""

    TITLE = "queue and GPUs"
    HELP_WORDS = (
        "Each slot with everybody's processes on it; then running and waiting runs in the order of the queue. "
        "Start and end are judged by what is left of running runs and by finished runs of the same kind."
    )
    BINDINGS = [
        Binding("enter", "open", "open", key_display="⏎"),
        Binding("K,shift+up", "move(-1)", "earlier", key_display="K"),
        Binding("J,shift+down", "move(1)", "later", key_display="J"),
        Binding("1", "first", "first"),
        Binding("h", "hold", "hold back"),
        CANCEL,
        Binding("u", "undo", "undo"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        *(binding for binding in SELDOM if binding.action not in ("undo", "delete", "gallery")),
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.runs: tuple[RunRecord, ...] = ()
        self._earlier: Sequence[RunRecord] = ()
        self._drawn: list[tuple[int, Content]] = []

    def compose(self) -> ComposeResult:
        """Lay out slots over the queue."""
        yield Static("slots", id="title")
        with VerticalScroll(id="slots", can_focus=False):
            yield Static("looking …", id="slot-lines")
        yield Static(id="queue-title")
        yield OptionList(id="queue", compact=True)
        yield KeyLine()

    def on_mount(self) -> None:
        """Begin in the queue; read what times are judged by."""
        self.query_one(OptionList).focus()
        self.changed()
        self.work(
            "reading finished runs",
            lambda: self.desk.records.page("state=finished", limit=EARLIER_RUNS).rows, self._judge_by,
        )  # fmt: skip

    def _judge_by(self, earlier: Sequence[RunRecord]) -> None:
        self._earlier = earlier
        self.show_queue()

    def hear(self, pulse: Pulse) -> None:
        """Show slots and queue as they stand."""
        self.runs = pulse.active
        lines = slot_lines(pulse.slots, pulse.active, self.desk.views, self.size.width)
        told = [Content.styled(line.text, named_style(line.style)) for line in lines]
        nothing = "no slot: whaletui doctor says why"
        self.query_one("#slot-lines", Static).update(Content("\n").join(told) if told else Content(nothing))
        self._free = sum(not slot.held and not _ours(slot.label, pulse.active) for slot in pulse.slots)
        self.show_queue()

    _free = 0

    def show_queue(self) -> None:
        """Draw the lines of the queue that changed."""
        times = self._expected()
        width = max(self.size.width - 4, 10)
        lines = []
        for run in self.runs:
            cell = queue_line(run, self.desk.views.get(run.id), times[run.id], width)
            lines.append((run.id, Content.styled(cell.text, named_style(cell.style))))
        self._draw(lines)
        waiting = [run for run in self.runs if run.state is State.QUEUED]
        title = queue_line(None, None, Expected(None, None), width).text
        words = title if self.runs else "nothing runs and nothing waits: n at home makes a run"
        self.query_one("#queue-title", Static).update(Content(f"  {words}" if self.runs else words))
        self.query_one("#title", Static).update(
            Content(f"slots   {len(self.runs) - len(waiting)} running, {len(waiting)} waiting")
        )

    def _draw(self, lines: list[tuple[int, Content]]) -> None:
        options = self.query_one(OptionList)
        if [run_id for run_id, _ in lines] == [run_id for run_id, _ in self._drawn]:
            for (run_id, line), (_, before) in zip(lines, self._drawn, strict=True):
                if line != before:
                    options.replace_option_prompt(str(run_id), line)
        else:
            at = self.current()
            options.clear_options()
            options.add_options([Option(line, id=str(run_id)) for run_id, line in lines])
            ids = [run_id for run_id, _ in lines]
            options.highlighted = (ids.index(at.id) if at is not None and at.id in ids else 0) if ids else None
        self._drawn = lines

    def _expected(self) -> dict[int, Expected]:
        left: dict[int, float | None] = {}
        for run in self.runs:
            view = self.desk.views.get(run.id)
            if run.state is State.RUNNING:
                left[run.id] = view.eta_seconds if view is not None else None
            else:
                found = estimate(run, self._earlier)
                left[run.id] = found.seconds if found is not None else None
        waiting = [run for run in self.runs if not run.held]
        held = {run.id: Expected(None, None) for run in self.runs if run.held}
        return {**held, **expected(waiting, left, self._free)}

    def current(self) -> RunRecord | None:
        """Return the run under the cursor."""
        options = self.query_one(OptionList)
        if options.highlighted is None or options.highlighted >= len(self._drawn):
            return None
        at = self._drawn[options.highlighted][0]
        return next((run for run in self.runs if run.id == at), None)

    def targets(self) -> list[RunRecord]:
        """Return the run under the cursor: a selection made at home is not meant here."""
        run = self.current()
        return [run] if run is not None else []

    def on_option_list_option_selected(self) -> None:
        """Open a run."""
        self.action_open()

    def action_open(self) -> None:
        """Open the run under the cursor."""
        if (run := self.current()) is not None:
            self.app.push_screen(RunScreen(run))

    def action_move(self, by: int) -> None:
        """Let the run under the cursor start earlier or later by one place."""
        self._move(by)

    def action_first(self) -> None:
        """Let the run under the cursor start next."""
        self._move(-len(self.runs))

    def action_hold(self) -> None:
        """Hold the run under the cursor back, or let it go."""
        run = self.current()
        if run is None:
            return
        if run.state is not State.QUEUED:
            self.warn(f"{named([run])} runs already: x cancels it")
            return
        from whaletui.jobs.queueing import hold, release

        records = self.desk.records
        change, back = (release, hold) if run.held else (hold, release)

        def told(words: str) -> None:
            self.desk.undos.append(Undo(words, lambda: back(records, run)))
            self.say(words)
            self.changed()

        self.work(f"holding {named([run])}", lambda: change(records, run), told)

    def _move(self, by: int) -> None:
        run = self.current()
        if run is None:
            return
        if run.state is not State.QUEUED:
            self.warn(f"{named([run])} runs already: only waiting runs have a place in the queue")
            return
        if run.held:
            self.warn(f"{named([run])} is held back: h lets it go")
            return
        waiting = [one for one in self.runs if one.state is State.QUEUED and not one.held]
        position = between([one.position for one in waiting], waiting.index(run), by)
        if position is None:
            return
        move, before = self.desk.records.move, run.position

        def finish(_: object) -> None:
            self.desk.undos.append(Undo(f"moving {named([run])}", lambda: move(run.id, before)))
            self.changed()

        self.work(f"moving {named([run])}", lambda: move(run.id, position), finish)

    def on_resize(self, event: Resize) -> None:
        """Give the lines their new width."""
        self.call_after_refresh(self.changed)


def _ours(label: str, active: Sequence[RunRecord]) -> bool:
    return any(run.state is State.RUNNING and run.slot == label for run in active)
