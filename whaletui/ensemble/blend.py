"""Blends: several members' scores made one, block by block, without ever holding them all in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.predictions import ClassList
from engine.contract.ranking import Score, score, top_five
from whaletui.ensemble.calibration import Calibration, calibrate
from whaletui.ensemble.errors import EnsembleError
from whaletui.ensemble.significance import halves_by_id
from whaletui.ensemble.tables import Part, Reader, RunTable, Table, common_photos, refuse_other_classes, truth_numbers

Blend = Literal["logits", "probabilities", "geometric", "ranks"]
BLENDS: tuple[Blend, ...] = ("logits", "probabilities", "geometric", "ranks")
BLEND_WORDS: dict[str, str] = {
    "logits": "mean of the logits",
    "probabilities": "mean of calibrated probabilities",
    "geometric": "geometric mean of calibrated probabilities",
    "ranks": "mean rank",
}
CALIBRATED: tuple[Blend, ...] = ("probabilities", "geometric")
"""Blends for which every member's temperature is fitted; the others take scores as they are."""

ROWS_AT_ONCE = 256
"""Few enough that the scores of a block stay in the processor's cache from pass to pass."""
THREADS = min(4, len(os.sched_getaffinity(0)))
RANKED = 50
"""Places beyond this one count alike in the mean rank: how a member orders whales it all but excludes is noise."""


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


class BlendedTable:
    """Members as one table, so that an ensemble may be a member of another.

    Args:
        name: what messages call it.
        members: their tables of one part.
        weights: of each member; only their ratios matter.
        blend: see `BLEND_WORDS`; "logits" is the talk's way, in which the loudest member wins.
        calibrations: of each member, where the blend asks for them.

    Raises:
        EnsembleError: no members, weights that are no shares, or members whose labels, photos or truth differ.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[Table],
        weights: Sequence[float],
        blend: Blend,
        calibrations: Sequence[Calibration] = (),
    ) -> None:
        if not members:
            raise EnsembleError("an ensemble needs at least one finished run", "select runs with space")
        check_weights(weights, len(members))
        refuse_other_classes(members)
        self.name, self.blend = name, blend
        self.photos = common_photos(members)
        self.classes = members[0].classes
        self.joined = all(member.joined for member in members)
        self.numbers = truth_numbers(members[0], self.photos, self.classes)
        self.truth = tuple(self.classes.names[number] for number in self.numbers)
        self._members = members
        self._shares = np.asarray(weights, dtype=np.float32) / np.float32(sum(weights))
        self._calibrations = calibrations

    def reader(self, photos: Sequence[str], classes: ClassList) -> Reader:
        """Return a reader of the blended scores; logarithms of probabilities, so that they can be scaled again."""
        summed = self.summed(photos, classes)

        def read(start: int, stop: int) -> NDArray[np.float32]:
            block = summed(start, stop)
            if self.blend == "probabilities":
                np.log(np.maximum(block, np.finfo(np.float32).tiny, out=block), out=block)
            return block

        return read

    def summed(self, photos: Sequence[str], classes: ClassList) -> Reader:
        """Return a reader of the weighted sums: what top fives are taken of. Members without weight are not read."""
        half = halves_by_id(truth_numbers(self._members[0], photos, classes), classes.new_class)
        parts = []
        for place, member in enumerate(self._members):
            if self._shares[place] > 0:
                beta = self._betas(place, half, len(photos))
                parts.append((member.reader(photos, classes), Transform(self.blend, beta), self._shares[place]))

        def read(start: int, stop: int) -> NDArray[np.float32]:
            total: NDArray[np.float32] | None = None
            for reader, transform, share in parts:
                block = transform(reader(start, stop), start)
                block *= share
                if total is None:
                    total = block
                else:
                    total += block
            assert total is not None, "one weight is above 0"
            return total

        return read

    def _betas(self, place: int, half: NDArray[np.int64], photos: int) -> NDArray[np.float32] | None:
        if self.blend not in CALIBRATED:
            return None
        found = self._calibrations[place]
        return found.of_rows(half) if len(half) else np.full(photos, found.whole, dtype=np.float32)

    def vote(self) -> Vote:
        """Return the five best of every photo."""
        read = self.summed(self.photos, self.classes)

        def best(start: int) -> NDArray[np.int64]:
            return top_five(read(start, min(start + ROWS_AT_ONCE, len(self.photos))))

        with ThreadPoolExecutor(THREADS, thread_name_prefix="vote") as pool:  # NumPy lets go of Python while it sums
            guesses = list(pool.map(best, range(0, len(self.photos), ROWS_AT_ONCE)))
        return Vote(
            photos=self.photos, truth=self.numbers, classes=self.classes,
            guesses=np.concatenate(guesses) if guesses else np.empty((0, 5), dtype=np.int64),
        )  # fmt: skip


class Transform:
    """What a blend does to a member's scores before they are summed.

    Args:
        blend: which one.
        betas: (photos,) factor of each photo's scores, for the calibrated blends.
    """

    def __init__(self, blend: Blend, betas: NDArray[np.float32] | None) -> None:
        self._blend, self._betas = blend, betas

    def __call__(self, block: NDArray[np.float32], start: int) -> NDArray[np.float32]:
        """Return the block of the photos from `start` on, transformed; it may be written over."""
        if self._betas is not None:
            block *= self._betas[start : start + len(block), None]
        if self._blend == "probabilities":
            softmax(block)
        elif self._blend == "geometric":
            block -= block.max(axis=1, keepdims=True)  # a row's order is that of its logarithms of probabilities
        elif self._blend == "ranks":
            return _places(block)
        return block


def softmax(scores: NDArray[np.float32]) -> None:
    """Turn each row of scores into probabilities, in place."""
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)


def _places(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return minus the place of each class in its row, 1 the best; beyond `RANKED` all alike."""
    best = top_five(scores, min(RANKED, scores.shape[1]))
    places = np.full(scores.shape, -(RANKED + 1.0), dtype=np.float32)
    np.put_along_axis(places, best, -np.arange(1, best.shape[1] + 1, dtype=np.float32)[None, :], axis=1)
    return places


