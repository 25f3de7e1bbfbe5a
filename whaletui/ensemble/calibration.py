"""Temperatures: one number a member that makes its scores mean what they say, fitted on validation photos.

A member of cosines and one of loud logits speak on different scales; the softmax of scores times `beta` (one over
the temperature) brings both to probabilities. Source: Guo et al., "On Calibration of Modern Neural Networks", 2017.
The betas that validation figures are reported with are fitted on the other half of the ids, those for test on all.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

ITERATIONS = 40
CLOSE = 1e-3
"""Relative change of beta at which a fit is done."""
FEW = 200
"""Photos of the first, rough fit."""
ENOUGH = 500
"""Photos of each half that a fit looks at: one number is known within a few percent from so many."""
WIDEST = 1e3
"""Beta lies within this factor of one over the scores' deviation, so that a member that is never wrong has one too."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What one member's scores are multiplied by: `halves` for the photos of either half, `whole` elsewhere."""

    whole: float
    halves: tuple[float, float]

    def of_rows(self, half: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the beta of each photo, given its half (0 or 1): each was fitted without that photo's id."""
        return np.array(self.halves, dtype=np.float32)[half]


def calibrate(scores: NDArray[np.float32], truth: NDArray[np.int64], half: NDArray[np.int64]) -> Calibration:
    """Return the betas of a member.

    Args:
        scores: (photos, classes) as the member gives them.
        truth: (photos,) class numbers.
        half: (photos,) 0 or 1; photos of one id lie in one half.
    """
    rough = fit_beta(scores[:FEW], truth[:FEW])
    sides = [np.flatnonzero(half == number)[:ENOUGH] for number in (0, 1)]
    own = [fit_beta(scores[side], truth[side], rough) if len(side) else rough for side in sides]
    both = np.concatenate(sides)
    return Calibration(whole=fit_beta(scores[both], truth[both], own[0]), halves=(own[1], own[0]))


def fit_beta(scores: NDArray[np.float32], truth: NDArray[np.int64], start: float | None = None) -> float:
    """Return the factor under which the truth is likeliest (least mean cross-entropy, which is convex in it)."""
    if not len(scores):
        return 1.0
    deviation = float(scores.std(axis=1).mean())
    if not deviation > 0.0:
        return 1.0  # it says nothing: any factor is as good
    low, high = 1.0 / (deviation * WIDEST), WIDEST / deviation
    beta = min(max(start or 1.0 / deviation, low), high)
    below, above = low, high
    centred = scores - scores.max(axis=1, keepdims=True)
    aimed = centred[np.arange(len(truth)), truth].mean(dtype=np.float64)
    for _ in range(ITERATIONS):
        slope, curvature = _slope(centred, aimed, beta)
        below, above = (beta, above) if slope < 0 else (below, beta)
        stepped = beta - slope / curvature if curvature > 0 else 0.0
        new = stepped if below < stepped < above else float(np.sqrt(below * above))
        if abs(new - beta) <= CLOSE * beta:
            return round(new, 9)
        beta = new
    return round(beta, 9)


def _slope(centred: NDArray[np.float32], aimed: float, beta: float) -> tuple[float, float]:
    """Return first and second derivative of the mean cross-entropy in beta."""
    shares = np.exp(centred * np.float32(beta))
    total = shares.sum(axis=1)
    shares *= centred
    mean = shares.sum(axis=1) / total
    shares *= centred
    variance = shares.sum(axis=1) / total - mean**2
    return float(mean.mean(dtype=np.float64) - aimed), float(variance.mean(dtype=np.float64))
