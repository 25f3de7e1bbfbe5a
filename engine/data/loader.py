"""Batches of photos: shuffled and augmented for training, in order and as they are for scoring."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from engine.contract.errors import DataError
from engine.contract.spec import RunSpec
from engine.data.augment import TrainingTransform, evaluation_transform
from engine.data.images import Images
from engine.data.sampling import Place, batches_of, chunks

MOST_WORKERS = 8
FEW_PHOTOS = 256
"""Fewer are sooner prepared than workers are started."""

Batch = tuple[torch.Tensor, torch.Tensor]
"""Rows and whether they are mirrored, int64 (batch, 2); photos, float32 (batch, 3, height, width)."""


class TrainLoader:
    """Augmented batches as the method wants them, the same for a given seed and epoch with any number of workers.

    `classes` and `new_class` are of the class list. The whale of a mirrored photo has the number of the whale
    plus `classes`.
    """

    def __init__(
        self,
        images: Images,
        targets: NDArray[np.int64],
        spec: RunSpec,
        mean: Sequence[float],
        std: Sequence[float],
        classes: int = 0,
        new_class: int = -1,
    ) -> None:
        self._targets, self._classes = torch.from_numpy(np.ascontiguousarray(targets)), classes
        self._batches = batches_of(spec, targets, new_class)
        transform = TrainingTransform(spec.augment, mean, std, spec.seed)
        prepared = _Prepared(images, lambda photo, place: transform(photo, place.epoch, place.row, place.view))
        self._rest = _Rest(self._batches)
        self._loader = _data_loader(prepared, self._rest, spec)

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch."""
        return len(self._batches)

    def epoch(self, number: int, done: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the batches of one epoch.

        Args:
            number: which epoch; any, in any order.
            done: so many of its batches are left out, as they were learnt from before.

        Yields:
            Photos, float32 (batch, 3, height, width), laid out channels last; class numbers, int64 (batch,).

        Raises:
            DataError: a photo that is decoded on demand cannot be read any more.
        """
        self._batches.epoch, self._rest.done = number, done
        for places, photos in _received(self._loader):
            yield photos, self._targets[places[:, 0]] + self._classes * places[:, 1]


class EvalLoader:
    """Batches in row order, not augmented; may be gone through again and again."""

    def __init__(self, images: Images, spec: RunSpec, mean: Sequence[float], std: Sequence[float]) -> None:
        places = [Place(0, row) for row in range(len(images))]
        self._batches = chunks(places, spec.prediction.batch)
        normalise = evaluation_transform(mean, std)
        prepared = _Prepared(images, lambda photo, place: normalise(photo))
        self._loader = _data_loader(prepared, self._batches, spec)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[torch.Tensor]:
        """Yield photos, float32 (batch, 3, height, width), laid out channels last; raises `DataError`."""
        for _, photos in _received(self._loader):
            yield photos


class _Prepared(Dataset[Batch | DataError]):
    """Makes whole batches, so that photos are written once, where they stay."""

    def __init__(self, images: Images, transform: Callable[[NDArray[np.uint8], Place], NDArray[np.float32]]) -> None:
        self._images, self._transform = images, transform

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, places: Sequence[Place]) -> Batch | DataError:
        """Return a batch, or why there is none: raised in a worker, an error would arrive as a traceback's text."""
        photos = np.empty((len(places), self._images.height, self._images.width, 3), dtype=np.float32)
        try:
            for photo, place in zip(photos, places, strict=True):
                pixels = self._images[place.row]
                photo[:] = self._transform(np.ascontiguousarray(pixels[:, ::-1]) if place.mirrored else pixels, place)
        except DataError as error:
            return error
        rows = torch.tensor([(place.row, int(place.mirrored)) for place in places])
        return rows, torch.from_numpy(photos).permute(0, 3, 1, 2)


class _Rest:
    """The batches of an epoch that are still to come: all but the first `done`."""

    def __init__(self, batches: Iterable[list[Place]]) -> None:
        self._batches, self.done = batches, 0

    def __iter__(self) -> Iterator[list[Place]]:
        return islice(self._batches, self.done, None)


def _data_loader(prepared: _Prepared, batches: Iterable[list[Place]], spec: RunSpec) -> DataLoader[Batch | DataError]:
    workers = worker_count(len(prepared), spec)
    return DataLoader(
        prepared,
        batch_size=None,  # `batches` are lists of places already
        sampler=batches,
        collate_fn=_unchanged,
        worker_init_fn=_ignore_interrupt,
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,  # workers share the photos in memory
        persistent_workers=workers > 0,
        pin_memory=_trains_on_gpu(spec),
        generator=torch.Generator(),  # its seeds go unused; torch's own stream, which dropout draws from, stays put
    )


def _unchanged(batch: Any) -> Any:
    return batch


def _ignore_interrupt(worker: int) -> None:
    """Leave Ctrl-C, which a terminal sends to all processes, to the trainer: it finishes its step and saves first.

    SIGTERM keeps ending a worker, since that is how the trainer lets go of one that hangs.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _received(loader: DataLoader[Batch | DataError]) -> Iterator[Batch]:
    for batch in loader:
        if isinstance(batch, DataError):
            # not `raise batch`: an error that this frame also holds would keep the workers in a cycle of references
            raise DataError(batch.message, batch.hint)
        yield batch


def worker_count(photos: int, spec: RunSpec) -> int:
    """Return how many processes prepare photos: `training.workers`, or what helps on this machine.

    A GPU waits for photos, so all cores but the trainer's own prepare them. Training on the CPU keeps
    every core busy itself, and preparing takes a twentieth of its time.
    """
    if spec.training.workers >= 0:
        return spec.training.workers
    if photos < FEW_PHOTOS or not _trains_on_gpu(spec):
        return 0
    return min(len(os.sched_getaffinity(0)) - 1, MOST_WORKERS)


def _trains_on_gpu(spec: RunSpec) -> bool:
    return spec.training.device != "cpu" and torch.cuda.is_available()
