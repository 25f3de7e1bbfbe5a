"""Who looks most alike: the best cosine per whale (ours, exact), and the talk's rule over its six neighbours."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.contract.ranking import GUESSES

UNSEEN = -1.0
"""The cosine of a whale without a photo to compare with: no photo is less alike."""

LEFT_OUT = -1e4
"""The score of whales that the talk's rule does not name; within float16."""


class Gallery:
    """Embeddings of known photos, searched exactly."""

    def __init__(self, embeddings: Tensor, targets: NDArray[np.int64], classes: int) -> None:
        """Make one of embeddings (photos, width) and the class numbers of the photos, below `classes`."""
        self._embeddings = functional.normalize(embeddings.float())
        self._targets = torch.from_numpy(targets).to(embeddings.device)[:, None]
        self._classes = classes

    def best(self, queries: Tensor) -> Tensor:
        """Return the cosine of each query (B, width) to the nearest photo of each class, (B, classes)."""
        cosines = self._embeddings @ functional.normalize(queries.float()).T
        best = torch.full((self._classes, len(queries)), UNSEEN, device=queries.device)
        # Whales along the first axis: a photo's row of cosines is then merged into its whale's at one go.
        return best.scatter_reduce_(0, self._targets.expand_as(cosines), cosines, "amax").T


class TalkNeighbours:
    """The talk's answer: scikit-learn's nearest neighbours by distance, and `new_whale` at a fixed distance.

    Of the neighbours (and `new_whale` where it is not among them) the first five by distance are kept, repeats
    and all.
    """

    def __init__(
        self, embeddings: NDArray[np.float32], targets: NDArray[np.int64], new_class: int, neighbours: int, new: float
    ) -> None:
        from sklearn.neighbors import NearestNeighbors

        self._targets, self._new_class, self._new = targets, new_class, new
        self._search = NearestNeighbors(n_neighbors=min(neighbours, len(targets))).fit(embeddings)

    def guesses(self, queries: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return class numbers (B, up to 5), repeats and all, -1 where there are fewer, and their distances."""
        distances, rows = self._search.kneighbors(queries)
        found = self._targets[rows]
        absent = ~(found == self._new_class).any(axis=1) if self._new_class >= 0 else np.zeros(len(found), dtype=bool)
        new = np.where(absent, self._new_class, -1)[:, None]
        found = np.concatenate([new, found], axis=1)
        distances = np.concatenate([np.where(absent, self._new, np.inf)[:, None], distances], axis=1)
        order = np.argsort(distances, axis=1, kind="stable")[:, :GUESSES]
        return np.take_along_axis(found, order, axis=1), np.take_along_axis(distances, order, axis=1)

    def scores(self, queries: NDArray[np.float32], classes: int) -> NDArray[np.float32]:
        """Return the guesses as a scores table (B, classes): minus the distance of a whale's nearest photo.

        A table names a whale once, so the guesses behind a repeat move up where the talk left their places as they
        were. Whales that are not among the guesses share the lowest score.
        """
        guesses, distances = self.guesses(queries)
        table = np.full((len(queries), classes), LEFT_OUT, dtype=np.float32)
        for place in reversed(range(guesses.shape[1])):  # the nearest last, so that it stays
            rows = np.flatnonzero(guesses[:, place] >= 0)
            table[rows, guesses[rows, place]] = -distances[rows, place]
        return table
