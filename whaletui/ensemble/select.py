"""Search for members and weights, with a guard: chosen on one half of the ids, reported on the other.

Greedy forward selection with replacement is Caruana et al., "Ensemble Selection from Libraries of Models", 2004.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from whaletui.ensemble.blend import Blend
from whaletui.ensemble.lab import Lab, Tell, Weights, places_above, worth_of_place
from whaletui.ensemble.significance import Interval

Method = Literal["greedy", "weights"]
METHODS: tuple[Method, ...] = ("greedy", "weights")
STEPS = 20
"""Most additions of the greedy search, counting repeats."""
PATIENCE = 5
"""Additions without a gain after which it ends."""
HEAVIEST = 10
"""Weights that are searched are whole and go up to this one."""
ROUNDS = 4
"""Most passes of the weight search over all candidates."""
SPLITS = 5
"""Ways of halving the photos, each used in both directions."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search came to. `map5` is on the photos that it chose by, so it flatters; the held-out figures do not."""

    method: Method
    weights: dict[int, float]  # candidate -> whole weight
    steps: int
    map5: float
    held_out: float  # MAP@5 on photos that the choice had not seen, mean over the splits
    held_out_single: float  # of the candidate that was best on the seen half, on the same photos
    gain: Interval  # held out, paired, clustered by id
    splits: int


class Grid:
    """Some photos of a lab, in one blend: what a search evaluates thousands of times."""

    def __init__(self, values: NDArray[np.float32], place: NDArray[np.int64]) -> None:
        self.values, self._place = values, place

    def worth(self, summed: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what each photo's guesses are worth under summed scores (photos, kept)."""
        return worth_of_place(places_above(summed, self._place))

    def weighted(self, weights: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the sum of all candidates' values under whole weights."""
        summed = np.zeros(self.values.shape[1:], dtype=np.float32)
        for number in np.flatnonzero(weights):
            summed += self.values[number] * np.float32(weights[number])
        return summed


def greedy(grid: Grid) -> NDArray[np.int64]:
    """Return how often each candidate was added: one at a time, the one that helps most, repeats allowed.

    The shortest stretch of additions with the highest MAP@5 counts; of equal candidates the first is taken.
    """
    count = len(grid.values)
    chosen = np.zeros(count, dtype=np.int64)
    summed = np.zeros(grid.values.shape[1:], dtype=np.float32)
    best, best_map5, since = chosen, -1.0, 0
    for _ in range(STEPS):
        reached = [float(grid.worth(summed + value).mean()) for value in grid.values]
        number = int(np.argmax(reached))
        chosen = chosen.copy()
        chosen[number] += 1
        summed = summed + grid.values[number]
        if reached[number] > best_map5 + 1e-12:
            best, best_map5, since = chosen, reached[number], 0
        else:
            since += 1
            if since == PATIENCE:
                break
    return best


def search_weights(grid: Grid, start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return whole weights: one candidate's at a time set to what is best given the others, until none changes.

    Only a higher MAP@5 changes a weight, and of equal ones the lowest is taken.
    """
    weights = start.copy()
    summed = grid.weighted(weights)
    best = float(grid.worth(summed).mean())
    for _ in range(ROUNDS):
        before = weights.copy()
        for number in range(len(weights)):
            without = summed - grid.values[number] * np.float32(weights[number])
            others = weights.sum() - weights[number]
            for weight in range(0 if others else 1, HEAVIEST + 1):
                if weight == weights[number]:
                    continue
                trial = without + grid.values[number] * np.float32(weight)
                reached = float(grid.worth(trial).mean())
                if reached > best + 1e-12:
                    best, summed = reached, trial
                    weights[number] = weight
        if (weights == before).all():
            break
    return weights


def search(
    lab: Lab, blend: Blend, method: Method, start: Weights | None = None, tell: Tell = lambda done, total: None
) -> Found:
    """Choose members and weights on all photos, and find out on held-out ones what such a choice is worth.

    Args:
        lab: the candidates.
        blend: how they are blended.
        method: "greedy", or "weights", which begins with `start`.
        start: weights to begin with; without them all candidates begin with 1.
        tell: called with searches done and in all.
    """
    total = 2 * SPLITS + 1
    values, begin = lab.values(blend).kept, _whole(start, len(lab.tables))

    def chosen_on(rows: NDArray[np.int64] | slice) -> NDArray[np.int64]:
        grid = Grid(np.ascontiguousarray(values[:, rows]), lab.places[rows])
        return greedy(grid) if method == "greedy" else search_weights(grid, begin)

    found = chosen_on(slice(None))
    tell(1, total)
    together, single = _held_out(lab, values, chosen_on, lambda done: tell(done + 1, total))
    weights = {number: float(found[number]) for number in range(len(found)) if found[number]}
    return Found(
        method=method, weights=weights, steps=int(found.sum()), map5=float(lab.worth(weights, blend).mean()),
        held_out=float(together.mean()), held_out_single=float(single.mean()),
        gain=lab.clusters.interval(together - single), splits=SPLITS,
    )  # fmt: skip


def _held_out(
    lab: Lab,
    values: NDArray[np.float32],
    chosen_on: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    tell: Callable[[int], None],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for each photo, what choices made without its id were worth: the ensemble's and the single's."""
    together, single = np.zeros(len(lab.photos)), np.zeros(len(lab.photos))
    alone = np.stack([lab.alone(number) for number in range(len(lab.tables))])
    for split in range(SPLITS):
        halves = lab.clusters.halves(split + 1)
        for side in (0, 1):
            seen, unseen = np.flatnonzero(halves == side), np.flatnonzero(halves != side)
            if not len(seen) or not len(unseen):
                seen = unseen = np.arange(len(halves))  # a single id: there is nothing to hold out
            grid = Grid(np.ascontiguousarray(values[:, unseen]), lab.places[unseen])
            together[unseen] += grid.worth(grid.weighted(chosen_on(seen))) / SPLITS
            single[unseen] += alone[int(np.argmax(alone[:, seen].mean(axis=1)))][unseen] / SPLITS
            tell(2 * split + side + 1)
    return together, single


def _whole(weights: Weights | None, count: int) -> NDArray[np.int64]:
    """Return weights as whole numbers from 0 to `HEAVIEST`; all 1 where none are given."""
    if not weights:
        return np.ones(count, dtype=np.int64)
    factor = min(1.0, HEAVIEST / max(weights.values()))
    found = np.zeros(count, dtype=np.int64)
    for number, weight in weights.items():
        found[number] = max(1, round(weight * factor)) if weight > 0 else 0
    return found
