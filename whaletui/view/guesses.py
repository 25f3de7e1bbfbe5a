"""What a run guessed for its validation photos, ready to be looked through. Needs numpy: import it late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.contract.predictions import read_predictions
from engine.contract.ranking import average_precision, top_five
from whaletui.view.looked import Guess, Looked

__all__ = ["Guess", "Looked", "looked_of", "read_guesses"]

ROWS_AT_ONCE = 1024

Rows = Callable[[int, int], NDArray[np.float32]]


def read_guesses(folder: Path) -> list[Looked]:
    """Return every validation photo of a run's prediction folder, in its order.

    Raises:
        RunFolderError: the scores are missing or damaged.
    """
    held = read_predictions(folder, "valid")
    return looked_of(held.photos, held.truth_numbers(), held.classes.names, held.rows)


def looked_of(photos: Sequence[str], truth: NDArray[np.int64], classes: Sequence[str], rows: Rows) -> list[Looked]:
    """Return photos with the guesses that scores make.

    Args:
        photos: names of the rows.
        truth: (photos,) class numbers.
        classes: names of the columns.
        rows: returns the scores (rows, classes) from one row up to another.
    """
    found: list[Looked] = []
    for start in range(0, len(photos), ROWS_AT_ONCE):
        scores = np.asarray(rows(start, start + ROWS_AT_ONCE), dtype=np.float32)
        best = top_five(scores)
        worth = average_precision(best, truth[start : start + len(scores)])
        powers = np.exp(scores - np.nanmax(scores, axis=1, keepdims=True))
        shares = np.take_along_axis(powers, best, axis=1) / np.nansum(powers, axis=1, keepdims=True)
        for row in range(len(scores)):
            guesses = tuple(
                Guess(classes[whale], float(share)) for whale, share in zip(best[row], shares[row], strict=True)
            )
            photo, label = photos[start + row], classes[truth[start + row]]
            found.append(Looked(photo=photo, truth=label, guesses=guesses, worth=float(worth[row])))
    return found
