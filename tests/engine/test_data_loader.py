"""Batches hold every photo once an epoch, and the same ones with any number of workers."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_photos import drawn
from PIL import Image

from engine.contract.errors import DataError
from engine.contract.spec import RunSpec
from engine.data.augment import IMAGENET_MEAN, IMAGENET_STD, evaluation_transform
from engine.data.images import Images, Source, read_photos
from engine.data.loader import EvalLoader, TrainLoader, worker_count

COUNT = 10


def images(count: int = COUNT) -> Images:
    pixels = np.stack([drawn(seed, 16, 24) for seed in range(count)])
    return Images((Source(Path("unread.png")),) * count, 16, 24, 0.0, np.arange(count), pixels)


def spec(**changes: object) -> RunSpec:
    values: dict[str, object] = {"training.batch": 4, "prediction.batch": 4, "training.device": "cpu", "seed": 3}
    return RunSpec().with_values(values | {name.replace("__", "."): value for name, value in changes.items()})


def train_loader(count: int = COUNT, **changes: object) -> TrainLoader:
    return TrainLoader(images(count), np.arange(count) * 10, spec(**changes), IMAGENET_MEAN, IMAGENET_STD)


def epoch(loader: TrainLoader, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return all photos and targets of an epoch."""
    photos, targets = zip(*loader.epoch(number), strict=True)
    return torch.cat(photos), torch.cat(targets)


def test_an_epoch_holds_every_photo_once_in_an_order_of_its_own() -> None:
    loader = train_loader()
    orders = []
    for number in range(3):
        photos, targets = epoch(loader, number)
        assert photos.shape == (COUNT, 3, 16, 24)
        assert photos.dtype == torch.float32
        assert targets.dtype == torch.int64
        assert sorted(targets.tolist()) == [10 * row for row in range(COUNT)]
        orders.append(tuple(targets.tolist()))
    assert len(set(orders)) == 3


def test_targets_belong_to_their_photos() -> None:
    off = {"augment.flip.enabled": False, "augment.tone.p": 0.0, "augment.rotate.enabled": False}
    off |= {"augment.degrade.p": 0.0, "augment.gray.enabled": False}
    plain = RunSpec.with_values(spec(), off)
    loader = TrainLoader(images(), np.arange(COUNT), plain, IMAGENET_MEAN, IMAGENET_STD)
    normalise = evaluation_transform(IMAGENET_MEAN, IMAGENET_STD)
    for photos, targets in loader.epoch(0):
        for photo, target in zip(photos, targets.tolist(), strict=True):
            np.testing.assert_array_equal(photo.numpy().transpose(1, 2, 0), normalise(drawn(target, 16, 24)))


def test_workers_change_nothing() -> None:
    """Three epochs, one of them again, with none, one and two workers: equal to the bit, and each epoch another."""
    wanted = (0, 1, 2, 1)
    first = train_loader(training__workers=0)
    expected = [epoch(first, number) for number in wanted]
    assert torch.equal(expected[1][0], expected[3][0])
    for workers in (1, 2):
        loader = train_loader(training__workers=workers)
        for number, (photos, targets) in zip(wanted, expected, strict=True):
            seen = epoch(loader, number)
            assert torch.equal(seen[0], photos)
            assert torch.equal(seen[1], targets)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_photo_differs_between_epochs_and_photos_between_rows(workers: int) -> None:
    one_photo = drawn(1, 16, 24)
    pixels = np.stack([one_photo] * COUNT)
    same = Images((Source(Path("unread.png")),) * COUNT, 16, 24, 0.0, np.arange(COUNT), pixels)
    loader = TrainLoader(same, np.arange(COUNT), spec(training__workers=workers), IMAGENET_MEAN, IMAGENET_STD)
    sums = [round(float(photo.double().sum()), 3) for number in range(3) for photo in epoch(loader, number)[0]]
    assert len(set(sums)) > 20  # of 30: some happen to be left as they are; workers with one stream would give 15


def test_another_seed_gives_other_batches() -> None:
    assert epoch(train_loader(), 0)[1].tolist() != epoch(train_loader(seed=4), 0)[1].tolist()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_may_be_broken_off(workers: int) -> None:
    loader = train_loader(training__workers=workers)
    expected = epoch(loader, 1)
    next(loader.epoch(0))
    assert torch.equal(epoch(loader, 1)[0], expected[0])


