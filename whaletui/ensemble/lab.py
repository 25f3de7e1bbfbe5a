"""Lab: candidates in a form small enough that any choice among them is scored at once.

Of each validation photo only the classes are kept that some candidate places high, and the right one: what counts
is how many classes the blend places above the right one, and the others come nowhere near. Where that cannot be
proved for a photo, from the best that each candidate gives any class left out, the photo is scored in full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.ranking import GUESSES, Score, average_precision, score_worth, top_five
from whaletui.ensemble.blend import CALIBRATED, Blend, Transform
from whaletui.ensemble.calibration import Calibration, calibrate
from whaletui.ensemble.significance import Clusters, Interval
from whaletui.ensemble.tables import Reader, Table, common_photos, refuse_other_classes, truth_numbers

KEPT = 256
"""Classes kept a photo."""
LOOKED_AT = 128
"""Best classes of each candidate among which they are chosen."""
PHOTOS_AT_ONCE = 256
CLOSE = np.float32(1e-5)
"""Relative distance within which sums of float32 are not told apart."""

Weights = Mapping[int, float]
"""Candidate -> weight; candidates that do not vote are left out."""

Tell = Callable[[int, int], None]
"""Called with members done and members in all."""


class Values(msgspec.Struct, frozen=True):
    """What a blend sums: (candidates, photos, kept) values, and the highest of the classes not kept."""

    kept: NDArray[np.float32]
    outside: NDArray[np.float32]  # (candidates, photos)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An ensemble on the validation photos, against the best candidate alone, and what each candidate would change."""

    score: Score
    best: int  # the candidate that is best alone, among those that vote
    best_score: Score
    gain: Interval  # over `best`, paired photo by photo
    changes: dict[int, float]  # of MAP@5 if a candidate is added with weight 1, or taken out
    agrees: dict[int, float]  # share of photos for which a candidate guesses first what the ensemble does
    only: dict[int, int]  # photos that a candidate has among its five guesses and no other member has
    oracle: float  # share of photos that some member has among its five guesses


