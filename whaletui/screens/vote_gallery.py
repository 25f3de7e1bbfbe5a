"""The validation photos of an ensemble: those that it gets wrong come first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from whaletui.desk import Desk
from whaletui.safe import safe
from whaletui.screens.gallery import Gallery
from whaletui.view import formats

if TYPE_CHECKING:
    from whaletui.ensemble.blend import Blend
    from whaletui.ensemble.voices import Voice
    from whaletui.view.looked import Looked


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


def vote_gallery(source: VoteGuesses) -> Gallery:
    """Return the gallery of what an ensemble gets wrong."""
    gallery = Gallery(source)
    gallery.way = "wrong"
    return gallery
