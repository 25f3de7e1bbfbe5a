"""The selected runs as one soft vote: its score while members come and go, and its submission at one key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.view import formats
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.member_list import MemberLine, MemberList

if TYPE_CHECKING:
    from engine.contract.ranking import Score
    from whaletui.ensemble.blend import Blend
    from whaletui.ensemble.export import Evaluation, Export

BLEND_WORDS = {"logits": "mean of the logits", "probabilities": "mean of the probabilities"}
HEAVIEST = 20


class EnsembleScreen(AtDesk[None]):
    """Scores every change on the validation photos at once; the last request wins."""

    TITLE = "ensemble"
    HELP_WORDS = (
        "The score of the vote on the validation photos, beside each member alone and both baselines. "
        "The mean of logits lets the loudest member win; the mean of probabilities gives each the same voice."
    )
    BINDINGS = [
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("b", "blend", "blend"),
        Binding("E", "export", "export"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, run_ids: Sequence[int]) -> None:
        super().__init__()
        self.run_ids = tuple(run_ids)
        self.runs: list[RunRecord] = []
        self.blend: Blend = "logits"
        self.weights: dict[int, float] = {}  # of those that vote; 1 each at first
        self.singles: dict[int, Score] = {}
        self._asked: object = None

    def compose(self) -> ComposeResult:
        """Lay out the score over the members."""
        yield Static("reading …", id="score")
        with VerticalScroll(can_focus=False):
            yield MemberList()
            yield Static(id="told")
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the selected runs."""
        self.query_one(MemberList).focus()
        self.work(
            "reading the selected runs",
            lambda: [self.desk.records.run(run_id) for run_id in self.run_ids],
            self._begin,
        )

    def _begin(self, runs: list[RunRecord]) -> None:
        self.runs = runs
        self.weights = {run.id: 1.0 for run in runs if run.can_vote}
        self._changed()

    # what is shown

    def _changed(self) -> None:
        """Show the members as they are now, and have their vote scored."""
        self._show_members()
        if not self.weights:
            self.query_one("#score", Static).update(
                Content.styled("no member votes: space lets one in; only finished runs can vote", "$text-warning")
            )
            return
        asked = (tuple(self.weights.items()), self.blend)
        self._asked = asked
        blend, weights = self.blend, dict(self.weights)

        def score() -> tuple[object, Evaluation]:
            from whaletui.ensemble.export import evaluate

            desk = self.desk
            return asked, evaluate(desk.records, desk.workspace, list(weights), blend, list(weights.values()))

        self.query_one("#score", Static).update(self._headline("scoring …"))
        self.work(f"scoring a vote of {formats.count(len(weights), 'run')}", score, self._scored, group="evaluate")

    def _headline(self, words: str) -> Content:
        title = f"vote of {formats.count(len(self.weights), 'run')}"
        return Content.assemble(
            (title, "bold $accent"), f"   {BLEND_WORDS[self.blend]}   ", (words, "$foreground-muted")
        )

    def _scored(self, answer: tuple[object, Evaluation]) -> None:
        asked, made = answer
        if asked != self._asked:
            return  # the members changed meanwhile: a newer score is on its way
        self.singles.update(made.singles)
        score = made.score
        gain_style = "bold $text-success" if made.gain > 0 else "$text-warning"
        facts = Content.assemble(
            ("MAP@5 ", "$foreground-muted"), (formats.score(score.map5), "bold"),
            f" {formats.interval(score.low, score.high)}", ("   best single ", "$foreground-muted"),
            formats.score(made.best_single), ("   gain ", "$foreground-muted"), (f"{made.gain:+.3f}", gain_style),
        )  # fmt: skip
        against = Content.assemble(
            ("over constant ", "$foreground-muted"), formats.delta(score.map5, made.constant) or "?",
            ("   over duplicates ", "$foreground-muted"), formats.delta(score.map5, made.duplicates) or "?",
            ("   known ", "$foreground-muted"), formats.score(score.known),
            ("   new ", "$foreground-muted"), formats.score(score.new),
            (f"   on {formats.count(score.photos, 'validation photo')}", "$foreground-muted"),
        )  # fmt: skip
        self.query_one("#score", Static).update(Content("\n").join([self._headline(""), facts, against]))
        known = (("vote", score.map5), ("constant", made.constant), ("duplicates", made.duplicates))
        self.query_one(MemberList).marks = tuple((name, value) for name, value in known if value is not None)
        self._show_members()

    def _show_members(self) -> None:
        lines = []
        for run in self.runs:
            single = self.singles.get(run.id)
            lines.append(
                MemberLine(
                    run_id=run.id, name=run.name, voting=run.id in self.weights, weight=self.weights.get(run.id, 1.0),
                    alone=single.map5 if single else run.map5, low=single.low if single else run.map5_low,
                    high=single.high if single else run.map5_high,
                    cannot="" if run.can_vote else f"{run.state}: only finished runs vote",
                )
            )  # fmt: skip
        self.query_one(MemberList).show(lines)

    def complain(self, about: str, error: BaseException) -> None:
        """Show an error where the score would be as well: it stays until members change."""
        super().complain(about, error)
        self.query_one("#score", Static).update(
            Content("\n").join([self._headline(""), Content.styled(safe(error), "$text-error")])
        )

    # what a person does

    @on(MemberList.Toggled)
    def toggle(self, message: MemberList.Toggled) -> None:
        """Let a run vote, or not."""
        run = next(run for run in self.runs if run.id == message.run_id)
        if not run.can_vote:
            self.warn(f"run {run.id} is {run.state}: only finished runs vote")
            return
        if self.weights.pop(run.id, None) is None:
            chosen = {*self.weights, run.id}
            self.weights = {one.id: self.weights.get(one.id, 1.0) for one in self.runs if one.id in chosen}
        self._changed()

    @on(MemberList.Weighed)
    def weigh(self, message: MemberList.Weighed) -> None:
        """Let a vote count more or less; less than one part is none."""
        if message.run_id in self.weights:
            self.weights[message.run_id] = min(max(self.weights[message.run_id] + message.by, 1.0), HEAVIEST)
            self._changed()

    def action_blend(self) -> None:
        """Switch between the mean of logits and the mean of probabilities."""
        self.blend = "probabilities" if self.blend == "logits" else "logits"
        self._changed()

    def action_export(self) -> None:
        """Write the checked submission of the members that vote."""
        if not self.weights:
            self.warn("no member votes: space lets one in")
            return
        blend, weights = self.blend, dict(self.weights)

        def write() -> Export:
            from whaletui.ensemble.export import export

            shares = list(weights.values()) if set(weights.values()) != {1.0} else None
            return export(self.desk.records, self.desk.workspace, list(weights), blend, shares)

        self._tell("writing and checking …")
        self.work(f"exporting a vote of {formats.count(len(weights), 'run')}", write, self._exported, group="export")

    def _exported(self, made: Export) -> None:
        self._tell(f"{made.submission.rows:,} rows written to {_shown_path(made.path)}")
        self.notify(safe(made.path), title="submission written", markup=False, timeout=15)

    def _tell(self, words: str) -> None:
        self.query_one("#told", Static).update(Content.styled(safe(words), "bold $accent"))


def _shown_path(path: Path) -> str:
    """Return a path as short as it can be typed from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
