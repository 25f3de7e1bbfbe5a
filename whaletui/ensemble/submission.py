"""A Kaggle submission: written only when it is right, and only whole."""

from __future__ import annotations

import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.dataset import Dataset
from engine.contract.predictions import ClassList
from engine.contract.ranking import GUESSES
from engine.contract.rundir import sync_folder
from whaletui.ensemble.errors import EnsembleError


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
    write_together({path: text})
    return Written(path=path, rows=len(dataset.test), sha256=hashlib.sha256(text).hexdigest())


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files of one folder so that all of them are there whole, or none is and the old ones stay.

    Two programs that write the same files do so one after the other: never one's table beside the other's provenance.

    Raises:
        EnsembleError: the folder cannot be written, or the disk is full; nothing is left behind.
    """
    first = next(iter(files))
    temporary: dict[Path, Path] = {}
    try:
        first.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(first.parent):
            try:
                for path, text in files.items():
                    temporary[path] = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.partial")
                    _write_through(temporary[path], text)
                for path, written in temporary.items():
                    os.replace(written, path)
            finally:
                for written in temporary.values():
                    written.unlink(missing_ok=True)
            sync_folder(first.parent)
    except OSError as error:
        raise EnsembleError(f"{first} cannot be written: {error.strerror}", "name another file or make room") from error


def _write_through(path: Path, text: bytes) -> None:
    with open(path, "xb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold a kernel lock on a folder itself, so that no lock file is left in it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


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
