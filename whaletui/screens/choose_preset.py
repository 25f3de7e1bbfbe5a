"""Choosing the preset that a new run begins with; a vote's members are queued at once, where a person agrees."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contract.spec import RunSpec
from whaletui.presets import Preset
from whaletui.records.model import RunRecord
from whaletui.screens.base import AtDesk
from whaletui.screens.choose import Choice, Choose
from whaletui.screens.confirm import Confirm
from whaletui.screens.new_run import NewRun
from whaletui.view import formats


def choose_preset(screen: AtDesk[None]) -> None:
    """Offer the presets, then open the form on the chosen one."""

    def offer(found: Sequence[Preset]) -> None:
        known = {preset.name: preset for preset in found}
        choices = [Choice(preset.name, preset.name, preset.about) for preset in found]

        def open_form(name: str | None) -> None:
            if name in known and known[name].members:
                _confirm_vote(screen, known[name])
            elif name is not None:
                spec = known[name].spec if name in known else RunSpec()
                screen.app.push_screen(NewRun(spec, f"preset {name}" if name in known else "the defaults"))

        screen.app.push_screen(Choose("begin with", [*choices, Choice("", "blank", "the defaults")]), open_form)

    def read() -> tuple[Preset, ...]:
        from whaletui.presets import presets

        return presets()

    screen.work("reading the presets", read, offer)


def _confirm_vote(screen: AtDesk[None], vote: Preset) -> None:
    """Ask whether the members of a vote are to be queued, and queue them."""

    def launch() -> list[RunRecord]:
        from whaletui.launch import enqueue

        return enqueue(screen.desk.records, screen.desk.workspace, vote.members)

    def launched(runs: list[RunRecord]) -> None:
        screen.say(f"queued as {runs[0].id} to {runs[-1].id}: select them and press e to blend their {vote.blend}")
        screen.room.look_now()

    def answer(sure: bool | None) -> None:
        if sure:
            screen.work(f"launching {formats.count(len(vote.members), 'run')}", launch, launched)

    names = ", ".join(f"{spec.name} seed {spec.seed}" for spec in vote.members)
    screen.app.push_screen(Confirm(f"Queue the {len(vote.members)} runs of {vote.name}?", names, "queue"), answer)
