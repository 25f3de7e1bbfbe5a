"""Photos that are one photo: a 64-bit hash finds candidates, a look at the pixels decides.

The rule is Martin Piotte's ("Whale Recognition Model with score 0.78563", Kaggle 2018): two photos are
the same when their perceptual hashes differ in at most 6 bits, their sizes are equal, and the mean
squared error of their pixels, each photo brought to mean 0 and deviation 1, is below 0.1. Here the
pixels are those of 32 x 32 grey thumbnails, so that all photos fit in memory at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from engine.data.resize import resized

THUMB = 32
"""Pixels a side."""
MOST_BITS = 6
MOST_ERROR = 0.1
FLAT = 2.0
"""Grey levels. A thumbnail that deviates less is a blank picture: scaled up, its noise would resemble anything."""
BLOCK = 256
"""Photos compared with all others at a time: bounds the memory that comparing takes."""


class Fingerprint(NamedTuple):
    """What is kept of a photo to know it again."""

    hash: np.uint64
    thumb: NDArray[np.uint8]  # (32, 32) grey
    size: tuple[int, int]  # height and width of the whole photo, pixels


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of many photos, a row each."""

    hashes: NDArray[np.uint64]  # (photos,)
    thumbs: NDArray[np.uint8]  # (photos, 32, 32)
    sizes: NDArray[np.int64]  # (photos, 2)

    @classmethod
    def of(cls, prints: Sequence[Fingerprint]) -> Fingerprints:
        """Stack single fingerprints."""
        return cls(
            hashes=np.array([each.hash for each in prints], dtype=np.uint64),
            thumbs=np.array([each.thumb for each in prints], dtype=np.uint8).reshape(-1, THUMB, THUMB),
            sizes=np.array([each.size for each in prints], dtype=np.int64).reshape(-1, 2),
        )

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, rows: NDArray[np.int64] | slice) -> Fingerprints:
        """Return those of some rows."""
        return Fingerprints(self.hashes[rows], self.thumbs[rows], self.sizes[rows])


def fingerprint(photo: NDArray[np.uint8]) -> Fingerprint:
    """Return the fingerprint of a whole (height, width, 3) RGB photo.

    The hash holds one bit per low frequency of the thumbnail's cosine transform (the first 8 x 8):
    whether it is above their median.
    """
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    thumb = resized(grey, THUMB, THUMB)
    low = cv2.dct(thumb.astype(np.float32))[:8, :8]
    bits = np.packbits(low > np.median(low))
    return Fingerprint(bits.view(np.uint64)[0], thumb, (photo.shape[0], photo.shape[1]))


def duplicate_groups(prints: Fingerprints) -> NDArray[np.int64]:
    """Return a group number for each photo; those of one group are one photo, saved more than once.

    Being the same is passed on: where a resembles b and b resembles c, all three are one group.
    """
    if len(prints) == 0:
        return np.empty(0, dtype=np.int64)
    pairs = np.hstack([np.stack([rows, columns]) for rows, columns, _ in _matches(prints, prints)])
    graph = coo_array((np.ones(pairs.shape[1], dtype=np.int8), pairs), shape=(len(prints), len(prints)))
    _, groups = connected_components(graph, directed=False)
    return np.asarray(groups, dtype=np.int64)


def nearest_duplicates(prints: Fingerprints, among: Fingerprints) -> NDArray[np.int64]:
    """Return, for each photo, the row in `among` of the photo that it duplicates, the closest one; -1 for none."""
    nearest = np.full(len(prints), -1, dtype=np.int64)
    for rows, columns, errors in _matches(prints, among):
        worst_first = np.lexsort((-columns, -errors))  # so that the closest is written last; ties: the first row
        nearest[rows[worst_first]] = columns[worst_first]
    return nearest


def _matches(
    left: Fingerprints, right: Fingerprints
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Yield the pairs that are one photo: rows of `left`, rows of `right`, and the error of each pair.

    All pairs of a row of `left` come in one piece.
    """
    left_pixels, left_blank = _normalised(left.thumbs)
    right_pixels, right_blank = _normalised(right.thumbs)
    for start in range(0, len(left), BLOCK):
        block = slice(start, start + BLOCK)
        bits = np.bitwise_count(left.hashes[block, None] ^ right.hashes[None, :])
        rows, columns = np.nonzero(bits <= MOST_BITS)
        rows += start
        same_size = (left.sizes[rows] == right.sizes[columns]).all(axis=1)
        likely = same_size & ~left_blank[rows] & ~right_blank[columns]
        rows, columns = rows[likely], columns[likely]
        # the mean squared error of vectors of mean 0 and deviation 1 is 2 - 2 x their correlation
        correlation = np.einsum("ij,ij->i", left_pixels[rows], right_pixels[columns]) / THUMB**2
        errors = 2.0 - 2.0 * correlation
        same = errors < MOST_ERROR
        yield rows[same], columns[same], errors[same]


def _normalised(thumbs: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return each thumbnail as a vector of mean 0 and deviation 1, and which ones are blank."""
    pixels = thumbs.reshape(len(thumbs), THUMB * THUMB).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    deviation = pixels.std(axis=1, keepdims=True)
    pixels /= np.maximum(deviation, FLAT)
    return pixels, deviation[:, 0] < FLAT
