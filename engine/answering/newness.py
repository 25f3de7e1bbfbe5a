"""Known or new: scores become chances, with `new_whale` as one more candidate in its right place.

The expected average precision of five guesses is the sum of p_i / i, so whales are best listed by their chance. The
chances come of a temperature (fitted on the known validation photos) and of a logistic regression for "this whale
is new" on how good and how clear the best score is. The share of new whales that is to be expected is stated, not
learnt: the log-odds are moved from the validation photos' share to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.contract.newness import SweepPoint
from engine.contract.ranking import GUESSES, average_precision, top_five
from engine.contract.summary import or_none

FEWEST = 10
"""Photos of known and of new whales each; of fewer nothing can be learnt."""

PARTS = 5
SWEEP = np.linspace(-8.0, 8.0, 33)
HIGHEST = 1e3
"""Beyond it a score says no more."""


@dataclass(frozen=True)
class Calibration:
    """What was fitted, and the share of new whales it is for."""

    temperature: float
    weights: NDArray[np.float64]  # of the features of `_features`, and the constant last
    new_class: int

    def odds(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log-odds (photos,) that the whale is new, of scores (photos, classes)."""
        odds: NDArray[np.float64] = _features(scores, self.new_class) @ self.weights[:-1] + self.weights[-1]
        return odds

    def __call__(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return log-chances (photos, classes) float32; those of a row add up to 1 as chances."""
        odds = self.odds(scores)
        chances = _log_softmax(_known(scores, self.new_class) / self.temperature)
        chances -= np.logaddexp(0.0, odds)[:, None]  # times the chance that it is known
        chances[:, self.new_class] = -np.logaddexp(0.0, -odds)
        return chances.astype(np.float32)


def fit(
    scores: NDArray[np.float32], truth: NDArray[np.int64], new_class: int, stated_share: float
) -> Calibration | None:
    """Return the calibration of scores (photos, classes), or None where photos of either kind are too few.

    Args:
        scores: higher is better.
        truth: (photos,) class numbers.
        new_class: the class of `new_whale`.
        stated_share: share of new whales to expect.
    """
    new = truth == new_class
    if min(new.sum(), (~new).sum()) < FEWEST:
        return None
    weights = _new_weights(_features(scores, new_class), new)
    weights[-1] += _log_odds(stated_share) - _log_odds(float(new.mean()))
    temperature = _temperature(_known(scores[~new], new_class), truth[~new])
    return Calibration(temperature, weights, new_class)


def fit_crosswise(
    scores: NDArray[np.float32], truth: NDArray[np.int64], new_class: int, stated_share: float
) -> NDArray[np.float32] | None:
    """Return log-chances (photos, classes), those of each photo by a fit that saw none of its whale.

    None where photos of either kind are too few.
    """
    part_of = parts_by_whale(truth, new_class)
    chances = np.empty_like(scores)
    for part in range(PARTS):
        held_back = part_of == part
        calibration = fit(scores[~held_back], truth[~held_back], new_class, stated_share)
        if calibration is None:
            return None
        chances[held_back] = calibration(scores[held_back])
    return chances


def parts_by_whale(truth: NDArray[np.int64], new_class: int) -> NDArray[np.int64]:
    """Deal photos into `PARTS` parts (photos,), the photos of a whale together, each new whale by itself."""
    random = np.random.default_rng(0)
    part_of_class = random.permutation(int(truth.max(initial=0)) + 1) % PARTS
    alone = random.permutation(len(truth)) % PARTS
    return np.where(truth == new_class, alone, part_of_class[truth])


def sweep(
    chances: NDArray[np.float32], truth: NDArray[np.int64], new_class: int, stated_share: float
) -> tuple[SweepPoint, ...]:
    """Return what MAP@5 would be with the log-odds of "new" moved by each of `SWEEP`.

    Args:
        chances: log-chances (photos, classes), fitted crosswise.
        truth: (photos,) class numbers.
        new_class: the class of `new_whale`.
        stated_share: the share of new whales that known and new are mixed in.
    """
    known = _known(chances, new_class)
    guesses = top_five(known)
    best = np.take_along_axis(known, guesses, axis=1)
    rest = np.log(-np.expm1(np.minimum(chances[:, new_class].astype(np.float64), -1e-12)))  # log-chance of a known one
    odds = chances[:, new_class] - rest
    new = truth == new_class
    points = []
    for offset in SWEEP:
        place = (best - rest[:, None] > (odds + offset)[:, None]).sum(axis=1)
        worth = average_precision(_with_new(guesses, place, new_class), truth)
        known_worth, new_worth = _mean(worth[~new]), _mean(worth[new])
        mixed = (1.0 - stated_share) * known_worth + stated_share * new_worth
        points.append(
            SweepPoint(
                offset=float(offset), first_share=float((place == 0).mean()), map5=or_none(mixed),
                known=or_none(known_worth), new=or_none(new_worth),
            )
        )  # fmt: skip
    return tuple(points)


def _with_new(guesses: NDArray[np.int64], place: NDArray[np.int64], new_class: int) -> NDArray[np.int64]:
    """Return guesses (photos, up to 5) with `new_whale` put in at a place of each row; 5 leaves it out."""
    columns = np.arange(guesses.shape[1])
    shifted = np.concatenate([guesses[:, :1], guesses[:, :-1]], axis=1)
    later = np.where(columns == place[:, None], new_class, shifted)
    return np.where(columns < place[:, None], guesses, later)[:, :GUESSES]


def _known(scores: NDArray[np.float32], new_class: int) -> NDArray[np.float32]:
    """Return scores with `new_whale` out of the running."""
    known = np.clip(scores, -HIGHEST * 100, HIGHEST)
    known[:, new_class] = -np.inf
    return known


def _features(scores: NDArray[np.float32], new_class: int) -> NDArray[np.float64]:
    """Return (photos, 3): the best known score, its lead over the second, and what `new_whale`'s own lacks to it."""
    known = _known(scores, new_class)
    best = -np.partition(-known, 1, axis=1)[:, :2].astype(np.float64)
    own = scores[:, new_class].astype(np.float64)
    features = np.stack([best[:, 0], best[:, 0] - best[:, 1], own - best[:, 0]], axis=1)
    return np.clip(features, -HIGHEST, HIGHEST)


def _new_weights(features: NDArray[np.float64], new: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the weights (features + 1,) of a logistic regression, the constant last."""
    from sklearn.linear_model import LogisticRegression

    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation[deviation < 1e-9] = np.inf  # says nothing: weighs nothing
    fitted = LogisticRegression(max_iter=1000).fit((features - mean) / deviation, new)
    weights = fitted.coef_[0] / deviation
    return np.append(weights, fitted.intercept_[0] - weights @ mean)


def _temperature(known: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Return what scores are divided by so that the right whales' chances are likeliest."""
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        chances = _log_softmax(known / np.float32(np.exp(log_temperature)))
        return float(-chances[np.arange(len(truth)), truth].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded", options={"xatol": 0.01}).x))


def _log_softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = scores - scores.max(axis=1, keepdims=True)
    logs: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs


def _log_odds(share: float) -> float:
    return float(np.log(share / (1.0 - share)))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
