"""The duplicates switch: test photos that copy a training photo take its label first. A leak of the data, not skill."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.contract.predictions import read_copies
from whaletui.ensemble.blend import Vote
from whaletui.ensemble.errors import EnsembleError
from whaletui.ensemble.voices import Voice
from whaletui.workspace import Workspace


def with_copies(vote: Vote, members: Sequence[Voice], workspace: Workspace) -> tuple[Vote, int]:
    """Return a vote on test photos whose first guess is the label of the training photo that each copies.

    The other guesses move down by one, without a repeat. Validation photos copy none, so no validation score tells
    what this is worth.

    Returns:
        the vote, and how many photos copy one.

    Raises:
        EnsembleError: no member noted which test photos are copies.
    """
    label_of = _copies(members, workspace)
    numbers = {name: number for number, name in enumerate(vote.classes.names)}
    guesses = vote.guesses.copy()
    copied = 0
    for row, photo in enumerate(vote.photos):
        number = numbers.get(label_of.get(photo, ""))
        if number is None:
            continue
        copied += 1
        others = [guess for guess in guesses[row] if guess != number]
        guesses[row] = np.array([number, *others][: guesses.shape[1]])
    return Vote(photos=vote.photos, truth=vote.truth, guesses=guesses, classes=vote.classes), copied


def _copies(members: Sequence[Voice], workspace: Workspace) -> dict[str, str]:
    for voice in members:
        for run in voice.leaves():
            found = read_copies(workspace.run_dir(run.folder).predictions)
            if found is not None:
                return found
    raise EnsembleError(
        "no member knows which test photos copy a training photo",
        "runs trained from now on note it: r trains one again",
    )
