"""Look at every photo of a data set once: size, colour, what it duplicates, and why it cannot be read if it cannot."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.dataset import Dataset
from engine.contract.errors import DataError
from engine.contract.photo_facts import DataFacts, PhotoFacts
from engine.contract.rundir import read_json, write_json
from engine.crop.boxes import find_table, photo_paths, read_table
from engine.data.decode import decode
from engine.data.duplicates import Fingerprint, Fingerprints, duplicate_groups, fingerprint

Progress = Callable[[int, int], None]
KEPT = 8
"""Data sets whose figures are kept; the oldest give way."""


def look_at(dataset: Dataset, cache: Path, progress: Progress = lambda done, total: None) -> DataFacts:
    """Return what the photos are like, from the cache where none of them has changed.

    Args:
        dataset: its tables, read and checked.
        cache: a folder of ours; it is made.
        progress: called with the number of photos done and of all.
    """
    digest = _digest(dataset)
    kept = cache / f"photos-{digest[:20]}.json"
    known = read_json(kept, DataFacts)
    if known is not None:
        return known
    facts = DataFacts(folder=str(dataset.folder), digest=digest, photos=tuple(_looked(dataset, progress)))
    cache.mkdir(parents=True, exist_ok=True)
    write_json(kept, facts)
    for old in sorted(cache.glob("photos-*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return facts


def with_boxes(facts: DataFacts, dataset: Dataset, source: str) -> DataFacts:
    """Return facts with the boxes of a table; raises `DataError` where it cannot be read."""
    path = find_table(source, dataset.folder)
    readable = {photo.name for photo in facts.photos if not photo.trouble}
    paths = {name: place for name, place in photo_paths(dataset).items() if name in readable}
    table = read_table(path, (*dataset.train, *dataset.test), paths, sort_corners=True)
    photos = tuple(
        msgspec.structs.replace(photo, box=table.boxes[photo.name], confidence=table.confidences.get(photo.name))
        if photo.name in table.boxes
        else photo
        for photo in facts.photos
    )
    return msgspec.structs.replace(facts, photos=photos, boxes=str(path), mended=tuple(table.mended))


def is_grey(photo: NDArray[np.uint8]) -> bool:
    """Tell whether not one pixel of a (height, width, 3) photo has a colour."""
    return bool((photo[..., 0] == photo[..., 1]).all() and (photo[..., 1] == photo[..., 2]).all())


def _looked(dataset: Dataset, progress: Progress) -> list[PhotoFacts]:
    labelled = zip(dataset.train, dataset.labels, strict=True)
    asked = [PhotoFacts(name=photo, part="train", label=label) for photo, label in labelled]
    asked += [PhotoFacts(name=photo, part="test") for photo in dataset.test]
    seen: list[PhotoFacts] = []
    prints: list[Fingerprint] = []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="decode") as threads:
        for facts, mark in threads.map(lambda photo: _look(dataset, photo), asked):
            seen.append(facts)
            if mark is not None:
                prints.append(mark)
            progress(len(seen), len(asked))
    groups = iter(duplicate_groups(Fingerprints.of(prints)).tolist())
    numbers = [-1 if facts.trouble else next(groups) for facts in seen]
    shared = {number for number, count in Counter(numbers).items() if count > 1 and number >= 0}
    return [
        msgspec.structs.replace(facts, group=number) if number in shared else facts
        for facts, number in zip(seen, numbers, strict=True)
    ]


def _look(dataset: Dataset, photo: PhotoFacts) -> tuple[PhotoFacts, Fingerprint | None]:
    path = dataset.train_path(photo.name) if photo.part == "train" else dataset.test_path(photo.name)
    try:
        pixels = decode(path)
    except DataError as error:
        return msgspec.structs.replace(photo, trouble=error.message), None
    height, width = pixels.shape[:2]
    return msgspec.structs.replace(photo, height=height, width=width, grey=is_grey(pixels)), fingerprint(pixels)


def _digest(dataset: Dataset) -> str:
    """Return a digest of the tables and of each photo's name, size and time: reading their bytes would take longer."""
    digest = hashlib.sha256(msgspec.json.encode([str(dataset.folder), dataset.train, dataset.labels, dataset.test]))
    paths = [*map(dataset.train_path, dataset.train), *map(dataset.test_path, dataset.test)]
    for path in paths:
        status = path.stat()
        digest.update(f"{status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
