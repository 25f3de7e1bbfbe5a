"""A new run: the form of its spec, what differs from where it began, and a key that launches it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from engine.contract.errors import SpecError, WhaleError
from engine.contract.spec import RunSpec
from whaletui.records.model import RunRecord, State
from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.screens.confirm import Confirm
from whaletui.screens.preview import Place, PreviewScreen
from whaletui.view import formats
from whaletui.view.estimate import Estimate, estimate, estimate_words
from whaletui.view.form import FormState
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.spec_form import SpecForm

MANY_RUNS = 12  # more than so many are asked about before they are queued
EARLIER_RUNS = 500
"""Finished runs that times are judged by, newest first."""


class Foreseen(NamedTuple):
    """What is known of runs before they are launched: equal ones of before, time, and peak memory in bytes."""

    twins: Sequence[RunRecord]
    estimate: Estimate | None
    peak_bytes: int


class NewRun(AtDesk[None]):
    """The form. It launches nothing that the spec refuses, and says which field it is."""

    TITLE = "new run"
    HELP_WORDS = (
        "Type over any value; a comma makes several runs of it (seed 0,1,2). Space steps through choices. "
        "→ takes a completion. What was changed bears ● and is listed on the right. "
        "F2 shows training photos as the augmentation would change them."
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (140, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-low")]
    BINDINGS = [
        Binding("ctrl+s", "launch", "launch", key_display="^s", priority=True),
        Binding("escape", "leave", "back", key_display="esc"),
        Binding("ctrl+z", "restore", "undo this field", key_display="^z", priority=True),
        Binding("f2", "preview", "see augmentation", key_display="F2", priority=True),
        Binding("f1", "app.help", "help", key_display="F1"),
    ]

    def __init__(self, spec: RunSpec, origin: str) -> None:
        super().__init__()
        self.state = FormState(origin=spec, origin_name=origin)
        self._focused_path = "name"
        self._earlier: Sequence[RunRecord] | None = None  # read with the first look ahead
        self._launching = False
        self._previewed: Place = (0, 0)  # the photo that was looked at last

    def compose(self) -> ComposeResult:
        """Lay out the form, the list of changes, the line about the field, and the button."""
        yield Static(Content.assemble(("new run", "bold"), f"  from {safe(self.state.origin_name, 80)}"), id="title")
        with Horizontal(id="sheet"):
            yield SpecForm(self.state, _known_words(), id="form")
            with Vertical(id="side"):
                yield Static(id="changes-title")
                with VerticalScroll(can_focus=False):
                    yield Static(id="changes")
        yield Static(id="about")
        with Horizontal(id="foot"):
            yield Static(id="verdict")
            yield Button("launch", id="launch", variant="primary", compact=True)
        yield KeyLine()

    def on_mount(self) -> None:
        """Begin in the first field."""
        self._judge()
        self.call_after_refresh(self.query_one(SpecForm).go_to, "name")

    # what is shown

    def _judge(self) -> SpecError | None:
        """Show what differs and whether it can be launched; returns why not."""
        refusal: SpecError | None = None
        runs = 0
        try:
            runs = len(self.state.specs())
        except SpecError as error:
            refusal = error
        self.query_one(SpecForm).show(self.state, refusal.field if refusal else "")
        self._show_changes()
        verdict = self.query_one("#verdict", Static)
        button = self.query_one("#launch", Button)
        if refusal is None:
            verdict.update(Content.styled("can be launched", "$text-success"))
            self._look_ahead(self.state.specs())
            button.label = Content(f"launch {formats.count(runs, 'run')}")
        else:
            verdict.update(Content.styled(safe(refusal), "$text-error"))
            button.label = Content("launch")
        button.disabled = refusal is not None
        return refusal

    def _look_ahead(self, specs: list[RunSpec]) -> None:
        """Say what is known of such runs already; a newer look makes this one worthless."""
        self.work("looking for runs like it", lambda: self._foresee(specs), self._show_foreseen, group="ahead")

    def _foresee(self, specs: list[RunSpec]) -> Foreseen:
        from engine.contract.summary import read_summary
        from whaletui.launch import completed

        records, workspace = self.desk.records, self.desk.workspace
        if self._earlier is None:
            self._earlier = records.page("state=finished", limit=EARLIER_RUNS).rows
        try:
            whole = [completed(spec, records, workspace) for spec in specs]
        except WhaleError:
            return Foreseen((), None, 0)  # data or boxes are missing: launching says so
        found = estimate((whole[0].to_json(), whole[0].training.epochs), self._earlier)
        peak = 0
        if found is not None:
            near = next(run for run in self._earlier if run.id == found.runs[0])
            summary = read_summary(workspace.run_dir(near.folder))
            peak = (summary.peak_gpu_bytes or summary.peak_memory_bytes) if summary is not None else 0
        return Foreseen(records.twins([(spec.digest, spec.seed) for spec in whole]), found, peak)

    def _show_foreseen(self, found: Foreseen) -> None:
        verdict = self.query_one("#verdict", Static)
        runs = len(self.state.specs())
        same = (twin_words(found.twins), "$text-warning") if found.twins else ("can be launched", "$text-success")
        words = estimate_words(found.estimate, found.peak_bytes, runs)
        verdict.update(Content.assemble(same, (f"   {words}", "$foreground-muted")))

    def _show_changes(self) -> None:
        changes = self.state.changes()
        title = f"differs from {safe(self.state.origin_name, 60)} in {len(changes)}" if changes else "no change yet"
        self.query_one("#changes-title", Static).update(Content(title))
        lines = []
        for change in changes:
            path = Content.assemble(("● ", "$accent"), (change.path, "$text-secondary"))
            lines.append(Content.assemble(path, f"\n    {change.was} → ", (change.now, "bold")))
        self.query_one("#changes", Static).update(Content("\n").join(lines))

    @on(SpecForm.Typed)
    def field_typed(self, message: SpecForm.Typed) -> None:
        """Take a change over and judge the whole."""
        if message.text != self.state.shown(message.path):
            self.state = self.state.typed(message.path, message.text)
            self._judge()

    @on(SpecForm.Entered)
    def field_entered(self, message: SpecForm.Entered) -> None:
        """Say what the field under the cursor is and takes."""
        field = message.field
        if field is None:
            self.query_one("#about", Static).update(Content(f"{message.part}: space opens and closes"))
            return
        self._focused_path = field.path
        self.query_one("#about", Static).update(
            Content.assemble(
                (field.path, "bold"), f"  {field.help}", (f"   takes {field.allowed}", "$foreground-muted"),
                (f"   at first {self.state.original(field.path)}", "$foreground-muted"),
            )
        )  # fmt: skip

    # what a person does

    def action_restore(self) -> None:
        """Put the field under the cursor back to what it was."""
        self.query_one(SpecForm).write(self.state.original(self._focused_path))

    def action_preview(self) -> None:
        """Show photos as the (first) run would augment them; where the spec refuses, go to the field instead."""
        if (refusal := self._judge()) is not None:
            self.complain("this cannot be previewed yet", refusal)
            return
        specs = self.state.specs()

        def come_back(place: Place | None) -> None:
            self._previewed = place or self._previewed

        of = f"the first of {len(specs)} runs" if len(specs) > 1 else specs[0].name
        self.app.push_screen(PreviewScreen(specs[0], of, self._previewed), come_back)

    @on(Button.Pressed, "#launch")
    def button_pressed(self) -> None:
        """Launch."""
        self.action_launch()

    def action_launch(self) -> None:
        """Queue the runs; where the spec refuses, go to the field instead."""
        if (refusal := self._judge()) is not None:
            self.complain("this cannot be launched yet", refusal)
            self.query_one(SpecForm).go_to(refusal.field)
            return
        specs = self.state.specs()

        def ask(found: Foreseen) -> None:
            if found.twins:
                self._ask(specs, f"{twin_words(found.twins)}.", "Queue it again all the same?")
            elif len(specs) > MANY_RUNS:
                self._ask(specs, f"Queue {len(specs)} runs?", "The lists make every combination.")
            else:
                self._launch(specs)

        self.work("looking for runs like it", lambda: self._foresee(specs), ask, group="ahead")

    def _ask(self, specs: list[RunSpec], question: str, detail: str) -> None:
        def answer(sure: bool | None) -> None:
            if sure:
                self._launch(specs)

        self.app.push_screen(Confirm(question, detail, "queue"), answer)

    def _launch(self, specs: list[RunSpec]) -> None:
        if self._launching:
            return
        self._launching = True
        self.query_one("#verdict", Static).update("checking data, backbone and weights …")
        self.work(f"launching {formats.count(len(specs), 'run')}", lambda: self._enqueue(specs), self._launched)

    def _enqueue(self, specs: list[RunSpec]) -> list[RunRecord]:
        from whaletui.launch import enqueue

        return enqueue(self.desk.records, self.desk.workspace, specs)

    def _launched(self, runs: list[RunRecord]) -> None:
        ids = [run.id for run in runs]
        self.say(f"queued as {ids[0]}" if len(ids) == 1 else f"queued as {ids[0]} to {ids[-1]}")
        self.desk.newest = ids[-1]
        self.room.look_now()
        self.dismiss()

    def complain(self, about: str, error: BaseException) -> None:
        """Show an error, and where it names a field, go there."""
        super().complain(about, error)
        self._launching = False
        self.query_one("#verdict", Static).update(Content.styled(safe(error), "$text-error"))
        field = getattr(error, "field", "")
        if field:
            self.query_one(SpecForm).go_to(field)

    def action_leave(self) -> None:
        """Go back; changes are asked about."""
        if not self.state.texts:
            self.dismiss()
            return

        def answer(sure: bool | None) -> None:
            if sure:
                self.dismiss()

        self.app.push_screen(Confirm("Leave the form?", "What was typed is lost.", "leave", "stay"), answer)


def twin_words(twins: Sequence[RunRecord]) -> str:
    """Return "run 8 is the same spec and seed (finished, 0.537)"."""
    first = next((run for run in twins if run.state is State.FINISHED), twins[0])
    score = f", {formats.score(first.map5)}" if first.map5 is not None else ""
    more = f", and {len(twins) - 1} more are" if len(twins) > 1 else " is"
    return f"run {first.id}{more} the same spec and seed ({first.state}{score})"


def _known_words() -> dict[str, tuple[str, ...]]:
    """Return what fields of text complete from."""
    from engine.contract.backbones import known_backbones

    weights = [str(path) for path in sorted(Path().glob("*.safetensors"))[:50]]
    return {"model.backbone": known_backbones(), "model.weights": ("imagenet", "none", *weights)}
