"""A Kaggle submission: written only when it is right, and only whole."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.dataset import Dataset
from engine.contract.predictions import ClassList
from engine.contract.ranking import GUESSES
from engine.contract.rundir import write_atomic
from whaletui.ensemble.blend import EnsembleError


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A submission file on disk."""

    path: Path
    rows: int
    sha256: str


def write_submission(
    path: Path, dataset: Dataset, photos: Sequence[str], guesses: NDArray[np.integer], classes: ClassList
) -> Written:
    """Check the guesses and write them in the sample submission's order.

    Args:
        path: the CSV file to write; an old one is replaced whole.
        dataset: says which photos are asked for, in which order, under which header.
        photos: the test photos that were scored, in any order.
        guesses: (photos, 5) class numbers, best first.
        classes: what the class numbers stand for.

    Raises:
        EnsembleError: a photo asked for was not scored, another was, or a row does not hold five
            different known labels; the row is named and nothing is written.
    """
    text = submission_text(dataset, photos, guesses, classes)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
    except OSError as error:
        raise EnsembleError(f"{path} cannot be written: {error.strerror}", "name another file or make room") from error
    return Written(path=path, rows=len(dataset.test), sha256=hashlib.sha256(text).hexdigest())


def submission_text(dataset: Dataset, photos: Sequence[str], guesses: NDArray[np.integer], classes: ClassList) -> bytes:
    """Return the bytes of the submission; raises `EnsembleError` as `write_submission` says."""
    _refuse_other_photos(dataset.test, photos)
    if guesses.shape != (len(photos), GUESSES):
        raise EnsembleError(
            f"there are {guesses.shape[1]} guesses a photo from {len(classes.names)} labels",
            f"a submission needs {GUESSES} different labels a photo",
        )
    known = set(dataset.classes)
    strange = [label for label in classes.names if label not in known]
    if strange:
        raise EnsembleError(
            f"the runs know the label {strange[0]!r}, which {dataset.folder / 'train.csv'} does not",
            "train on these data",
        )
    ordered = np.sort(guesses, axis=1)
    repeated = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
    if repeated.size:
        raise EnsembleError(f"{photos[int(repeated[0])]} is given the same label twice", "the scores are damaged")
    names = np.array(classes.names, dtype=object)
    answer = {photo: " ".join(row) for photo, row in zip(photos, names[guesses], strict=True)}
    lines = [",".join(dataset.header), *(f"{photo},{answer[photo]}" for photo in dataset.test)]
    return ("\n".join(lines) + "\n").encode()


def _refuse_other_photos(wanted: Sequence[str], scored: Sequence[str]) -> None:
    if len(set(scored)) != len(scored):
        raise EnsembleError("a test photo was scored twice", "the scores are damaged: train the run again")
    missing = set(wanted) - set(scored)
    if missing:
        row = next(number for number, photo in enumerate(wanted, start=2) if photo in missing)
        raise EnsembleError(
            f"sample_submission.csv line {row} asks for {wanted[row - 2]}, "
            f"which was not scored ({len(missing)} such photos)",
            "the runs were trained on other data: give --data the folder they used",
        )
    extra = sorted(set(scored) - set(wanted))
    if extra:
        raise EnsembleError(
            f"{extra[0]} was scored, but sample_submission.csv does not ask for it ({len(extra)} such photos)",
            "the runs were trained on other data: give --data the folder they used",
        )