def calibrate_tables(tables: Sequence[Table], tell: Callable[[int], None] = lambda done: None) -> list[Calibration]:
    """Fit the temperature of each member on the validation photos that all hold, one member in memory at a time.

    Args:
        tables: of validation photos.
        tell: called with the number of members done.

    Raises:
        EnsembleError, RunFolderError: members do not fit together, or scores are damaged.
    """
    refuse_other_classes(tables)
    photos, classes = common_photos(tables), tables[0].classes
    truth = truth_numbers(tables[0], photos, classes)
    half = halves_by_id(truth, classes.new_class)
    found = []
    for done, table in enumerate(tables, start=1):
        found.append(calibrate(table.reader(photos, classes)(0, len(photos)), truth, half))
        tell(done)
    return found


def vote(folders: Sequence[tuple[str, Path]], weights: Sequence[float], blend: Blend, part: Part) -> Vote:
    """Return the soft vote of several runs' prediction folders, given as (name, folder).

    Raises:
        EnsembleError: no members, weights that are no shares, or members whose labels or photos
            differ; the difference is named.
        RunFolderError: a member's scores are missing or damaged.
    """
    check_weights(weights, len(folders))
    tables = [RunTable.open(name, folder, part) for name, folder in folders]
    calibrations: Sequence[Calibration] = ()
    if blend in CALIBRATED and folders:
        held_back = tables if part == "valid" else [RunTable.open(name, folder, "valid") for name, folder in folders]
        calibrations = calibrate_tables(held_back)
    return BlendedTable("the vote", tables, weights, blend, calibrations).vote()


def check_weights(weights: Sequence[float], members: int) -> None:
    """See that weights are shares; raises `EnsembleError`."""
    if len(weights) != members:
        raise EnsembleError(f"{len(weights)} weights are given for {members} runs", "give one weight a run")
    if members and (any(not np.isfinite(weight) or weight < 0 for weight in weights) or sum(weights) <= 0):
        listed = ", ".join(f"{weight:g}" for weight in weights)
        raise EnsembleError(f"the weights are {listed}", "weights are 0 or more, and one of them is above 0")