class Lab:
    """Scores any choice among candidates.

    Args:
        tables: of each candidate's validation photos.
        tell: told how far the reading is; it takes a fraction of a second a candidate.
        calibrations: those of the candidates that were fitted before, by place.

    Raises:
        EnsembleError, RunFolderError: candidates do not fit together, or scores are damaged.
    """

    def __init__(
        self,
        tables: Sequence[Table],
        tell: Tell = lambda done, total: None,
        calibrations: Mapping[int, Calibration] | None = None,
    ) -> None:
        refuse_other_classes(tables)
        self.tables = tuple(tables)
        self.photos = common_photos(tables)
        self.classes = tables[0].classes
        self.truth = truth_numbers(tables[0], self.photos, self.classes)
        self.clusters = Clusters(self.truth, self.classes.new_class)
        self.half = self.clusters.halves(0)
        self.calibrations: list[Calibration] = []
        self._values: dict[Blend, Values] = {}
        self.top: list[NDArray[np.int64]] = []  # each candidate's own five guesses
        self._columns = self._choose_columns(tell, calibrations or {})
        self.places = np.argmax(self._columns == self.truth[:, None], axis=1)
        self.knows = np.stack([(own == self.truth[:, None]).any(axis=1) for own in self.top])
        self.singles = [self._score(average_precision(guesses, self.truth)) for guesses in self.top]

    def _choose_columns(self, tell: Tell, known: Mapping[int, Calibration]) -> NDArray[np.int64]:
        """Return the classes kept of each photo, ascending: the right one and those placed highest by anyone."""
        photos, classes = len(self.photos), len(self.classes.names)
        places = np.full((photos, classes), 255, dtype=np.uint8)
        count = min(LOOKED_AT, classes)
        for number, table in enumerate(self.tables):
            scores = table.reader(self.photos, self.classes)(0, photos)
            self.calibrations.append(known.get(number) or calibrate(scores, self.truth, self.half))
            self.top.append(top_five(scores))
            best = _best_classes(scores, count)
            own = np.minimum(np.take_along_axis(places, best, axis=1), np.arange(count, dtype=np.uint8))
            np.put_along_axis(places, best, own, axis=1)
            tell(number + 1, len(self.tables))
        places[np.arange(photos), self.truth] = 0
        kept = min(KEPT, classes)
        columns = np.argpartition(places, kept - 1, axis=1)[:, :kept] if kept < classes else np.tile(
            np.arange(classes), (photos, 1))  # fmt: skip
        columns.sort(axis=1)
        return columns

    def values(self, blend: Blend) -> Values:
        """Return what a blend sums, read at the first call."""
        if blend not in self._values:
            count, photos = len(self.tables), len(self.photos)
            kept = np.empty((count, photos, self._columns.shape[1]), dtype=np.float32)
            outside = np.empty((count, photos), dtype=np.float32)
            for number in range(count):
                read = self._transformed(number, blend)
                for start in range(0, photos, PHOTOS_AT_ONCE):
                    rows = slice(start, min(start + PHOTOS_AT_ONCE, photos))
                    block = read(rows.start, rows.stop)
                    kept[number, rows] = np.take_along_axis(block, self._columns[rows], axis=1)
                    np.put_along_axis(block, self._columns[rows], np.float32(-np.inf), axis=1)
                    outside[number, rows] = block.max(axis=1)
            self._values = {blend: Values(kept, outside)}  # one at a time: it is tens of megabytes
        return self._values[blend]

    def _transformed(self, number: int, blend: Blend) -> Reader:
        read = self.tables[number].reader(self.photos, self.classes)
        betas = self.calibrations[number].of_rows(self.half) if blend in CALIBRATED else None
        transform = Transform(blend, betas)
        return lambda start, stop: transform(read(start, stop), start)

    # one choice

    def worth(self, weights: Weights, blend: Blend) -> NDArray[np.float64]:
        """Return what each photo's five guesses are worth, exactly as the vote in full has it."""
        values = self.values(blend)
        total = np.float32(sum(weights.values()))
        summed = np.zeros(self._columns.shape, dtype=np.float32)
        beyond = np.zeros(len(self.photos), dtype=np.float32)
        for number in sorted(weights):
            share = np.float32(weights[number]) / total
            summed += values.kept[number] * share
            beyond += values.outside[number] * share
        above = self._above(summed)
        right = summed[np.arange(len(summed)), self.places]
        found = worth_of_place(above)
        doubtful = np.flatnonzero((above < GUESSES) & (beyond >= right - CLOSE * np.abs(right)))
        if len(doubtful):
            found[doubtful] = self._in_full(weights, blend, doubtful)
        return found

    def choice(self, weights: Weights, blend: Blend) -> Choice:
        """Score a choice, and every choice that is one step away from it."""
        worth = self.worth(weights, blend)
        best = max(weights, key=lambda number: (self.singles[number].map5, -number))
        gain = self.clusters.interval(worth - self.alone(best))
        told = self.knows[sorted(weights)].sum(axis=0)
        firsts = self._firsts(weights, blend)
        numbers = range(len(self.tables))
        return Choice(
            score=self._score(worth), best=best, best_score=self.singles[best], gain=gain,
            changes=self._changes(weights, blend), oracle=float((told > 0).mean()),
            agrees={number: float((self.top[number][:, 0] == firsts).mean()) for number in numbers},
            only={number: int((self.knows[number] & (told == (number in weights))).sum()) for number in numbers},
        )  # fmt: skip

    def alone(self, number: int) -> NDArray[np.float64]:
        """Return what each photo's guesses by one candidate are worth."""
        return average_precision(self.top[number], self.truth)

    def _firsts(self, weights: Weights, blend: Blend) -> NDArray[np.int64]:
        summed = self._summed(weights, blend)
        return np.take_along_axis(self._columns, summed.argmax(axis=1)[:, None], axis=1)[:, 0]

    def _summed(self, weights: Weights, blend: Blend) -> NDArray[np.float32]:
        kept = self.values(blend).kept
        summed = np.zeros(self._columns.shape, dtype=np.float32)
        for number in sorted(weights):
            summed += kept[number] * np.float32(weights[number])
        return summed

    def _changes(self, weights: Weights, blend: Blend) -> dict[int, float]:
        """Return the change of MAP@5 when each candidate is let in, or left out."""
        kept, summed = self.values(blend).kept, self._summed(weights, blend)
        base = worth_of_place(self._above(summed)).mean()
        changes = {}
        for number in range(len(self.tables)):
            step = -weights[number] if number in weights else 1.0
            if len(weights) == 1 and number in weights:
                continue  # nothing would be left
            changed = summed + kept[number] * np.float32(step)
            changes[number] = float(worth_of_place(self._above(changed)).mean() - base)
        return changes

    def _above(self, summed: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return how many kept classes come before the right one; of equal ones the first in the class list does."""
        return places_above(summed, self.places)

    def _in_full(self, weights: Weights, blend: Blend, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        photos = [self.photos[row] for row in rows]
        total = np.float32(sum(weights.values()))
        summed = np.zeros((len(rows), len(self.classes.names)), dtype=np.float32)
        for number in sorted(weights):
            betas = self.calibrations[number].of_rows(self.half[rows]) if blend in CALIBRATED else None
            block = Transform(blend, betas)(self.tables[number].reader(photos, self.classes)(0, len(rows)), 0)
            block *= np.float32(weights[number]) / total
            summed += block
        return average_precision(top_five(summed), self.truth[rows])

    def _score(self, worth: NDArray[np.float64]) -> Score:
        return score_worth(worth, self.truth == self.classes.new_class)


def places_above(summed: NDArray[np.float32], place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many classes of each row come before the right one.

    Args:
        summed: (photos, kept), classes ascending.
        place: (photos,) column of the right class; of equal sums the lower column comes first.
    """
    right = np.take_along_axis(summed, place[:, None], axis=1)
    above: NDArray[np.int64] = np.asarray(np.count_nonzero(summed > right, axis=1), dtype=np.int64)
    tied = np.flatnonzero(np.count_nonzero(summed == right, axis=1) > 1)
    for row in tied:
        above[row] += np.count_nonzero(summed[row, : place[row]] == right[row])
    return above


def worth_of_place(above: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what the right class is worth that so many come before: 1/rank within the five guesses, else 0."""
    return np.where(above < GUESSES, 1.0 / (above + 1.0), 0.0)


def _best_classes(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the best classes of each photo, best first; which of equal ones is of no account."""
    classes = scores.shape[1]
    if count == classes:
        return np.argsort(-scores, axis=1)
    best = np.argpartition(scores, classes - count, axis=1)[:, classes - count :]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    ordered: NDArray[np.int64] = np.take_along_axis(best, order, axis=1)
    return ordered
