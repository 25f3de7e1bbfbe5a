"""The ensembles that were written down: opened, cloned, compared, renamed, made again, sent to Kaggle."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.screens.confirm import Confirm
from whaletui.screens.prompt import Prompt
from whaletui.view import formats
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.vote_list import VoteLine, VoteList

if TYPE_CHECKING:
    from whaletui.exchange.kaggle import Scores
    from whaletui.records.model import EnsembleRecord


class VotesScreen(AtDesk[None]):
    """Every change reaches the record and its file at once."""

    TITLE = "ensembles"
    HELP_WORDS = (
        "Ensembles are written down when they are exported, or saved with S on the screen of a vote. “h” marks a gain "
        "that was measured on held-out photos. An ensemble whose member was trained again says so: r makes it again. "
        "p makes one the measure of the others."
    )
    BINDINGS = [
        Binding("c", "clone", "clone"),
        Binding("p", "pin", "compare with"),
        Binding("r", "renew", "make again"),
        Binding("k", "kaggle", "Kaggle"),
        Binding("R", "rename", "rename", show=False),
        Binding("N", "note", "note", show=False),
        Binding("t", "tags", "tags", show=False),
        Binding("asterisk", "star", "star", show=False, key_display="*"),
        Binding("D,delete", "delete", "delete", show=False),
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.ensembles: dict[int, EnsembleRecord] = {}

    def compose(self) -> ComposeResult:
        """Lay out the list over the line about one of them."""
        yield Static(Content("ensembles that were written down"), id="title")
        with VerticalScroll(can_focus=False):
            yield VoteList()
        yield Static(id="told")
        yield KeyLine()

    def on_mount(self) -> None:
        """Read them."""
        self.query_one(VoteList).focus()
        self.reload()

    def on_screen_resume(self) -> None:
        """Show what was changed while another screen was in front."""
        self.reload()

    def reload(self) -> None:
        """Read the list anew."""
        self.work("reading the ensembles", self._read, self._show, group="read")

    def _read(self) -> tuple[list[EnsembleRecord], list[VoteLine]]:
        from whaletui.ensemble.renew import news_of

        records = self.desk.records
        found = records.ensembles()
        news = news_of(records, found)
        public = {entry.ensemble_id: entry.public for entry in records.submissions() if entry.public is not None}
        lines = [
            VoteLine(
                ensemble_id=one.id, name=one.name, blend=one.blend, map5=one.map5, low=one.map5_low, high=one.map5_high,
                members=" ".join(f"{m.key}x{m.weight:g}" if m.weight != 1 else m.key for m in one.members),
                gain=one.gain, held_out=one.held_out, public=public.get(one.id), star=one.star, tags=one.tags,
                news=news.get(one.id, ""),
            )
            for one in found
        ]  # fmt: skip
        return found, lines

    def _show(self, answer: tuple[list[EnsembleRecord], list[VoteLine]]) -> None:
        found, lines = answer
        self.ensembles = {record.id: record for record in found}
        self.query_one(VoteList).show(lines)
        title = formats.count(len(found), "ensemble") if found else "no ensemble yet: e on selected runs, then S or E"
        self.query_one("#title", Static).update(Content.styled(title, "bold"))
        self._tell_note()

    def _tell_note(self) -> None:
        record = self.current
        self.query_one("#told", Static).update(Content(safe(record.note)) if record and record.note else Content(""))

    @property
    def current(self) -> EnsembleRecord | None:
        """The ensemble under the cursor."""
        line = self.query_one(VoteList).current
        return self.ensembles.get(line.ensemble_id) if line else None

    @on(VoteList.Chosen)
    def open(self, message: VoteList.Chosen) -> None:
        """Open an ensemble with its members, weights and blend."""
        from whaletui.screens.ensemble import EnsembleScreen

        self.app.push_screen(EnsembleScreen(opened=self.ensembles[message.ensemble_id]))

    def action_pin(self) -> None:
        """Make the ensemble under the cursor the measure of the others, or none."""
        listed, record = self.query_one(VoteList), self.current
        listed.pinned = None if record is None or listed.pinned == record.id else record.id

    def _change(self, about: str, change: Callable[[EnsembleRecord], object]) -> None:
        record = self.current
        if record is not None:
            self.work(f"{about} e{record.id}", lambda: change(record), lambda _: self.reload())

    def _ask(self, field: str, value: str, question: str, read: Callable[[str], Any]) -> None:
        record = self.current
        if record is None:
            return

        def keep(text: str | None) -> None:
            if text is not None:
                changes = {field: read(text)}
                self.work(
                    f"changing e{record.id}", lambda: self.desk.records.change_ensemble(record.id, **changes),
                    lambda _: self.reload(),
                )  # fmt: skip

        self.app.push_screen(Prompt(question, value), keep)

    def action_rename(self) -> None:
        """Give it another name."""
        if (record := self.current) is not None:
            self._ask("name", record.name, f"name of e{record.id}", str.strip)

    def action_note(self) -> None:
        """Write a note on it."""
        if (record := self.current) is not None:
            self._ask("note", record.note, f"note on e{record.id}", str.strip)

    def action_tags(self) -> None:
        """Tag it."""
        if (record := self.current) is not None:
            self._ask("tags", " ".join(record.tags), f"tags of e{record.id}, words apart by spaces", _tags)

    def action_star(self) -> None:
        """Star it, or take the star off."""
        self._change("starring", lambda one: self.desk.records.change_ensemble(one.id, star=not one.star))

    def action_clone(self) -> None:
        """Write it down once more, to be changed."""

        def clone(record: EnsembleRecord) -> object:
            return self.desk.records.copy_ensemble(record.id)

        self._change("cloning", clone)

    def action_renew(self) -> None:
        """Put newer runs of the same spec and seed in the places of their elders, and score it again."""

        def renew(record: EnsembleRecord) -> object:
            from whaletui.ensemble.renew import renew as make_again

            return make_again(self.desk.records, self.desk.workspace, record)

        self._change("making again", renew)

    def action_delete(self) -> None:
        """Delete it, after asking."""
        record = self.current
        if record is None:
            return

        def answer(sure: bool | None) -> None:
            if sure:
                self._change("deleting", lambda one: self.desk.records.delete_ensemble(one.id))

        self.app.push_screen(
            Confirm(f"Delete e{record.id} {record.name[:40]}?", "Its submissions stay.", "delete", "keep"), answer
        )

    def action_kaggle(self) -> None:
        """Send its newest submission to Kaggle, and fetch the score."""
        record = self.current
        if record is None:
            return

        def send() -> Scores:
            from whaletui.ensemble.leaderboard import competition_of, newest
            from whaletui.ensemble.leaderboard import send as send_it

            records = self.desk.records
            submission = newest(records, record.id, None)
            return send_it(records, self.desk.workspace, submission, competition_of(records))

        def sent(scores: Scores) -> None:
            self.say(f"public {formats.score(scores.public) or '–'}, private {formats.score(scores.private) or '–'}")
            self.reload()

        def sure(yes: bool | None) -> None:
            if yes:
                self.work(f"sending e{record.id} to Kaggle", send, sent, group="kaggle")

        self.app.push_screen(
            Confirm("Send its submission to Kaggle?", "It counts among today's submissions.", "send", "keep it here"),
            sure,
        )


def _tags(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.replace(",", " ").split()))
