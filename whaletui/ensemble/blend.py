"""Soft vote: several runs' scores made one, photo by photo, without ever holding them all in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.errors import WhaleError
from engine.contract.predictions import ClassList, Predictions, read_predictions
from engine.contract.ranking import Score, score, top_five

Blend = Literal["logits", "probabilities"]
BLENDS: tuple[Blend, ...] = ("logits", "probabilities")
ROWS_AT_ONCE = 256
"""Few enough that the scores of a block stay in the processor's cache from pass to pass."""


class EnsembleError(WhaleError):
    """Runs that cannot vote together, or a file that cannot be made of them."""

    reason = "ensemble"


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """What the members say together.

    `guesses` is (photos, up to 5) class numbers, best first; `truth` is empty for test photos.
    """

    photos: tuple[str, ...]
    truth: NDArray[np.int64]
    guesses: NDArray[np.int64]
    classes: ClassList

    def score(self) -> Score:
        """Return MAP@5 on validation photos; raises `EnsembleError` where the truth is not known."""
        if len(self.truth) != len(self.photos):
            raise EnsembleError("test photos have no truth to score against", "score the validation photos")
        return score(self.guesses, self.truth, self.classes.new_class)


def vote(
    folders: Sequence[tuple[str, Path]], weights: Sequence[float], blend: Blend, part: Literal["valid", "test"]
) -> Vote:
    """Return the soft vote of several runs.

    Args:
        folders: name (for messages) and prediction folder of each member.
        weights: of each member; only their ratios matter.
        blend: "logits" takes the weighted mean of the scores as they are (the talk's way: the loudest
            member wins); "probabilities" that of each member's softmax.
        part: "valid" or "test".

    Raises:
        EnsembleError: no members, weights that are no shares, or members whose labels or photos
            differ; the difference is named.
        RunFolderError: a member's scores are missing or damaged.
    """
    if not folders:
        raise EnsembleError("an ensemble needs at least one finished run", "select runs with space")
    _check_weights(weights, len(folders))
    members = [read_predictions(folder, part) for _, folder in folders]
    names = [name for name, _ in folders]
    for name, member in zip(names[1:], members[1:], strict=True):
        _refuse_difference(names[0], members[0], name, member)
    shares = np.asarray(weights, dtype=np.float32) / np.float32(sum(weights))
    first = members[0]
    readers = [_reader(name, member, first.photos) for name, member in zip(names, members, strict=True)]
    guesses = [
        top_five(sum_scores([read(start) for read in readers], shares, blend))
        for start in range(0, len(first.photos), ROWS_AT_ONCE)
    ]
    truth = first.truth_numbers() if first.truth else np.empty(0, dtype=np.int64)
    return Vote(photos=first.photos, truth=truth, guesses=np.concatenate(guesses), classes=first.classes)


def sum_scores(blocks: Sequence[NDArray[np.float32]], shares: NDArray[np.float32], blend: Blend) -> NDArray[np.float32]:
    """Return the weighted sum of score blocks (photos, classes), overwriting them."""
    total = np.zeros_like(blocks[0])
    for block, share in zip(blocks, shares, strict=True):
        if blend == "probabilities":
            softmax(block)
        block *= share
        total += block
    return total


def softmax(scores: NDArray[np.float32]) -> None:
    """Turn each row of scores into probabilities, in place."""
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)


def _reader(name: str, member: Predictions, photos: tuple[str, ...]) -> Callable[[int], NDArray[np.float32]]:
    """Return a function that reads the scores of the photos from a row on, whatever the member's own order."""
    if member.photos == photos:
        rows = member.rows
    else:
        number = {photo: row for row, photo in enumerate(member.photos)}
        order = np.array([number[photo] for photo in photos])

        def rows(start: int, stop: int) -> NDArray[np.float32]:
            return np.asarray(member.scores[order[start:stop]], dtype=np.float32)

    def read(start: int) -> NDArray[np.float32]:
        block = rows(start, start + ROWS_AT_ONCE)
        if not np.isfinite(block.sum()):  # float32 sums of float16 scores cannot overflow by themselves
            row = int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
            raise EnsembleError(
                f"{name} scores {photos[start + row]} with a number that is none",
                "leave the run out: its training diverged",
            )
        return block

    return read


def _check_weights(weights: Sequence[float], members: int) -> None:
    if len(weights) != members:
        raise EnsembleError(f"{len(weights)} weights are given for {members} runs", "give one weight a run")
    if any(not np.isfinite(weight) or weight < 0 for weight in weights) or sum(weights) <= 0:
        listed = ", ".join(f"{weight:g}" for weight in weights)
        raise EnsembleError(f"the weights are {listed}", "weights are 0 or more, and one of them is above 0")


def _refuse_difference(first_name: str, first: Predictions, name: str, member: Predictions) -> None:
    if member.classes.digest != first.classes.digest:
        raise EnsembleError(
            f"{name} has other labels than {first_name}: {_difference(first.classes.names, member.classes.names)}",
            "members of an ensemble are trained on the same table of labels",
        )
    if set(member.photos) != set(first.photos):
        raise EnsembleError(
            f"{name} scored other photos than {first_name}: {_difference(first.photos, member.photos)}",
            "members of an ensemble share data.folder, data.fold, data.folds, data.new_share and data.split_seed",
        )
    if member.truth and dict(zip(member.photos, member.truth, strict=True)) != dict(
        zip(first.photos, first.truth, strict=True)
    ):
        raise EnsembleError(
            f"{name} and {first_name} hold different truths for the same photos", "train one of them again"
        )


def _difference(ours: Sequence[str], theirs: Sequence[str]) -> str:
    """Say in a few words how two lists of names differ."""
    missing, extra = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
    if not missing and not extra:
        return "the same names in another order"
    told = []
    if missing:
        told.append(f"{len(missing)} missing, such as {missing[0]}")
    if extra:
        told.append(f"{len(extra)} more, such as {extra[0]}")
    return "; ".join(told)
