"""Nearest photos: the best cosine of every whale for 15,610 photos among 9,850 embeddings of 512 numbers.

Ours is exact and gives what an answer needs, a score for each of 4,251 whales and the five best of them. The peer is
scikit-learn's `NearestNeighbors(6)` as it comes (brute force at this width, all cores), which gives six photos; once
for all queries in one call, and once asked a query at a time, as notebooks do (a thousand queries, times 15.61).
Both get float32 embeddings of length 1 and all cores.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from _rows import Row, median_seconds, options, report
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from engine.answering.nearest import Gallery

QUERIES, PHOTOS, WIDTH, CLASSES = 15_610, 9_850, 512, 4_251
BLOCK = 512
ALONE = 1_000


def made() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Return queries, embeddings and their whales: a direction for each whale, and photos scattered around it."""
    random = np.random.default_rng(0)
    whales = random.normal(size=(CLASSES, WIDTH))
    targets = np.concatenate([np.arange(CLASSES), random.integers(0, CLASSES, PHOTOS - CLASSES)])
    known = whales[targets] + random.normal(size=(PHOTOS, WIDTH))
    asked = whales[random.integers(0, CLASSES, QUERIES)] + random.normal(size=(QUERIES, WIDTH))
    return _unit(asked), _unit(known), targets


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def ours(gallery: Gallery, asked: torch.Tensor) -> torch.Tensor:
    """Return the five most similar whales of each query."""
    return torch.cat([gallery.best(block).topk(5, dim=1).indices for block in asked.split(BLOCK)])


def main() -> None:
    """Measure both, and see that they agree about the nearest photo's whale."""
    chosen = options(__doc__ or "").parse_args()
    asked, known, targets = made()
    gallery = Gallery(torch.from_numpy(known), targets, CLASSES)
    search = NearestNeighbors(n_neighbors=6).fit(known)
    queries = torch.from_numpy(asked)

    nearest = targets[search.kneighbors(asked[:2000], return_distance=False)[:, 0]]
    alike = float((ours(gallery, queries[:2000])[:, 0].numpy() == nearest).mean())
    print(f"the nearest photo's whale is the same for {alike:.2%} of 2,000 queries")

    our_seconds = median_seconds(lambda: ours(gallery, queries), times=3)
    peer_seconds = median_seconds(lambda: search.kneighbors(asked), times=3)
    began = time.perf_counter()
    for row in range(ALONE):
        search.kneighbors(asked[row : row + 1])
    alone_seconds = (time.perf_counter() - began) * QUERIES / ALONE
    rows = [
        Row("knn", "s", our_seconds, peer_seconds, "scikit-learn NearestNeighbors(6), one call"),
        Row("knn_one_at_a_time", "s", our_seconds, alone_seconds, "the same, a query at a time"),
    ]
    report(rows, chosen.json)


if __name__ == "__main__":
    main()
