"""What can be done to runs from any screen that shows them; the screen says which runs are meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.binding import Binding

from whaletui.records.model import RunRecord, State
from whaletui.safe import safe
from whaletui.screens.confirm import Confirm
from whaletui.screens.edits import RunEdits, named

if TYPE_CHECKING:
    from engine.contract.spec import RunSpec
    from whaletui.ensemble.export import Export


LONGEST_COMMAND = 4000
"""Terminals take no more than some kilobytes into the clipboard."""

CLONE = Binding("c", "clone", "clone")
EXPORT = Binding("E", "export", "export")
CANCEL = Binding("x", "cancel", "cancel")
AGAIN = Binding("r", "again", "run again")
SELDOM = [
    Binding("g", "gallery", "gallery", show=False),
    Binding("asterisk", "star", "star", show=False, key_display="*"),
    Binding("N", "note", "note", show=False),
    Binding("t", "tags", "tags", show=False),
    Binding("u", "undo", "take the last edit back", show=False),
    Binding("y", "yank", "copy its command", show=False),
    Binding("D,delete", "delete", "delete", show=False),
]
"""Keys that every screen of runs has; each puts them in its own order."""


class RunActions(RunEdits):
    """Copy the command, cancel, run again, clone, look through, delete, export."""

    def action_yank(self) -> None:
        """Copy the command that makes the run in sight again."""
        if (run := self.current()) is None:
            return
        if run.state is State.PUBLISHED:
            self.warn("published results are not runs of ours: c makes a run of one")
            return

        def read() -> str:
            from whaletui.presets import presets
            from whaletui.view.command import run_command

            return safe(run_command(run.spec, presets(), self.desk.data_folder), LONGEST_COMMAND)

        def copy(command: str) -> None:
            self.room.copy_to_clipboard(command)
            self.notify(command, title="copied, as far as the terminal allows", markup=False, timeout=15)

        self.work(f"reading {named([run])}", read, copy)

    def action_cancel(self) -> None:
        """Ask the runs to stop after their step; asked again, offer to stop them at once."""
        active = [run for run in self.targets() if run.state.is_active]
        if not active:
            self.warn("only waiting and running runs can be cancelled")
            return
        if not all(run.id in self.desk.cancelling for run in active):
            self._cancel(active, now=False)
            return

        def answer(at_once: bool | None) -> None:
            if at_once:
                self._cancel(active, now=True)

        self.app.push_screen(
            Confirm(f"Stop {named(active)} at once?", "What was not saved yet is lost.", "stop now", "let it end"),
            answer,
        )

    def _cancel(self, runs: Sequence[RunRecord], now: bool) -> None:
        from whaletui.jobs.local import cancel

        def stop() -> str:
            return "; ".join(str(cancel(self.desk.records, self.desk.workspace, run, now=now)) for run in runs)

        def told(words: str) -> None:
            self.say(words if now else f"{words}; x again stops at once", named(runs))
            self.changed()

        self.desk.cancelling.update(run.id for run in runs)
        self.work(f"cancelling {named(runs)}", stop, told)

    def action_again(self) -> None:
        """Go on with what ended before it was done; queue the spec of what finished once more, as a new run."""
        targets = self.targets()
        if any(run.state.is_active for run in targets):
            self.warn("it still runs or waits: c makes a copy to change")
        elif any(run.state is State.PUBLISHED for run in targets):
            self.warn("published results are not runs of ours: c makes a run of one")
        elif targets and all(run.can_resume for run in targets):
            self.work(f"going on with {named(targets)}", lambda: self._resume(targets), self._resumed)
        elif targets:
            self.work(f"queueing {named(targets)} again", lambda: self._queue_again(targets), self._queued)

    def _resume(self, runs: Sequence[RunRecord]) -> str:
        from whaletui.jobs.local import resume

        return "; ".join(resume(self.desk.records, self.desk.workspace, run) for run in runs)

    def _resumed(self, words: str) -> None:
        self.say(words)
        self.changed()

    def _queue_again(self, runs: Sequence[RunRecord]) -> list[RunRecord]:
        from whaletui.launch import enqueue

        return enqueue(self.desk.records, self.desk.workspace, [run.spec for run in runs])

    def _queued(self, runs: list[RunRecord]) -> None:
        self.say(f"queued as {', '.join(str(run.id) for run in runs)}")
        self.desk.newest = runs[-1].id
        self.changed()

    def action_delete(self) -> None:
        """Delete runs and their folders, after asking."""
        targets = self.targets()
        if any(run.state.is_active for run in targets):
            self.warn("a run that waits or runs is cancelled first: x")
            return
        if not targets:
            return

        def answer(sure: bool | None) -> None:
            if sure:
                self.work(
                    f"deleting {named(targets)}",
                    lambda: sum(self.desk.records.delete(run.id) for run in targets),
                    self._freed,
                )

        self.app.push_screen(
            Confirm(f"Delete {named(targets)}?", "Its folder goes too: log, weights and scores.", "delete", "keep"),
            answer,
        )

    def _freed(self, freed: int) -> None:
        self.say(f"{freed / 1e6:.1f} MB of disk are free again")
        self.changed()
        self.deleted()

    def deleted(self) -> None:
        """Go on without the runs that were deleted."""
        self.desk.selected.clear()

    def action_clone(self) -> None:
        """Open the form on a copy of the run in sight."""
        if (run := self.current()) is not None:
            from whaletui.screens.new_run import NewRun

            def open_form(spec: RunSpec) -> None:
                self.app.push_screen(NewRun(spec, f"run {run.id}"))

            self.work(f"copying {named([run])}", lambda: run.spec, open_form)

    def action_gallery(self) -> None:
        """Look at the validation photos of the run in sight; of two that are selected, against each other."""
        pair = [run for run in self.targets() if run.can_vote]
        run = pair[0] if len(pair) == 2 else self.current()
        if run is None or not run.can_vote:
            self.warn("the gallery shows what a finished run guessed")
            return
        from whaletui.screens.gallery import Gallery

        self.app.push_screen(Gallery(run, pair[1] if len(pair) == 2 else None))

    def action_export(self) -> None:
        """Write the checked submission of the runs at once, as a soft vote where they are several."""
        targets = [run for run in self.targets() if run.can_vote]
        if not targets:
            self.warn("select finished runs with space: only they can be exported")
            return
        self.say("checking and writing …", f"export of {named(targets)}")
        self.work(f"exporting {named(targets)}", lambda: self.write_submission(targets), self.exported, group="export")

    def write_submission(self, runs: Sequence[RunRecord]) -> Export:
        """Write the submission in a worker."""
        from whaletui.ensemble.export import export

        return export(self.desk.records, self.desk.workspace, [run.id for run in runs], "logits")

    def exported(self, made: Export) -> None:
        """Say where the submission is."""
        self.notify(safe(made.path), title=f"submission of {made.submission.rows:,} rows", markup=False, timeout=15)
