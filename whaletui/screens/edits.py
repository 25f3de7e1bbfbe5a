"""What a person writes on runs from any screen that shows them: stars, notes, tags; every edit can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from whaletui.desk import Undo
from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.screens.prompt import Prompt
from whaletui.view import formats


def named(records: Sequence[RunRecord]) -> str:
    """Return runs in a few words: "run 7 (resnet50)" or "3 runs"."""
    if len(records) == 1:
        return f"run {records[0].id} ({safe(records[0].name, 40)})"
    return formats.count(len(records), "run")


class RunEdits(AtDesk[None]):
    """Star, note, tag, undo; the screen says which runs are meant."""

    def targets(self) -> list[RunRecord]:
        """Return the runs that an action is about: the selected ones, or the one in sight."""
        raise NotImplementedError

    def current(self) -> RunRecord | None:
        """Return the run in sight."""
        raise NotImplementedError

    def changed(self) -> None:
        """Show runs anew after one was changed; the next look at the workspace does it."""
        self.room.look_now()

    def edit(
        self,
        words: str,
        runs: Sequence[RunRecord],
        change: Callable[[RunRecord], object],
        back: Callable[[RunRecord], object],
    ) -> None:
        """Change what a person wrote on runs; `back` puts a run as it was before, for undo.

        Args:
            words: what is done, such as "starring".
            runs: as they are now.
            change: changes one, in a worker.
            back: given the record of before, takes the change back, in a worker.
        """

        def finish(_: object) -> None:
            self.desk.undos.append(Undo(f"{words} {named(runs)}", lambda: [back(run) for run in runs]))
            self.changed()

        if not runs:
            self.warn("no run is here to do that to")
            return
        self.work(f"{words} {named(runs)}", lambda: [change(run) for run in runs], finish)

    def action_undo(self) -> None:
        """Take the last edit back."""
        if not self.desk.undos:
            self.warn("nothing was edited since the app was opened")
            return
        last = self.desk.undos.pop()

        def told(_: object) -> None:
            self.say(f"taken back: {last.words}")
            self.changed()

        self.work(f"taking back {last.words}", last.back, told)

    def action_star(self) -> None:
        """Star the runs, or take the stars off when all have one."""
        runs = self.targets()
        starred = all(run.star for run in runs)

        def star(run: RunRecord, starred: bool) -> None:
            self.desk.records.star(run.id, starred)

        self.edit("starring", runs, lambda run: star(run, not starred), lambda run: star(run, run.star))

    def action_note(self) -> None:
        """Edit the note of the run in sight."""
        if (run := self.current()) is None:
            return

        def note(run: RunRecord, text: str) -> None:
            self.desk.records.note(run.id, text)

        def keep(text: str | None) -> None:
            if text is not None and (wanted := text.strip()) != safe(run.note, 2000):
                self.edit("noting on", [run], lambda run: note(run, wanted), lambda run: note(run, run.note))

        self.app.push_screen(Prompt(f"note on {named([run])}", run.note), keep)

    def action_tags(self) -> None:
        """Edit the tags of the run in sight."""
        if (run := self.current()) is None:
            return

        def keep(text: str | None) -> None:
            if text is not None:
                wanted = text.replace(",", " ").split()
                self.edit(
                    "tagging", [run], lambda run: self._set_tags(run.id, wanted),
                    lambda run: self._set_tags(run.id, run.tags),
                )  # fmt: skip

        self.app.push_screen(Prompt(f"tags of {named([run])}", " ".join(run.tags), "words apart by spaces; "), keep)

    def _set_tags(self, run_id: int, wanted: Sequence[str]) -> None:
        held = self.desk.records.run(run_id).tags
        for tag in set(held) - set(wanted):
            self.desk.records.untag(run_id, tag)
        for tag in wanted:
            if tag not in held:
                self.desk.records.tag(run_id, tag)
