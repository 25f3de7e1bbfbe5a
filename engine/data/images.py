"""Photos as the backbone gets them, before augmentation: decoded, cut to their boxes, resized."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.contract.errors import DataError
from engine.crop.apply import Box, cut
from engine.data.decode import decode
from engine.data.duplicates import Fingerprint, Fingerprints, fingerprint
from engine.data.memory import available_bytes
from engine.data.resize import resized

Progress = Callable[[int, int], None]
"""Called with the number of photos done and of all."""


@dataclass(frozen=True)
class Source:
    """One photo on disk, and where its fluke lies; no box: the whole photo."""

    path: Path
    box: Box | None = None


@dataclass(frozen=True)
class Images:
    """Photos by row, each (height, width, 3) uint8 RGB: from memory where they fitted, else decoded when asked for.

    `rows` are those of all photos that were read, so that parts of the data share one array.
    """

    sources: tuple[Source, ...]
    height: int
    width: int
    margin: float  # see `engine.crop.apply.cut`
    rows: NDArray[np.int64]
    pixels: NDArray[np.uint8] | None  # (sources, height, width, 3)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """Return one photo; not to be written to. Raises `DataError` where it must be decoded and cannot."""
        row = int(self.rows[index])
        if self.pixels is not None:
            photo: NDArray[np.uint8] = self.pixels[row]
            return photo
        source = self.sources[row]
        return self._framed(decode(source.path), source)

    def take(self, rows: NDArray[np.int64]) -> Images:
        """Return some of these photos, in the order of `rows`."""
        return replace(self, rows=self.rows[rows])

    def read(self, row: int) -> Fingerprint:
        """Decode a source once, for its fingerprint and, where there is room, its pixels."""
        source = self.sources[row]
        photo = decode(source.path)
        if self.pixels is not None:
            self.pixels[row] = self._framed(photo, source)
        return fingerprint(photo)

    def _framed(self, photo: NDArray[np.uint8], source: Source) -> NDArray[np.uint8]:
        if source.box is not None:
            try:
                photo = cut(photo, source.box, self.margin)
            except ValueError as error:
                raise DataError(f"{source.path}: {error}", "mend its line in the table of boxes") from error
        return resized(photo, self.height, self.width)


def read_photos(
    sources: Sequence[Source],
    height: int,
    width: int,
    margin: float,
    progress: Progress = lambda done, total: None,
    memory_bytes: int | None = None,
) -> tuple[Images, Fingerprints]:
    """Decode every photo once, on all cores: fingerprints of the whole photos, and the framed pixels.

    Args:
        sources: the photos.
        height: of the framed photos, pixels.
        width: of the framed photos, pixels.
        margin: widens the boxes; see `engine.crop.apply.cut`.
        progress: called after each photo, from the calling thread.
        memory_bytes: what the pixels may take; None: half of what the machine has free.

    Raises:
        DataError: a photo cannot be read; names the first and how many more.
    """
    if memory_bytes is None:
        memory_bytes = available_bytes() // 2
    shape = (len(sources), height, width, 3)
    pixels = np.empty(shape, dtype=np.uint8) if int(np.prod(shape)) <= memory_bytes else None
    images = Images(tuple(sources), height, width, margin, np.arange(len(sources)), pixels)

    def attempt(row: int) -> Fingerprint | DataError:
        try:
            return images.read(row)
        except DataError as error:  # kept, so that all bad photos are counted before the run is refused
            return error

    prints: list[Fingerprint] = []
    refused: list[DataError] = []
    threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="decode")
    try:
        for done, result in enumerate(threads.map(attempt, range(len(sources))), start=1):
            if isinstance(result, DataError):
                refused.append(result)
            else:
                prints.append(result)
            progress(done, len(sources))
    finally:
        threads.shutdown(cancel_futures=True)  # a run that is stopped meanwhile does not read the rest first
    if refused:
        others = len(refused) - 1
        more = f"; {others} more {'is' if others == 1 else 'are'} refused too" if others else ""
        raise DataError(refused[0].message + more, refused[0].hint)
    return images, Fingerprints.of(prints)
