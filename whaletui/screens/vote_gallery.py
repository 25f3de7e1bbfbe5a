"""The validation photos of an ensemble: those that it gets wrong come first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.events import Mount

from whaletui.screens.gallery import Gallery

if TYPE_CHECKING:
    from whaletui.ensemble.blend import Blend
    from whaletui.ensemble.voices import Voice
    from whaletui.view.guesses import Looked


class VoteGallery(Gallery):
    """The gallery of a run, with the guesses of an ensemble; pictures come from the data of its first member."""

    def __init__(self, members: Sequence[Voice], weights: Sequence[float] | None, blend: Blend) -> None:
        super().__init__(members[0].leaves()[0])
        self.members, self.weights, self.blend = members, weights, blend

    def on_mount(self, event: Mount) -> None:  # type: ignore[override]
        """Read what the ensemble guessed, instead of what a run did."""
        event.prevent_default()
        workspace = self.desk.workspace

        def read() -> list[Looked]:
            from whaletui.ensemble.evaluate import blended
            from whaletui.ensemble.guesses import read_vote_guesses
            from whaletui.ensemble.voices import calibrations

            fitted = calibrations(self.members, workspace, self.blend)
            return read_vote_guesses(blended(workspace, self.members, self.weights, self.blend, "valid", fitted))

        def begin(everything: list[Looked]) -> None:
            self._begin(everything)
            self.action_wrong()

        self.work("reading the guesses of the ensemble", read, begin)
