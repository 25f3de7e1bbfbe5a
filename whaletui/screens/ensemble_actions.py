"""What is made of an ensemble: submission, leaderboard score, record, gallery, pseudo-labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.screens.confirm import Confirm
from whaletui.screens.prompt import Prompt
from whaletui.view import formats

if TYPE_CHECKING:
    from whaletui.ensemble.blend import Blend
    from whaletui.ensemble.candidates import Loaded
    from whaletui.ensemble.export import Export
    from whaletui.ensemble.pseudo import Pseudo
    from whaletui.ensemble.select import Found
    from whaletui.ensemble.voices import Voice
    from whaletui.exchange.kaggle import Scores
    from whaletui.records.model import EnsembleRecord


class EnsembleActions(AtDesk[None]):
    """Keys that make something of the members as they are now."""

    def __init__(self) -> None:
        super().__init__()
        self.blend: Blend = "logits"
        self.candidates: list[Voice] = []
        self.weights: dict[str, float] = {}  # of those that vote, by key; 1 each at first
        self.loaded: Loaded | None = None
        self.found: Found | None = None  # the search that chose the weights, while they are as it chose them
        self.duplicates = False
        self.opened: EnsembleRecord | None = None

    def voting(self) -> tuple[list[Voice], list[float] | None]:
        """Return the members in their order, and their weights where they differ."""
        members = [voice for voice in self.candidates if voice.key in self.weights]
        weights = [self.weights[voice.key] for voice in members]
        return members, weights if len(set(weights)) > 1 else None

    def marks(self) -> str:
        """Return the switches that are on, to be shown as long as they are."""
        return "DUPLICATES ON" if self.duplicates else ""

    def changed(self) -> None:
        """Have everything shown anew."""
        raise NotImplementedError

    def tell(self, words: str) -> None:
        """Say how far something is, in the line below the members."""
        self.query_one("#told", Static).update(Content.styled(safe(words), "bold $accent"))

    def action_export(self) -> None:
        """Write the checked submission of the members that vote, and what it is made of beside it."""
        self._export(self._exported)

    def _export(self, then: object) -> None:
        members, weights = self.voting()
        if not members:
            self.warn("no member votes: space lets one in")
            return
        blend, found, duplicates, name = self.blend, self.found, self.duplicates, self.shown_name()

        def write() -> Export:
            from whaletui.ensemble.export import export_voices

            return export_voices(
                self.desk.records, self.desk.workspace, members, blend, weights, name=name, duplicates=duplicates,
                found=found,
            )  # fmt: skip

        self.tell("writing and checking …")
        self.work(f"exporting a vote of {formats.count(len(members), 'run')}", write, then, group="export")  # type: ignore[arg-type]

    def shown_name(self) -> str:
        """Return the name of the opened ensemble, as long as it is what is shown."""
        if self.opened is None or self.opened.blend != self.blend:
            return ""
        members = {member.key: member.weight for member in self.opened.members}
        return self.opened.name if members == self.weights else ""

    def _exported(self, made: Export) -> None:
        copies = "" if made.copies is None else f"; {made.copies:,} copies took their label"
        self.tell(f"{made.submission.rows:,} rows written to {shown_path(made.path)}{copies}")
        self.notify(safe(made.path), title="submission written", markup=False, timeout=15)

    def action_kaggle(self) -> None:
        """Write the submission, send it with the user's own Kaggle client, and fetch its score."""

        def sure(yes: bool | None) -> None:
            if yes:
                self._export(self._send)

        self.app.push_screen(
            Confirm("Send this submission to Kaggle?", "It counts among today's submissions.", "send", "keep it here"),
            sure,
        )

    def _send(self, made: Export) -> None:
        def send() -> Scores:
            from whaletui.ensemble.leaderboard import competition_of
            from whaletui.ensemble.leaderboard import send as send_it

            records = self.desk.records
            return send_it(
                records, self.desk.workspace, made.submission, competition_of(records), self._tell_from_worker
            )

        self._exported(made)
        self.work(f"sending {made.path.name} to Kaggle", send, self._sent, group="kaggle")

    def _tell_from_worker(self, words: str) -> None:
        self.post_message(self.Done(self.tell, f"Kaggle: {words}"))

    def _sent(self, scores: Scores) -> None:
        words = f"Kaggle: public {formats.score(scores.public) or '–'}, private {formats.score(scores.private) or '–'}"
        self.tell(words)
        self.say(words, "scored")

    def action_save(self) -> None:
        """Write the ensemble down under a name."""
        members, weights = self.voting()
        if not members:
            self.warn("no member votes: space lets one in")
            return
        blend, found = self.blend, self.found

        def keep(name: str | None) -> None:
            if not name or not name.strip():
                return

            def write() -> EnsembleRecord:
                from whaletui.ensemble.evaluate import evaluate_voices
                from whaletui.ensemble.export import record_ensemble

                scored = evaluate_voices(self.desk.workspace, members, blend, weights)
                shares = weights or [1.0] * len(members)
                return record_ensemble(self.desk.records, members, blend, shares, scored, name.strip(), found)

            self.work("writing the ensemble down", write, self._saved)

        self.app.push_screen(Prompt("name of this ensemble", self.opened.name if self.opened else ""), keep)

    def _saved(self, record: EnsembleRecord) -> None:
        self.opened = record
        self.tell(f"written down as e{record.id} {record.name}")
        self.changed()

    def action_member(self) -> None:
        """Let one more vote, by its id or name: any finished run, folds joined with +, or an ensemble."""

        def find(text: str | None) -> None:
            if not text or not text.strip():
                return

            def read() -> list[Voice]:
                from whaletui.ensemble.voices import voices

                return voices(self.desk.records, [text.strip()])

            self.work(f"looking for {safe(text, 40)}", read, self.added)

        self.app.push_screen(
            Prompt("who votes as well?", "", "a run (7 or its name), folds (7+8), an ensemble (e3); "), find
        )

    def added(self, voices: list[Voice]) -> None:
        """Take new candidates in, voting."""
        raise NotImplementedError

    def action_open(self) -> None:
        """List the ensembles that were written down."""
        from whaletui.screens.votes import VotesScreen

        self.app.push_screen(VotesScreen())

    def action_duplicates(self) -> None:
        """Let test photos that copy a training photo take its label in the submission, or not."""
        self.duplicates = not self.duplicates
        if self.duplicates:
            self.say("test photos that copy a training photo take its label: a leak of these data, not skill")
        self.changed()

    def action_gallery(self) -> None:
        """Look at the validation photos that the ensemble gets wrong."""
        members, weights = self.voting()
        if not members:
            self.warn("no member votes: space lets one in")
            return
        from whaletui.screens.vote_gallery import VoteGuesses, vote_gallery

        self.app.push_screen(vote_gallery(VoteGuesses(members, weights, self.blend, self.desk)))

    def action_pseudo(self) -> None:
        """Write confident answers as training rows, and open the form of a run that trains on them."""
        members, weights = self.voting()
        if not members:
            self.warn("no member votes: space lets one in")
            return
        blend, folder = self.blend, self.desk.workspace.root / "pseudo-labels"

        def write(text: str | None) -> None:
            if text is None:
                return

            def label() -> Pseudo:
                from whaletui.ensemble.export import default_stem
                from whaletui.ensemble.pseudo import confidence_of, write_pseudo_labels

                path = folder / f"{default_stem(members, weights, blend)}-{text.strip()}.csv"
                return write_pseudo_labels(self.desk.workspace, members, blend, weights, path, confidence_of(text))

            self.work("writing pseudo-labels", label, self._labelled)

        self.app.push_screen(Prompt("pseudo-labels from which probability on?", "0.9", "above 0, below 1; "), write)

    def _labelled(self, made: Pseudo) -> None:
        from whaletui.screens.new_run import NewRun

        right = "none on validation is so sure" if made.expected is None else f"{made.expected:.0%} of such are right"
        self.tell(
            f"{made.rows:,} of {made.photos:,} test photos labelled ({right} on validation): {shown_path(made.path)}"
        )
        run = self.voting()[0][0].leaves()[0]
        spec = run.spec.with_values({"data.extra": str(made.path), "name": f"{run.name} pseudo"[:200]})
        self.app.push_screen(NewRun(spec, f"run {run.id} with pseudo-labels"))


def shown_path(path: Path) -> str:
    """Return a path as short as it can be typed from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
