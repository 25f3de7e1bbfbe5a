"""The validation photos of a run, one at a time: the picture, the truth, and the five guesses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from engine.contract.errors import DataError
from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.view import formats
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.photo import Photo

if TYPE_CHECKING:
    from whaletui.view.guesses import Looked
    from whaletui.view.halfblocks import Rows


class Gallery(AtDesk[None]):
    """Steps through photos; all of them, or those whose first guess is wrong."""

    TITLE = "gallery"
    HELP_WORDS = "Each validation photo with its five guesses. A right first guess is worth 1, a right second one 1/2."
    BINDINGS = [
        Binding("left,k,up", "step(-1)", "before", key_display="←"),
        Binding("right,j,down,space", "step(1)", "next", key_display="→"),
        Binding("w", "wrong", "wrong only"),
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, run: RunRecord) -> None:
        super().__init__()
        self.run_record = run
        self.everything: Sequence[Looked] = ()
        self.shown: Sequence[Looked] = ()
        self.place = 0
        self.wrong_only = False

    def compose(self) -> ComposeResult:
        """Lay out the picture beside the guesses."""
        yield Static(id="title")
        with Horizontal():
            yield Photo(id="photo")
            yield Static("reading …", id="guesses")
        yield KeyLine()

    def on_mount(self) -> None:
        """Read what the run guessed."""
        folder = self.desk.workspace.run_dir(self.run_record.folder).predictions

        def read() -> list[Looked]:
            from whaletui.view.guesses import read_guesses

            return read_guesses(folder)

        self.work(f"reading the guesses of run {self.run_record.id}", read, self._begin)

    def _begin(self, everything: list[Looked]) -> None:
        self.everything = self.shown = everything
        self._show()

    @property
    def current(self) -> Looked | None:
        """The photo in sight."""
        return self.shown[self.place] if self.shown else None

    def _show(self) -> None:
        """Show the guesses at once, the picture when it is decoded."""
        what = "first guess wrong" if self.wrong_only else "validation photos"
        place = f"{self.place + 1:,} of {len(self.shown):,}" if self.shown else "none"
        self.query_one("#title", Static).update(
            Content.assemble((f"run {self.run_record.id} {safe(self.run_record.name)}", "bold"), f"   {what}   {place}")
        )
        looked = self.current
        if looked is None:
            self.query_one("#guesses", Static).update("no photo")
            self.query_one(Photo).show([])
            return
        self.query_one("#guesses", Static).update(_guess_lines(looked))
        self._decode(looked)

    def _decode(self, looked: Looked) -> None:
        size = self.query_one(Photo).size
        if not size.width or not size.height:
            return
        path = Path(self.run_record.spec.data.folder) / "train" / looked.photo

        def decode() -> tuple[Rows, str]:
            from whaletui.view.halfblocks import half_blocks

            try:
                return half_blocks(path, size.width, size.height), ""
            except DataError as error:
                return [], str(error)

        self.work(f"decoding {looked.photo}", decode, lambda made: self.query_one(Photo).show(*made), group="photo")

    def action_step(self, by: int) -> None:
        """Go to another photo; after the last comes the first."""
        if self.shown:
            self.place = (self.place + by) % len(self.shown)
            self._show()

    def action_wrong(self) -> None:
        """Show only photos whose first guess is wrong, or all again, staying at the photo where it is among them."""
        before = self.current
        self.wrong_only = not self.wrong_only
        self.shown = [one for one in self.everything if one.worth < 1] if self.wrong_only else self.everything
        self.place = self.shown.index(before) if before in self.shown else 0
        self._show()

    def on_resize(self, event: Resize) -> None:
        """Decode the picture for its new size."""
        self.call_after_refresh(self._show)


def _guess_lines(looked: Looked) -> Content:
    lines = [
        Content.assemble(("photo  ", "$foreground-muted"), (safe(looked.photo), "bold")),
        Content.assemble(("truth  ", "$foreground-muted"), (safe(looked.truth), "bold $text-primary")),
        Content(""),
    ]
    for rank, guess in enumerate(looked.guesses, start=1):
        right = guess.whale == looked.truth
        mark, style = ("✓", "bold $text-success") if right else (" ", "$foreground")
        name = (f"{rank} {mark} {safe(guess.whale, 20):<14}", style)
        lines.append(Content.assemble(name, (formats.bar(guess.share, 10), "$primary"), f" {guess.share:.2f}"))
    worth = "worth nothing" if not looked.worth else f"worth {looked.worth:.2f}"
    lines += [Content(""), Content.styled(worth, "$text-success" if looked.worth else "$text-warning")]
    return Content("\n").join(lines)