def test_loading_leaves_torchs_own_stream_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    epoch(train_loader(), 0)
    list(EvalLoader(images(), spec(), IMAGENET_MEAN, IMAGENET_STD))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("count", "batch", "sizes"),
    [
        (10, 4, [4, 4, 2]),
        (8, 4, [4, 4]),
        (9, 4, [4, 4]),  # one photo alone would end BatchNorm
        (3, 4, [3]),
        (1, 4, [1]),  # all there is
        (3, 1, [1, 1, 1]),
    ],
)
def test_only_a_single_photo_is_left_out(count: int, batch: int, sizes: list[int]) -> None:
    loader = train_loader(count, training__batch=batch)
    assert [len(targets) for _, targets in loader.epoch(0)] == sizes
    assert loader.steps_per_epoch == len(sizes)


@pytest.mark.parametrize("workers", [0, 2])
def test_scoring_goes_through_the_rows_in_order_and_again(workers: int) -> None:
    loader = EvalLoader(images(), spec(training__workers=workers), IMAGENET_MEAN, IMAGENET_STD)
    normalise = evaluation_transform(IMAGENET_MEAN, IMAGENET_STD)
    for _ in range(2):
        batches = list(loader)
        assert [len(batch) for batch in batches] == [4, 4, 2]
        assert len(loader) == 3
        for row, photo in enumerate(torch.cat(batches)):
            np.testing.assert_array_equal(photo.numpy().transpose(1, 2, 0), normalise(drawn(row, 16, 24)))


def test_batches_are_laid_out_channels_last() -> None:
    photos, _ = next(train_loader().epoch(0))
    assert photos.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_photo_that_vanishes_is_named_whoever_reads_it(workers: int, tmp_path: Path) -> None:
    sources = []
    for seed in range(COUNT):
        path = tmp_path / f"photo{seed}.png"
        Image.fromarray(drawn(seed)).save(path)
        sources.append(Source(path))
    on_demand, _ = read_photos(sources, 16, 24, 0.0, memory_bytes=0)
    loader = TrainLoader(on_demand, np.arange(COUNT), spec(training__workers=workers), IMAGENET_MEAN, IMAGENET_STD)
    assert len(epoch(loader, 0)[0]) == COUNT
    sources[6].path.unlink()
    with pytest.raises(DataError, match=r"^the photo \S+photo6\.png cannot be read: it is not there \(replace it"):
        epoch(loader, 1)


def test_an_interrupt_is_left_to_the_trainer_and_workers_end_with_their_loader() -> None:
    others = set(multiprocessing.active_children())
    loader = train_loader(training__workers=2)
    expected = epoch(loader, 1)[0]
    batches = loader.epoch(1)
    photos = [next(batches)[0]]
    workers = set(multiprocessing.active_children()) - others
    assert len(workers) == 2
    for worker in workers:
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGINT)
    photos += [batch for batch, _ in batches]
    assert torch.equal(torch.cat(photos), expected)
    del loader, batches
    gc.collect()
    assert not workers & set(multiprocessing.active_children())


def test_workers_are_as_many_as_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(16)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    automatic = spec(training__device="auto")
    assert worker_count(5000, automatic) == 8
    assert worker_count(100, automatic) == 0
    assert worker_count(100, spec(training__workers=3)) == 3
    assert worker_count(5000, spec(training__device="cpu")) == 0
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})
    assert worker_count(5000, automatic) == 0


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_is_gone_on_with_behind_the_batches_that_are_done(workers: int) -> None:
    loader = train_loader(count=11, training__workers=workers)
    whole = [photos.numpy() for photos, _ in loader.epoch(3)]
    rest = [photos.numpy() for photos, _ in loader.epoch(3, done=2)]
    assert len(whole) == 3
    assert [np.array_equal(left, right) for left, right in zip(whole[2:], rest, strict=True)] == [True]
    assert list(loader.epoch(3, done=3)) == []
    assert len(list(loader.epoch(4))) == 3
