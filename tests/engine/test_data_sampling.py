"""Batches by pencil: who is in them, who never is, and that they are the same again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_photos import drawn

from engine.contract.errors import DataError
from engine.contract.method import TripletMethod
from engine.contract.spec import RunSpec
from engine.data.augment import IMAGENET_MEAN, IMAGENET_STD
from engine.data.images import Images, Source
from engine.data.loader import TrainLoader
from engine.data.sampling import BalancedBatches, Batches, Place, TripletBatches, WhaleBatches

NEW = 0
# whale 1 has three photos, 2 has two, 3 and 4 have one; four photos of new whales; class 5 does not train
TARGETS = np.array([1, 1, 1, 2, 2, 3, 4, NEW, NEW, NEW, NEW])


def epoch(batches: Batches, number: int = 1) -> list[list[Place]]:
    batches.epoch = number
    found = list(batches)
    assert len(found) == len(batches)
    return found


def whales(places: list[Place]) -> list[int]:
    return [int(TARGETS[place.row]) for place in places]


# P x K


def test_every_whale_comes_once_an_epoch_with_k_photos_and_new_whales_fill_the_rest() -> None:
    batches = WhaleBatches(TARGETS, NEW, size=7, seed=0, whales=2, views=2, mirrored=False)
    found = epoch(batches)
    assert [len(batch) for batch in found] == [7, 7]
    shown = Counter(whale for batch in found for whale in whales(batch))
    assert shown == {1: 2, 2: 2, 3: 2, 4: 2, NEW: 6}
    for batch in found:
        known = [place for place in batch if TARGETS[place.row] != NEW]
        assert len({(place.row, place.view) for place in known}) == 4


def test_a_whale_with_fewer_photos_shows_all_of_them_before_any_again() -> None:
    batches = WhaleBatches(TARGETS, NEW, size=16, seed=0, whales=4, views=4, mirrored=False)
    (batch,) = epoch(batches)
    of = {whale: [(p.row, p.view) for p in batch if TARGETS[p.row] == whale] for whale in (1, 2, 3)}
    assert {row for row, _ in of[1]} == {0, 1, 2}
    assert sorted(of[2]) == [(3, 0), (3, 1), (4, 0), (4, 1)]
    assert sorted(of[3]) == [(5, 0), (5, 1), (5, 2), (5, 3)]
    assert len(batch) == 16  # no room for new whales


def test_a_last_batch_is_filled_with_other_whales() -> None:
    batches = WhaleBatches(TARGETS, NEW, size=6, seed=0, whales=3, views=2, mirrored=False)
    for batch in epoch(batches):
        assert len(set(whales(batch))) == 3


def test_more_whales_than_there_are_is_refused_with_the_field_named() -> None:
    with pytest.raises(DataError, match=r"method.whales is 5, but only 4 whales .* at most 4"):
        WhaleBatches(TARGETS, NEW, size=10, seed=0, whales=5, views=2, mirrored=False)


def test_a_mirrored_whale_is_mirrored_in_all_its_photos_of_a_batch() -> None:
    batches = WhaleBatches(TARGETS, NEW, size=8, seed=0, whales=4, views=2, mirrored=True)
    sides = set()
    for number in range(6):
        for batch in epoch(batches, number):
            for whale in (1, 2, 3, 4):
                of_whale = {place.mirrored for place in batch if TARGETS[place.row] == whale}
                assert len(of_whale) == 1
                sides |= of_whale
    assert sides == {True, False}


# Balanced


@pytest.mark.parametrize(
    ("balance", "due"), [(0.0, {1: 3, 2: 2, 3: 1, 4: 1}), (1.0, {1: 7 / 4, 2: 7 / 4, 3: 7 / 4, 4: 7 / 4})]
)
def test_whales_are_drawn_as_often_as_their_balance_says(balance: float, due: dict[int, float]) -> None:
    batches = BalancedBatches(TARGETS, NEW, size=1, seed=0, balance=balance, mirrored=False)
    epochs = 400
    shown = Counter(whale for number in range(epochs) for batch in epoch(batches, number) for whale in whales(batch))
    assert NEW not in shown
    for whale, times in due.items():
        assert shown[whale] / epochs == pytest.approx(times, rel=0.06)


def test_a_photo_drawn_twice_in_an_epoch_is_drawn_as_two_views() -> None:
    batches = BalancedBatches(TARGETS, NEW, size=2, seed=0, balance=1.0, mirrored=False)
    for number in range(20):
        places = [place for batch in epoch(batches, number) for place in batch]
        assert len(set(places)) == len(places)


# Random triplets


def triplets(method: TripletMethod, epochs: int = 60) -> list[tuple[Place, Place, Place]]:
    batches = TripletBatches(TARGETS, NEW, size=6, seed=0, method=method)
    found = []
    for number in range(epochs):
        for batch in epoch(batches, number):
            third = len(batch) // 3
            found += list(zip(batch[:third], batch[third : 2 * third], batch[2 * third :], strict=True))
    return found


def test_triplets_hold_two_photos_of_a_whale_and_one_of_another() -> None:
    for anchor, positive, negative in triplets(TripletMethod(mining="random")):
        whale = TARGETS[anchor.row]
        assert whale != NEW
        assert TARGETS[positive.row] == whale
        assert TARGETS[negative.row] != whale
        assert (anchor.row, anchor.view) != (positive.row, positive.view)
        assert anchor.row != positive.row or whale in (3, 4)  # two views of the only photo


def test_mirrored_triplets_mirror_anchor_and_positive_alike() -> None:
    found = triplets(TripletMethod(mining="random", mirrored=True))
    assert all(anchor.mirrored == positive.mirrored for anchor, positive, _ in found)
    assert len({(anchor.mirrored, negative.mirrored) for anchor, _, negative in found}) == 4


# Through the loader


def loader(workers: int, **changes: object) -> TrainLoader:
    values: dict[str, object] = {"training.batch": 9, "training.device": "cpu", "training.workers": workers, "seed": 3}
    spec = RunSpec().with_values(values | {name.replace("__", "."): value for name, value in changes.items()})
    pixels = np.stack([drawn(seed, 16, 24) for seed in range(len(TARGETS))])
    images = Images((Source(Path("unread.png")),) * len(TARGETS), 16, 24, 0.0, np.arange(len(TARGETS)), pixels)
    return TrainLoader(images, TARGETS, spec, IMAGENET_MEAN, IMAGENET_STD, classes=6, new_class=NEW)


KINDS = {
    "triplet": {"method__kind": "triplet", "method__whales": 3, "method__mirrored": True},
    "random": {"method__kind": "triplet", "method__mining": "random"},
    "arcface": {"method__kind": "arcface", "method__mirrored": True},
    "supcon": {"method__kind": "supcon", "method__whales": 4},
}


@pytest.mark.parametrize("kind", KINDS)
def test_workers_change_nothing_whatever_the_method(kind: str) -> None:
    expected = list(loader(0, **KINDS[kind]).epoch(2))
    again = list(loader(1, **KINDS[kind]).epoch(2))
    other = list(loader(0, **KINDS[kind]).epoch(3))
    assert len(expected) == len(again) == loader(0, **KINDS[kind]).steps_per_epoch
    for (photos, targets), (same_photos, same_targets) in zip(expected, again, strict=True):
        assert torch.equal(photos, same_photos)
        assert torch.equal(targets, same_targets)
    assert not torch.equal(torch.cat([photos for photos, _ in expected]), torch.cat([photos for photos, _ in other]))


def test_a_mirrored_photo_has_the_mirrored_whales_number_and_is_turned() -> None:
    plain = {"augment.flip.enabled": False, "augment.tone.p": 0.0, "augment.rotate.enabled": False}
    plain |= {"augment.degrade.p": 0.0, "augment.gray.enabled": False}
    turned = 0
    mirrored = loader(0, **KINDS["triplet"], **{name.replace(".", "__"): value for name, value in plain.items()})
    upright = {photo.sum().item(): photo for photo, target in _photos(mirrored) if target < 6}
    for photo, target in _photos(mirrored):
        same = next((one for total, one in upright.items() if abs(total - photo.sum().item()) < 1e-2), None)
        if target >= 6 and same is not None:
            turned += 1
            assert torch.equal(photo.flip(-1), same)
    assert turned > 0


def _photos(batches: TrainLoader) -> list[tuple[torch.Tensor, int]]:
    return [
        (photo, target)
        for number in range(4)
        for photos, targets in batches.epoch(number)
        for photo, target in zip(photos, targets.tolist(), strict=True)
    ]
