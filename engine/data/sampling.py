"""Which photos make a batch: shuffled, balanced by whale, P whales x K photos, or the talk's random triplets.

Each kind is a function of seed and epoch alone, so that an epoch can be had again and no worker matters. A
whale with fewer photos than a batch asks for shows further views of them: another draw of the augmentation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.contract.errors import DataError
from engine.contract.method import ArcFaceMethod, SupConMethod, TripletMethod
from engine.contract.spec import RunSpec


class Place(NamedTuple):
    """One photo of a batch. Data workers live through all epochs, so each request tells them which one it is.

    `view` tells apart the draws of the augmentation of a photo within an epoch; `mirrored` photos are another
    whale's, whose number is the whale's plus the number of classes.
    """

    epoch: int
    row: int
    view: int = 0
    mirrored: bool = False


class Batches(ABC):
    """The places of each batch of an epoch; `epoch` is set before an epoch is gone through."""

    epoch = 0

    def __init__(self, seed: int, photos: int) -> None:
        self._seed, self._photos = seed, photos

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of batches, the same in every epoch."""

    @abstractmethod
    def __iter__(self) -> Iterator[list[Place]]:
        """Yield the batches of the epoch."""

    def random(self) -> np.random.Generator:
        """Return the epoch's own stream: that of the row behind the last one, which no photo draws from."""
        return np.random.default_rng((self._seed, self.epoch, self._photos))


class ShuffledBatches(Batches):
    """Every photo once an epoch."""

    def __init__(self, photos: int, size: int, seed: int) -> None:
        super().__init__(seed, photos)
        self._size = size

    def __len__(self) -> int:
        whole, rest = divmod(self._photos, self._size)
        # A single photo has no deviation for BatchNorm to learn from, so such a rest is left out; a larger
        # one is kept, since it holds photos of whales that are seen once an epoch at best.
        left_out = rest == 0 or (rest == 1 and whole > 0)
        return whole if left_out else whole + 1

    def __iter__(self) -> Iterator[list[Place]]:
        shuffled = self.random().permutation(self._photos)
        places = [Place(self.epoch, row) for row in shuffled.tolist()]
        return iter(chunks(places, self._size)[: len(self)])


