"""Folds keep duplicates on one side, new whales new, and the promised shares, whatever the table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.contract.errors import DataError
from engine.contract.spec import DataSpec
from engine.data.folds import CONTESTED, Split, group_classes, split

NEW = 0
"""The class number of `new_whale` in these tests."""


def table(*photos: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return targets and groups of photos given as (class, group)."""
    targets, groups = np.array(photos, dtype=np.int64).T
    return targets, groups


def whales(repeated: int, lone: int, new: int, photos: int = 2) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a table of whales with several photos, whales with one, and new whales, none duplicated."""
    targets = [1 + whale for whale in range(repeated) for _ in range(photos)]
    targets += [1 + repeated + whale for whale in range(lone)] + [NEW] * new
    return np.array(targets, dtype=np.int64), np.arange(len(targets), dtype=np.int64)


def all_folds(targets: NDArray[np.int64], groups: NDArray[np.int64], folds: int, share: float = 0.115) -> list[Split]:
    return [split(targets, groups, NEW, DataSpec(fold=fold, folds=folds, new_share=share)) for fold in range(folds)]


@st.composite
def tables(draw: st.DrawFn) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Any labels over any grouping: copies, contradictions, lone whales and new ones come by themselves."""
    count = draw(st.integers(4, 60))
    targets = draw(st.lists(st.integers(0, 12), min_size=count, max_size=count))
    groups = draw(st.lists(st.integers(0, 150), min_size=count, max_size=count))
    return np.array(targets, dtype=np.int64), np.unique(groups, return_inverse=True)[1].astype(np.int64)


@settings(max_examples=200, deadline=None)
@given(tables(), st.integers(2, 6), st.floats(0.0, 0.9), st.integers(0, 99), st.sampled_from([0, 0, 1, 7]))
def test_promises_hold_for_any_table(
    photos: tuple[NDArray[np.int64], NDArray[np.int64]], folds: int, share: float, seed: int, limit: int
) -> None:
    targets, groups = photos
    validated: list[int] = []
    for fold in range(folds):
        data = DataSpec(fold=fold, folds=folds, new_share=share, split_seed=seed, limit=limit)
        try:
            sides = split(targets, groups, NEW, data)
        except DataError:
            return
        assert len(sides.train) > 0
        assert len(sides.valid) > 0
        assert not set(groups[sides.train]) & set(groups[sides.valid])  # no copy on the other side
        trained = set(targets[sides.train].tolist())
        for row, truth in zip(sides.valid, sides.truth, strict=True):
            labels = set(targets[groups == groups[row]].tolist())
            assert len(labels - {NEW}) < 2  # no photo in doubt validates
            whale = max(labels)  # the known one, NEW being 0
            assert truth == (whale if whale in trained else NEW)
        if limit == 0:
            assert sorted([*sides.train, *sides.valid]) == list(range(len(targets)))
        else:
            assert len(sides.train) <= limit
        validated += sides.valid.tolist()
    assert len(validated) == len(set(validated))  # folds are disjoint


def test_every_photo_of_repeated_whales_validates_once_and_is_known() -> None:
    targets, groups = whales(repeated=20, lone=0, new=0, photos=3)
    sides = all_folds(targets, groups, folds=4)
    assert sorted(row for side in sides for row in side.valid) == list(range(60))
    assert all((side.truth == targets[side.valid]).all() and (side.truth != NEW).all() for side in sides)
    assert {len(side.valid) for side in sides} == {15}


def test_the_two_photos_of_a_whale_go_to_two_folds() -> None:
    targets, groups = whales(repeated=30, lone=0, new=0)
    for side in all_folds(targets, groups, folds=5):
        assert len(set(side.truth.tolist())) == len(side.truth)


@pytest.mark.parametrize("share", [0.0, 0.115, 0.325, 0.5])
def test_new_whales_make_their_share(share: float) -> None:
    targets, groups = whales(repeated=100, lone=150, new=150)
    for side in all_folds(targets, groups, folds=5, share=share):
        new = side.truth == NEW
        assert abs(new.mean() - share) < 0.01
        assert new.sum() == side.new_wanted
        labels = targets[side.valid][new]
        if share > 0.1:  # both kinds of new whale are there
            assert (labels == NEW).any()
            assert (labels != NEW).any()
        assert not set(labels[labels != NEW].tolist()) & set(targets[side.train].tolist())


