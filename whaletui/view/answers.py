"""What runs answered for the same validation photos, held against each other. Needs numpy: import it late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.dataset import NEW_WHALE, read_dataset
from engine.contract.errors import DataError, RunFolderError
from engine.contract.predictions import read_predictions
from engine.contract.ranking import Paired, Slice, average_precision, paired_interval, slices, top_five

ROWS_AT_ONCE = 256


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """The validation photos of a run, the truth of each, and what its guesses are worth (1/rank, or 0)."""

    photos: tuple[str, ...]
    truth: tuple[str, ...]
    worth: NDArray[np.float64]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a run did beside the first of those compared; `problem` says why something is missing."""

    run_id: int
    slices: tuple[Slice, ...] = ()
    paired: Paired | None = None  # None for the first run itself, and where there is nothing to pair
    problem: str = ""


def standings(folders: Sequence[tuple[int, Path]], data: Path | None) -> list[Standing]:
    """Return how runs stand, in order; differences are against the first of them that has answers.

    Args:
        folders: id and prediction folder of each run that finished.
        data: the data folder, whose labels tell how many photos of a whale there are; None where it is not known.
    """
    read: dict[int, Answers] = {}
    problems: dict[int, str] = {}
    for run_id, folder in folders:
        try:
            read[run_id] = read_answers(folder)
        except RunFolderError as error:
            problems[run_id] = error.message
    labels, missing = _labels(data)
    first = next(iter(read.values()), None)
    found = []
    for run_id, _ in folders:
        answers = read.get(run_id)
        if answers is None or first is None:
            found.append(Standing(run_id=run_id, problem=problems.get(run_id, "")))
            continue
        paired = None if answers is first else pair(answers, first, labels)
        problem = "no photo in common: another fold or split" if paired is not None and not paired.photos else missing
        found.append(
            Standing(
                run_id=run_id, slices=_slices(answers, labels) if labels else (),
                paired=paired if paired is not None and paired.photos else None, problem=problem,
            )
        )  # fmt: skip
    return found


def read_answers(folder: Path) -> Answers:
    """Return what a run answered; raises `RunFolderError` where its scores are missing or damaged."""
    held = read_predictions(folder, "valid")
    truth = held.truth_numbers()
    worth = [
        average_precision(top_five(held.rows(start, start + ROWS_AT_ONCE)), truth[start : start + ROWS_AT_ONCE])
        for start in range(0, len(held.photos), ROWS_AT_ONCE)
    ]
    return Answers(photos=held.photos, truth=held.truth, worth=np.concatenate([np.empty(0), *worth]))


def pair(ours: Answers, theirs: Answers, labels: Mapping[str, str]) -> Paired:
    """Return the difference on the photos that both answered and whose truth is the same for both."""
    place = {photo: number for number, photo in enumerate(theirs.photos)}
    both = [
        (number, place[photo])
        for number, photo in enumerate(ours.photos)
        if photo in place and theirs.truth[place[photo]] == ours.truth[number]
    ]
    left, right = (np.array([pair[side] for pair in both], dtype=np.int64) for side in (0, 1))
    whales = [_whale(ours.photos[number], ours.truth[number], labels) for number, _ in both]
    numbers = {whale: number for number, whale in enumerate(dict.fromkeys(whales))}
    clusters = np.array([numbers[whale] for whale in whales], dtype=np.int64)
    return paired_interval(ours.worth[left], theirs.worth[right], clusters)


def _slices(answers: Answers, labels: Mapping[str, str]) -> tuple[Slice, ...]:
    new = np.array([truth == NEW_WHALE for truth in answers.truth], dtype=np.bool_)
    return slices(answers.worth, shots(answers, labels), new)


def shots(answers: Answers, labels: Mapping[str, str]) -> NDArray[np.int64]:
    """Return how many training photos there are of each photo's whale, validation photos left out; 0 for a new one."""
    held_back = set(answers.photos)
    counts = Counter(label for photo, label in labels.items() if photo not in held_back and label != NEW_WHALE)
    return np.array([0 if truth == NEW_WHALE else counts[truth] for truth in answers.truth], dtype=np.int64)


def _whale(photo: str, truth: str, labels: Mapping[str, str]) -> str:
    """Return the whale that a photo shows; one of which no more is known than that it is new is one of its own."""
    label = labels.get(photo, truth)
    return f"\0{photo}" if label == NEW_WHALE else label


def _labels(data: Path | None) -> tuple[dict[str, str], str]:
    """Return the label of each training photo, and why there is none."""
    if data is None:
        return {}, "the data folder is not known, so photos cannot be counted"
    try:
        held = read_dataset(data)
    except DataError as error:
        return {}, f"photos cannot be counted: {error.message}"
    return dict(zip(held.train, held.labels, strict=True)), ""
