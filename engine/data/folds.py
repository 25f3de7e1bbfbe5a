"""Which photos train and which validate: open-set folds that no duplicate photo crosses.

Validation imitates the competition's test. A fold validates on

- photos of known whales: of each whale with two or more different photos, some are dealt to the fold,
- photos of new whales: some of the whales with a single photo, and some of the photos labelled
  `new_whale`. They leave that fold's training part, and their right answer is `new_whale`.

The unit is the duplicate group: all copies of a photo stay on one side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.contract.errors import DataError
from engine.contract.spec import DataSpec

CONTESTED = -1
"""Stands in for the class of a group that carries two known whales."""


@dataclass(frozen=True)
class Split:
    """Rows of the training table on either side, ascending, and what the validation photos are."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    truth: NDArray[np.int64]  # class of each validation photo; `new_whale` where training lacks its whale
    new_wanted: int  # validation photos of new whales that were asked for


def split(targets: NDArray[np.int64], groups: NDArray[np.int64], new_class: int, data: DataSpec) -> Split:
    """Return the two sides of fold `data.fold`.

    Args:
        targets: (photos,) class numbers.
        groups: (photos,) duplicate group of each photo, numbered from 0 without gaps.
        new_class: the class number of `new_whale`.
        data: says how many folds, which one, the share of new whales, the seed, and the limit.

    Raises:
        DataError: there are too few different photos for so many folds.
    """
    random = np.random.default_rng(data.split_seed)
    classes = group_classes(targets, groups, new_class)
    repeated, lone = _pools(targets, groups, classes, new_class)
    sizes = np.bincount(groups)
    fold_of = np.full(len(classes), -1, dtype=np.int64)
    _deal_known(fold_of, repeated, data.folds, random)
    wanted = _new_wanted(fold_of, sizes, data)
    _deal_new(fold_of, lone, sizes, wanted, random)

    validates = fold_of[groups] == data.fold
    train, valid = np.flatnonzero(~validates), np.flatnonzero(validates)
    if 0 < data.limit < len(train):
        train = np.sort(random.permutation(train)[: data.limit])
    truth = classes[groups[valid]]
    truth[~np.isin(truth, targets[train])] = new_class
    return Split(train, valid, truth, new_wanted=int(wanted[data.fold]))


def group_classes(targets: NDArray[np.int64], groups: NDArray[np.int64], new_class: int) -> NDArray[np.int64]:
    """Return the class of each group: its known whale, even where a copy is labelled `new_whale`.

    A group of two or more known whales is `CONTESTED`.
    """
    classes = np.full(int(groups.max()) + 1, new_class, dtype=np.int64)
    for group, target in np.unique(np.stack([groups, targets], axis=1), axis=0):
        if target != new_class:
            classes[group] = target if classes[group] == new_class else CONTESTED
    return classes


def mended(targets: NDArray[np.int64], groups: NDArray[np.int64], new_class: int) -> NDArray[np.int64]:
    """Return class numbers where a photo labelled `new_whale` has the whale of the photo that it copies.

    Photos of which copies name two known whales keep their labels: one is wrong, but nobody knows which.
    """
    copied = group_classes(targets, groups, new_class)[groups]
    return np.where((targets == new_class) & (copied != CONTESTED), copied, targets)


def _pools(
    targets: NDArray[np.int64], groups: NDArray[np.int64], classes: NDArray[np.int64], new_class: int
) -> tuple[list[list[int]], list[int]]:
    """Return the groups of each whale that has two or more, and the groups that may stand for new whales.

    Contested groups are in neither: their answer is in doubt, so they always train. So does the only
    clear group of a whale that a contested group names too: it is neither new nor to be dealt.
    """
    named_in: dict[int, set[int]] = defaultdict(set)
    for group, target in zip(groups.tolist(), targets.tolist(), strict=True):
        named_in[target].add(group)
    clear: dict[int, list[int]] = defaultdict(list)
    for group, target in enumerate(classes.tolist()):
        clear[target].append(group)
    lone = clear.pop(new_class, [])
    clear.pop(CONTESTED, None)
    repeated = [clear[whale] for whale in sorted(clear) if len(clear[whale]) > 1]
    lone += [clear[whale][0] for whale in sorted(clear) if len(named_in[whale]) == 1]
    return repeated, lone


def _deal_known(
    fold_of: NDArray[np.int64], repeated: Sequence[list[int]], folds: int, random: np.random.Generator
) -> None:
    """Deal the groups of whales with two or more like cards, so that no fold gets all groups of a whale."""
    dealt = [group for whale in random.permutation(len(repeated)) for group in random.permutation(repeated[whale])]
    if len(dealt) < folds:
        advice = f"set data.folds to at most {len(dealt)}" if dealt else "validation needs two photos of some whale"
        raise DataError(
            f"data.folds is {folds}, but only {len(dealt)} different photos are of whales seen twice or more", advice
        )
    fold_of[dealt] = np.arange(len(dealt)) % folds


def _new_wanted(fold_of: NDArray[np.int64], sizes: NDArray[np.int64], data: DataSpec) -> NDArray[np.int64]:
    """Return, for each fold, how many photos of new whales make `data.new_share` of its validation photos."""
    dealt = fold_of >= 0
    known = np.bincount(fold_of[dealt], weights=sizes[dealt], minlength=data.folds)
    wanted: NDArray[np.float64] = np.rint(known * data.new_share / (1.0 - data.new_share))
    return wanted.astype(np.int64)


def _deal_new(
    fold_of: NDArray[np.int64],
    lone: Sequence[int],
    sizes: NDArray[np.int64],
    wanted: NDArray[np.int64],
    random: np.random.Generator,
) -> None:
    """Give each fold its new whales, one group at a time in turn, so that a shortage is shared."""
    missing = wanted.copy()
    turn = 0
    for group in random.permutation(np.asarray(lone, dtype=np.int64)):
        if not (missing > 0).any():
            return
        while missing[turn] <= 0:
            turn = (turn + 1) % len(missing)
        fold_of[group] = turn
        missing[turn] -= sizes[group]
        turn = (turn + 1) % len(missing)