def test_too_few_new_whales_are_shared_out_fairly() -> None:
    targets, groups = whales(repeated=100, lone=3, new=4)
    sides = all_folds(targets, groups, folds=5, share=0.5)
    assert sorted(int((side.truth == NEW).sum()) for side in sides) == [1, 1, 1, 2, 2]
    assert all(side.new_wanted == 40 for side in sides)


def test_other_lone_whales_stay_in_training() -> None:
    targets, groups = whales(repeated=10, lone=50, new=0)
    for side in all_folds(targets, groups, folds=5, share=0.2):
        assert len(side.train) + len(side.valid) == 70
        assert (targets[side.train] > 10).sum() == 50 - (side.truth == NEW).sum()


def test_copies_of_one_photo_make_no_repeated_whale() -> None:
    """Whale 3 has three files of one photo: it can be new, or train, but never be dealt as known."""
    targets, groups = table((1, 0), (1, 1), (2, 2), (2, 3), (3, 4), (3, 4), (3, 4), (NEW, 5))
    for side in all_folds(targets, groups, folds=2, share=0.5):
        copies = np.isin(side.valid, [4, 5, 6])
        assert copies.sum() in (0, 3)
        assert (side.truth[copies] == NEW).all()


def test_a_copy_labelled_new_whale_counts_as_the_known_whale() -> None:
    targets, groups = table((1, 0), (NEW, 0), (1, 1), (2, 2), (2, 3))
    assert group_classes(targets, groups, NEW).tolist() == [1, 1, 2, 2]
    for side in all_folds(targets, groups, folds=2, share=0.0):
        if 0 in side.valid:
            assert side.truth[side.valid == 1].tolist() == [1]


def test_a_group_of_two_known_whales_always_trains() -> None:
    targets, groups = table((1, 0), (2, 0), (1, 1), (2, 2), (3, 3), (3, 4), (4, 5))
    assert group_classes(targets, groups, NEW).tolist() == [CONTESTED, 1, 2, 3, 3, 4]
    for side in all_folds(targets, groups, folds=2, share=0.9):
        assert {0, 1, 2, 3} <= set(side.train.tolist())  # whales 1 and 2 are known by it, and never new


def test_folds_are_the_same_each_time_and_other_for_another_seed() -> None:
    targets, groups = whales(repeated=40, lone=20, new=20)
    first, again = (split(targets, groups, NEW, DataSpec(split_seed=3)) for _ in range(2))
    other = split(targets, groups, NEW, DataSpec(split_seed=4))
    np.testing.assert_array_equal(first.valid, again.valid)
    assert first.valid.tolist() != other.valid.tolist()


def test_a_limit_shortens_training_alone_and_renews_what_is_new() -> None:
    targets, groups = whales(repeated=40, lone=20, new=20)
    whole = split(targets, groups, NEW, DataSpec())
    short, again = (split(targets, groups, NEW, DataSpec(limit=10)) for _ in range(2))
    assert short.valid.tolist() == whole.valid.tolist()
    assert len(short.train) == 10
    assert set(short.train) < set(whole.train)
    assert short.train.tolist() == again.train.tolist()
    assert set(short.truth.tolist()) - {NEW} <= set(targets[short.train].tolist())
    assert split(targets, groups, NEW, DataSpec(limit=10_000)).train.tolist() == whole.train.tolist()


def test_too_many_folds_are_refused_with_what_to_set() -> None:
    targets, groups = whales(repeated=2, lone=5, new=5)
    with pytest.raises(DataError, match=r"data\.folds is 5, but only 4 .*set data\.folds to at most 4"):
        split(targets, groups, NEW, DataSpec(folds=5))
    assert len(split(targets, groups, NEW, DataSpec(folds=4)).valid) > 0


def test_data_without_any_repeated_whale_are_refused() -> None:
    targets, groups = whales(repeated=0, lone=9, new=9)
    with pytest.raises(DataError, match=r"only 0 different photos .*two photos of some whale"):
        split(targets, groups, NEW, DataSpec())
