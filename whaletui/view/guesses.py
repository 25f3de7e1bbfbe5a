"""What a run guessed for its validation photos, ready to be looked through. Needs numpy: import it late."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from engine.contract.predictions import read_predictions
from engine.contract.ranking import average_precision, top_five

ROWS_AT_ONCE = 1024


class Guess(msgspec.Struct, frozen=True):
    """One of the five: the whale, and its share of the scores (softmax, 0 to 1)."""

    whale: str
    share: float


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A validation photo with its truth, its guesses best first, and what they are worth (1/rank, or 0)."""

    photo: str
    truth: str
    guesses: tuple[Guess, ...]
    worth: float


def read_guesses(folder: Path) -> list[Looked]:
    """Return every validation photo of a run's prediction folder, in its order.

    Raises:
        RunFolderError: the scores are missing or damaged.
    """
    held = read_predictions(folder, "valid")
    truth = held.truth_numbers()
    names = held.classes.names
    found: list[Looked] = []
    for start in range(0, len(held.photos), ROWS_AT_ONCE):
        scores = np.asarray(held.scores[start : start + ROWS_AT_ONCE], dtype=np.float32)
        best = top_five(scores)
        worth = average_precision(best, truth[start : start + len(scores)])
        powers = np.exp(scores - np.nanmax(scores, axis=1, keepdims=True))
        shares = np.take_along_axis(powers, best, axis=1) / np.nansum(powers, axis=1, keepdims=True)
        for row in range(len(scores)):
            guesses = tuple(
                Guess(names[whale], float(share)) for whale, share in zip(best[row], shares[row], strict=True)
            )
            photo = start + row
            found.append(
                Looked(
                    photo=held.photos[photo], truth=held.truth[photo], guesses=guesses, worth=float(worth[row])
                )
            )  # fmt: skip
    return found
