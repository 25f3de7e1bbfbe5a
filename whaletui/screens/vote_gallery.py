"""The validation photos of an ensemble: those that it gets wrong come first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content
from textual.events import Mount
from textual.widgets import Static

from whaletui.desk import Desk
from whaletui.safe import safe
from whaletui.screens.gallery import Gallery
from whaletui.view import formats

if TYPE_CHECKING:
    from whaletui.ensemble.blend import Blend
    from whaletui.ensemble.voices import Voice
    from whaletui.view.guesses import Looked


class VoteGuesses:
    """An ensemble as a source of guesses, read when it is asked; pictures come from the data of its first member."""

    def __init__(self, members: Sequence[Voice], weights: Sequence[float] | None, blend: Blend, desk: Desk) -> None:
        self._members, self._weights, self._blend, self._desk = members, weights, blend, desk
        spec = members[0].leaves()[0].spec
        keys = " ".join(member.key for member in members[:6])
        self.title = safe(f"vote of {formats.count(len(members), 'member')}: {keys}", 60)
        self.data_folder = Path(spec.data.folder)
        self.boxes = Path(spec.crop.source) if spec.crop.enabled and spec.crop.source else None
        self.embeddings: Path | None = None

    def read(self) -> list[Looked]:
        """Return what the ensemble guessed for its validation photos."""
        from whaletui.ensemble.evaluate import blended
        from whaletui.ensemble.guesses import read_vote_guesses
        from whaletui.ensemble.voices import calibrations

        workspace = self._desk.workspace
        fitted = calibrations(self._members, workspace, self._blend)
        return read_vote_guesses(blended(workspace, self._members, self._weights, self._blend, "valid", fitted))


class VoteGallery(Gallery):
    """The gallery of a run, with the guesses of an ensemble in their place."""

    def __init__(self, members: Sequence[Voice], weights: Sequence[float] | None, blend: Blend, desk: Desk) -> None:
        super().__init__(members[0].leaves()[0])
        self.source = VoteGuesses(members, weights, blend, desk)

    def on_mount(self, event: Mount) -> None:  # type: ignore[override]
        """Read what the ensemble guessed, instead of what a run did."""
        event.prevent_default()

        def begin(everything: list[Looked]) -> None:
            self._begin(everything)
            self.action_wrong()

        self.work("reading the guesses of the ensemble", self.source.read, begin)

    def _show(self) -> None:
        super()._show()
        what = "first guess wrong" if self.wrong_only else "validation photos"
        place = f"{self.place + 1:,} of {len(self.shown):,}" if self.shown else "none"
        self.query_one("#title", Static).update(Content.assemble((self.source.title, "bold"), f"   {what}   {place}"))
