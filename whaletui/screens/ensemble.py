"""Finished runs as one soft vote: its score while members come and go, searches, and its submission at one key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.ensemble_actions import EnsembleActions
from whaletui.view import formats
from whaletui.view.votes import BLEND_WORDS, headline, search_words
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.member_list import MemberLine, MemberList

if TYPE_CHECKING:
    from whaletui.ensemble.candidates import Loaded
    from whaletui.ensemble.lab import Choice
    from whaletui.ensemble.select import Found, Method
    from whaletui.ensemble.voices import Voice
    from whaletui.records.model import EnsembleRecord

HEAVIEST = 20


class EnsembleScreen(EnsembleActions):
    """Scores every change on the validation photos at once; the last request wins."""

    TITLE = "ensemble"
    HELP_WORDS = (
        "The blend's score on the validation photos, beside its best member alone and both baselines. “change” is what "
        "MAP@5 gains or loses when a candidate is let in or left out. Searches choose on half of the ids and are "
        "measured on the other half: that gain is the honest one; “noise” means that its interval reaches 0."
    )
    BINDINGS = [
        Binding("g", "search('greedy')", "greedy"),
        Binding("w", "search('weights')", "weights"),
        Binding("b", "blend", "blend"),
        Binding("E", "export", "export"),
        Binding("k", "kaggle", "Kaggle"),
        Binding("d", "diversity", "diversity"),
        Binding("enter", "gallery", "its errors", key_display="⏎"),
        Binding("S", "save", "save as"),
        Binding("o", "open", "saved ones"),
        Binding("D", "duplicates", "duplicates"),
        Binding("P", "pseudo", "pseudo-labels"),
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, run_ids: Sequence[int] = (), opened: EnsembleRecord | None = None) -> None:
        super().__init__()
        self.run_ids = tuple(run_ids)
        self.opened = opened
        self.unfit: list[RunRecord] = []  # selected runs that have not finished
        self.choice: Choice | None = None
        self._asked: object = None

    def compose(self) -> ComposeResult:
        """Lay out the score over the candidates."""
        yield Static("reading …", id="score")
        with VerticalScroll(can_focus=False):
            yield MemberList()
        yield Static(id="told")
        yield KeyLine()

    def on_mount(self) -> None:
        """Read who was selected, then their scores, then those of other runs that could vote with them."""
        self.query_one(MemberList).focus()
        self.work("reading the selected runs", self._find, self._found)

    def _find(self) -> tuple[list[Voice], list[RunRecord], list[float] | None]:
        from whaletui.ensemble.voices import member_voice, run_voices

        records = self.desk.records
        if self.opened is not None:
            voices = [member_voice(records, member, (self.opened.id,)) for member in self.opened.members]
            return voices, [], [member.weight for member in self.opened.members]
        runs = [records.run(run_id) for run_id in self.run_ids]
        fit = [run.id for run in runs if run.can_vote]
        return (run_voices(records, fit) if fit else []), [run for run in runs if not run.can_vote], None

    def _found(self, answer: tuple[list[Voice], list[RunRecord], list[float] | None]) -> None:
        voices, self.unfit, weights = answer
        self.candidates = voices
        self.weights = {voice.key: weight for voice, weight in zip(voices, weights or [1.0] * len(voices), strict=True)}
        if self.opened is not None:
            from whaletui.ensemble.voices import blend_of

            self.blend = blend_of(self.opened.blend)
        self._show_members()
        if not voices:
            self._say_none()
            return
        self._load(voices, self._loaded)

    def _load(self, voices: Sequence[Voice], then: Callable[[Loaded], None]) -> None:
        """Read scores in a worker; temperatures that were fitted before are kept."""
        known = self.loaded.calibrations() if self.loaded else {}
        workspace = self.desk.workspace

        def read() -> Loaded:
            from whaletui.ensemble.candidates import load

            return load(workspace, voices, known, self._tell_progress)

        self.query_one("#score", Static).update(Content(f"reading the scores of {formats.count(len(voices), 'run')} …"))
        self.work(f"reading the scores of {formats.count(len(voices), 'run')}", read, then, group="load")

    def _tell_progress(self, done: int, total: int) -> None:
        self.post_message(self.Done(self.tell, f"read {done} of {total}" if done < total else ""))

    def _loaded(self, loaded: Loaded) -> None:
        """Take over the selected ones, then look for others."""
        self._take(loaded)
        chosen = list(loaded.voices)
        if not chosen:
            return

        def look() -> list[Voice]:
            from whaletui.ensemble.candidates import others

            return others(self.desk.records, chosen)

        self.work("looking for other runs that could vote", look, self._more)

    def _more(self, others: list[Voice]) -> None:
        if others and self.loaded is not None:
            self.candidates = [*self.candidates, *others]
            self._show_members()
            self._load([*self.loaded.voices, *others], self._take)

    def _take(self, loaded: Loaded) -> None:
        refused = {**(self.loaded.refused if self.loaded else {}), **loaded.refused}
        self.loaded = msgspec.structs.replace(loaded, refused=refused)
        for key in refused:
            self.weights.pop(key, None)
        self.changed()

    # what is shown

    def changed(self) -> None:
        """Show the candidates as they are now, and have the blend scored."""
        self._show_members()
        lab = self.loaded.lab if self.loaded else None
        if lab is None or not self.weights:
            self._say_none()
            return
        blend, weights = self.blend, self.numbered()
        asked = self._asked = (tuple(weights.items()), blend, lab)

        def score() -> tuple[object, Choice]:
            return asked, lab.choice(weights, blend)

        self.work(f"scoring {formats.count(len(weights), 'member')}", score, self._scored, group="evaluate")

    def _say_none(self) -> None:
        self.choice = None
        words = "no member votes: space lets one in; only finished runs can vote"
        if self.loaded and self.loaded.refused and not self.loaded.voices:
            words = next(iter(self.loaded.refused.values()))
        self.query_one("#score", Static).update(Content.styled(safe(words), "$text-warning"))

    def _scored(self, answer: tuple[object, Choice]) -> None:
        asked, choice = answer
        if asked != self._asked:
            return  # the members changed meanwhile: a newer score is on its way
        self.choice = choice
        runs = self.loaded.voices[0].leaves() if self.loaded else []
        constant, duplicates = (runs[0].baseline_constant, runs[0].baseline_duplicates) if runs else (None, None)
        self.query_one("#score", Static).update(
            headline(
                members=len(self.weights), blend=self.blend, score=choice.score, best=choice.best_score,
                gain=choice.gain, oracle=choice.oracle, constant=constant, duplicates=duplicates,
                name=self.opened.name if self.opened else "",
                marks=self.marks(), found=search_words(self.found) if self.found else None,
                width=self.size.width,
            )
        )  # fmt: skip
        known = (("vote", choice.score.map5), ("constant", constant), ("duplicates", duplicates))
        self.query_one(MemberList).marks = tuple((name, value) for name, value in known if value is not None)
        self._show_members()

    def _show_members(self) -> None:
        """Show every candidate, with what the last score says of it."""
        places = {voice.key: number for number, voice in enumerate(self.loaded.voices)} if self.loaded else {}
        refused = self.loaded.refused if self.loaded else {}
        lab = self.loaded.lab if self.loaded else None
        lines = []
        for voice in self.candidates:
            number = places.get(voice.key, -1)
            alone = lab.singles[number] if lab and number >= 0 else None
            choice = self.choice if number >= 0 else None
            lines.append(
                MemberLine(
                    key=voice.key, name=voice.name, voting=voice.key in self.weights,
                    weight=self.weights.get(voice.key, 1.0), alone=alone.map5 if alone else None,
                    low=alone.low if alone else None, high=alone.high if alone else None,
                    change=choice.changes.get(number) if choice else None,
                    agrees=choice.agrees.get(number) if choice else None,
                    only=choice.only.get(number) if choice else None, cannot=refused.get(voice.key, ""),
                )
            )  # fmt: skip
        lines += [
            MemberLine(key=str(run.id), name=run.name, voting=False, weight=1.0,
                       cannot=f"{run.state}: only finished runs vote") for run in self.unfit
        ]  # fmt: skip
        self.query_one(MemberList).show(lines)

    def complain(self, about: str, error: BaseException) -> None:
        """Show an error where the score would be as well: it stays until members change."""
        super().complain(about, error)
        self.query_one("#score", Static).update(Content.styled(safe(error), "$text-error"))

    # what keys do

    @on(MemberList.Toggled)
    def toggle(self, message: MemberList.Toggled) -> None:
        """Let a candidate vote, or not."""
        if self._voice(message.key) is None:
            return
        if message.key in self.weights:
            del self.weights[message.key]
        else:
            self.weights[message.key] = 1.0
        self.found = None
        self.changed()

    @on(MemberList.Weighed)
    def weigh(self, message: MemberList.Weighed) -> None:
        """Make a vote count more or less."""
        if message.key in self.weights:
            self.weights[message.key] = min(max(self.weights[message.key] + message.by, 1.0), HEAVIEST)
            self.found = None
            self.changed()

    def _voice(self, key: str) -> Voice | None:
        voices = self.loaded.voices if self.loaded else ()
        return next((voice for voice in voices if voice.key == key), None)

    def action_blend(self) -> None:
        """Take the next way of blending."""
        blends = list(BLEND_WORDS)
        from whaletui.ensemble.voices import blend_of

        self.blend = blend_of(blends[(blends.index(self.blend) + 1) % len(blends)])
        self.found = None
        self.changed()

    def action_search(self, method: Method) -> None:
        """Search members and weights among all candidates, or weights alone, and find out what the gain is worth."""
        lab = self.loaded.lab if self.loaded else None
        if lab is None:
            self.warn("nothing is read yet that could be searched")
            return
        blend = self.blend
        start = self.numbered() if method == "weights" else None

        def tell(done: int, total: int) -> None:
            self.post_message(self.Done(self.tell, f"{method} search: {done} of {total}"))

        def look() -> Found:
            from whaletui.ensemble.select import search

            return search(lab, blend, method, start, tell)

        self.tell(f"{method} search …")
        self.work(f"{method} search", look, self._searched, group="search")

    def _searched(self, found: Found) -> None:
        if self.loaded is None:
            return
        keys = [voice.key for voice in self.loaded.voices]
        self.weights = {keys[number]: weight for number, weight in found.weights.items()}
        self.found = found
        self.tell("")
        self.changed()

    def action_diversity(self) -> None:
        """Show how the voting members differ, or all candidates where fewer than two vote."""
        if self.loaded is None or self.loaded.lab is None:
            return
        from whaletui.screens.diversity import DiversityScreen

        numbers = sorted(self.numbered()) if len(self.weights) > 1 else list(range(len(self.loaded.voices)))
        self.app.push_screen(
            DiversityScreen(self.loaded.lab, [(number, self.loaded.voices[number]) for number in numbers])
        )

    def numbered(self) -> dict[int, float]:
        """Return the weights by place in the lab."""
        voices = self.loaded.voices if self.loaded else ()
        return {number: self.weights[voice.key] for number, voice in enumerate(voices) if voice.key in self.weights}
