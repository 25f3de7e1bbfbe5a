"""What no training at all would score: every run is shown beside these two answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.contract.ranking import GUESSES, average_precision
from engine.data.tables import Tables


def constant_guesses(tables: Tables, photos: int) -> NDArray[np.int64]:
    """Return the same guesses (photos, up to 5) for every photo: `new_whale`, then the most photographed whales."""
    return np.tile(_constant(tables), (photos, 1))


def duplicate_guesses(tables: Tables, duplicates: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return guesses (photos, up to 5): the whale of the training photo that each copies, then the constant ones.

    Args:
        tables: the run's.
        duplicates: (photos,) rows of the training part, -1 where a photo copies none.
    """
    constant = _constant(tables)
    guesses = np.tile(constant, (len(duplicates), 1))
    for row in np.flatnonzero(duplicates >= 0):
        copied = tables.train.targets[duplicates[row]]
        guesses[row] = [copied, *constant[constant != copied]][: len(constant)]
    return guesses


def baseline_scores(tables: Tables) -> dict[str, float]:
    """Return MAP@5 of both answers on the validation photos.

    Folds are grouped by duplicate, so no validation photo copies a training photo and the second answer
    can only equal the first; on test photos it is worth what copies there are.
    """
    truth = tables.valid.targets
    answers = {
        "constant": constant_guesses(tables, len(truth)),
        "duplicates": duplicate_guesses(tables, tables.duplicate_of_valid),
    }
    return {name: float(average_precision(guesses, truth).mean()) for name, guesses in answers.items()}


def _constant(tables: Tables) -> NDArray[np.int64]:
    new_class = tables.classes.new_class
    counts = np.bincount(tables.train.targets, minlength=len(tables.classes.names))
    frequent = [number for number in np.argsort(-counts, kind="stable") if number != new_class and counts[number]]
    return np.array([new_class, *frequent][:GUESSES], dtype=np.int64)