class BalancedBatches(Batches):
    """Known whales alone, as many photos an epoch as they have, rare whales drawn more often.

    A photo of a whale with n photos is due n ** -balance times, on the scale that gives the epoch its length. It
    is drawn so often, rounded up or down by chance (systematic sampling), so that no whale is left out by bad luck
    that is due once. new_whale is no whale: a softmax can only learn that its photos look alike, which they do not.
    """

    def __init__(
        self, targets: NDArray[np.int64], new_class: int, size: int, seed: int, balance: float, mirrored: bool
    ) -> None:
        super().__init__(seed, len(targets))
        self._rows = np.flatnonzero(targets != new_class)
        if len(self._rows) < 2:
            raise DataError(f"{len(self._rows)} training photos show a known whale", "this method needs two or more")
        self._size, self._mirrored = size, mirrored
        photos_of = np.bincount(targets[self._rows])
        due = photos_of[targets[self._rows]] ** -balance
        self._due = due * (len(self._rows) / due.sum())

    def __len__(self) -> int:
        return max(1, len(self._rows) // self._size)

    def __iter__(self) -> Iterator[list[Place]]:
        random = self.random()
        order = random.permutation(len(self._rows))
        edges = np.floor(np.cumsum(self._due[order]) + random.random())
        times = np.diff(np.concatenate([[0.0], edges])).astype(np.int64)
        drawn = np.repeat(order, times)
        views = np.concatenate([np.arange(count) for count in times])
        mixed = random.permutation(len(drawn))
        flips = random.random(len(drawn)) < 0.5 if self._mirrored else np.zeros(len(drawn), dtype=bool)
        rows = self._rows[drawn]
        places = [Place(self.epoch, int(rows[one]), int(views[one]), bool(flips[one])) for one in mixed]
        return iter(chunks(places, self._size)[: len(self)])


class WhaleBatches(Batches):
    """P whales with K photos each, every known whale once an epoch; what is left of a batch shows new whales."""

    def __init__(
        self, targets: NDArray[np.int64], new_class: int, size: int, seed: int, whales: int, views: int, mirrored: bool
    ) -> None:
        super().__init__(seed, len(targets))
        self._rows_of = _rows_by_whale(targets, new_class)
        if len(self._rows_of) < whales:
            raise DataError(
                f"method.whales is {whales}, but only {len(self._rows_of)} whales have training photos",
                f"set method.whales to at most {len(self._rows_of)}",
            )
        self._new = np.flatnonzero(targets == new_class)
        self._whales, self._views, self._mirrored = whales, views, mirrored
        self._others = min(size - whales * views, len(self._new))

    def __len__(self) -> int:
        return -(-len(self._rows_of) // self._whales)

    def __iter__(self) -> Iterator[list[Place]]:
        random = self.random()
        order = random.permutation(len(self._rows_of))
        order = np.concatenate([order, order[: len(self) * self._whales - len(order)]])  # the last batch is whole too
        new = np.resize(random.permutation(self._new), len(self) * self._others) if self._others else self._new[:0]
        for number in range(len(self)):
            places: list[Place] = []
            for whale in order[number * self._whales : (number + 1) * self._whales]:
                flipped = self._mirrored and bool(random.random() < 0.5)
                places += self._shown(self._rows_of[whale], flipped, random)
            for row in new[number * self._others : (number + 1) * self._others].tolist():
                places.append(Place(self.epoch, row, number, self._mirrored and bool(random.random() < 0.5)))
            yield places

    def _shown(self, rows: NDArray[np.int64], mirrored: bool, random: np.random.Generator) -> list[Place]:
        """Return K places of one whale: different photos first, then further views of them."""
        order = random.permutation(rows)
        return [Place(self.epoch, int(order[k % len(order)]), k // len(order), mirrored) for k in range(self._views)]


class TripletBatches(Batches):
    """Anchors, then their positives, then their negatives: the talk's triplets, every known photo an anchor once.

    Where `same_photo` is set, anchor and positive are drawn as the talk does it, with replacement: for a whale of
    n photos they are one photo in 1/n of the draws. Else they are two photos, or two views of the only one.
    """

    def __init__(self, targets: NDArray[np.int64], new_class: int, size: int, seed: int, method: TripletMethod) -> None:
        super().__init__(seed, len(targets))
        self._targets, self._triplets = targets, size // 3
        self._same_photo, self._mirrored = method.same_photo, method.mirrored
        none = -1 if method.new_whale_class else new_class
        self._rows_of = {int(targets[rows[0]]): rows for rows in _rows_by_whale(targets, none)}
        self._anchors = np.flatnonzero(targets != none)
        if len(self._rows_of) < 2:
            raise DataError(f"{len(self._rows_of)} whales have training photos", "triplets need two or more")

    def __len__(self) -> int:
        return max(1, len(self._anchors) // self._triplets)

    def __iter__(self) -> Iterator[list[Place]]:
        random = self.random()
        order = random.permutation(self._anchors)
        for number in range(len(self)):
            anchors = order[number * self._triplets : (number + 1) * self._triplets].tolist()
            positives = [self._positive(row, random) for row in anchors]
            negatives = [self._negative(row, random) for row in anchors]
            flips = random.random((2, len(anchors))) < (0.5 if self._mirrored else 0.0)
            yield [
                Place(self.epoch, row, view, bool(flip))
                for view, rows in enumerate((anchors, positives, negatives))
                for row, flip in zip(rows, flips[view // 2], strict=True)  # a positive is turned as its anchor is
            ]

    def _positive(self, anchor: int, random: np.random.Generator) -> int:
        rows = self._rows_of[int(self._targets[anchor])]
        if not self._same_photo and len(rows) > 1:
            rows = rows[rows != anchor]
        return int(random.choice(rows))

    def _negative(self, anchor: int, random: np.random.Generator) -> int:
        while True:
            row = int(random.integers(len(self._targets)))
            if self._targets[row] != self._targets[anchor]:
                return row


def batches_of(spec: RunSpec, targets: NDArray[np.int64], new_class: int) -> Batches:
    """Return the batches that a spec's method learns from; raises `DataError` where the photos do not make one."""
    size, seed, method = spec.training.batch, spec.seed, spec.method
    if isinstance(method, ArcFaceMethod):
        return BalancedBatches(targets, new_class, size, seed, method.balance, method.mirrored)
    if isinstance(method, TripletMethod) and method.mining == "random":
        return TripletBatches(targets, new_class, size, seed, method)
    if isinstance(method, TripletMethod | SupConMethod):
        return WhaleBatches(targets, new_class, size, seed, method.whales, method.views, method.mirrored)
    return ShuffledBatches(len(targets), size, seed)


def chunks(places: Sequence[Place], size: int) -> list[list[Place]]:
    """Return the places in portions of `size`, the last one with what is left."""
    return [list(places[start : start + size]) for start in range(0, len(places), size)]


def _rows_by_whale(targets: NDArray[np.int64], without: int) -> list[NDArray[np.int64]]:
    """Return the rows of each whale, in the order of class numbers; `without` is left out."""
    order = np.argsort(targets, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(targets[order])) + 1)
    return [rows for rows in parts if len(rows) and targets[rows[0]] != without]
