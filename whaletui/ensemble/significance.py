"""Is a gain real? Paired bootstraps over ids, and halves of the photos that share no id."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.ranking import ClusterBootstrap


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A mean difference with its 95 % interval; a gain is real where the whole interval lies above 0."""

    mean: float
    low: float
    high: float

    @property
    def real(self) -> bool:
        """Whether a gain is more than noise."""
        return self.low > 0.0

    @property
    def verdict(self) -> str:
        """A word for it: "real", "noise", or "a loss" where the whole interval lies below 0."""
        return "real" if self.real else "noise" if self.high >= 0.0 else "a loss"


class Clusters:
    """Photos by id. Photos of one whale rise and fall together, so the bootstrap draws ids, not photos.

    Of new whales the truth says no more than `new_whale`: each such photo is an id of its own.
    """

    def __init__(self, truth: NDArray[np.int64], new_class: int, seed: int = 0) -> None:
        self.of_photo = ids_of(truth, new_class)
        self._bootstrap = ClusterBootstrap(self.of_photo, seed=seed)
        self.count = self._bootstrap.count

    def interval(self, differences: NDArray[np.floating]) -> Interval:
        """Return the mean of paired differences (photos,) with its interval; NaN for none."""
        low, high = self._bootstrap.interval(differences)
        return Interval(mean=float(np.mean(differences)) if len(differences) else float("nan"), low=low, high=high)

    def halves(self, seed: int) -> NDArray[np.int64]:
        """Return 0 or 1 for each photo; all photos of an id are in one half, and the halves hold as many ids."""
        return _halves(self.of_photo, self.count, seed)


def ids_of(truth: NDArray[np.int64], new_class: int) -> NDArray[np.int64]:
    """Return an id number for each photo, from 0 without gaps."""
    _, known = np.unique(truth, return_inverse=True)
    names = known.astype(np.int64)
    new = truth == new_class
    names[new] = len(truth) + np.arange(int(new.sum()))
    _, numbered = np.unique(names, return_inverse=True)
    return numbered.astype(np.int64)


def halves_by_id(truth: NDArray[np.int64], new_class: int, seed: int = 0) -> NDArray[np.int64]:
    """Return 0 or 1 for each photo, ids whole; the halves between which temperatures are cross-fitted."""
    ids = ids_of(truth, new_class)
    return _halves(ids, int(ids.max()) + 1 if len(ids) else 0, seed)


def _halves(ids: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    side = np.random.default_rng(seed).permutation(count) % 2
    halves: NDArray[np.int64] = side[ids] if len(ids) else np.empty(0, dtype=np.int64)
    return halves
