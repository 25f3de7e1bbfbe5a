"""From a data folder to the parts of a run: photos to train on, to validate with, to answer."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.contract.dataset import Dataset, read_dataset
from engine.contract.events import EventWriter, Phase, Warned
from engine.contract.extra import read_extra
from engine.contract.predictions import ClassList
from engine.contract.spec import RunSpec
from engine.crop.apply import Box
from engine.crop.boxes import find_table, photo_paths, read_boxes
from engine.data.duplicates import Fingerprints, duplicate_groups, nearest_duplicates
from engine.data.folds import CONTESTED, Split, group_classes, mended, split
from engine.data.images import Images, Source, read_photos

PROGRESS_SECONDS = 1.0
"""Between two events that tell how many photos were read."""


@dataclass(frozen=True)
class Part:
    """Some of the photos, row by row."""

    photos: tuple[str, ...]  # file names
    paths: tuple[Path, ...]
    images: Images
    targets: NDArray[np.int64]  # class numbers, `new_whale` for a whale that does not train; test: empty

    def __len__(self) -> int:
        return len(self.photos)


@dataclass(frozen=True)
class Tables:
    """The parts of one run on one fold. Duplicates are rows of `train`, the closest one, or -1.

    No validation photo duplicates a training photo, since folds are made so; test photos do.
    """

    classes: ClassList
    train: Part
    valid: Part
    test: Part | None
    duplicate_of_valid: NDArray[np.int64]
    duplicate_of_test: NDArray[np.int64]  # empty where there is no test part
    copies: dict[str, str]  # test photos that copy any photo of train.csv, with its label

    @property
    def photos_of(self) -> NDArray[np.int64]:
        """How many training photos each class has, (classes,)."""
        return np.bincount(self.train.targets, minlength=len(self.classes.names))


def load_tables(spec: RunSpec, events: EventWriter, clock: Callable[[], float] = time.monotonic) -> Tables:
    """Read the tables and every photo of a run's data, and part them as its fold says.

    Args:
        spec: what is read and how; `data.folder` is filled in.
        events: told how many photos are read, and what a person should know of the data.
        clock: seconds; paces the telling.

    Raises:
        DataError: a table, photo or box cannot be used, or there are too few photos for the folds.
    """
    dataset = read_dataset(Path(spec.data.folder))
    extra = read_extra(spec.data, dataset)
    tested = dataset.test if spec.prediction.test else tuple(photo for photo, _ in extra)
    sources = _sources(spec, dataset, tested, events)
    margin = spec.crop.margin if spec.crop.enabled else 0.0
    progress = _Progress(events, "reading photos", clock)
    images, prints = read_photos(sources, spec.image.height, spec.image.width, margin, progress)

    classes = ClassList(dataset.classes)
    numbers = {label: number for number, label in enumerate(classes.names)}
    targets = np.array([numbers[label] for label in dataset.labels], dtype=np.int64)
    count = len(dataset.train)
    groups = duplicate_groups(prints.take(slice(0, count)))
    _warn_contradictions(targets, groups, events)
    sides = split(targets, groups, classes.new_class, spec.data)
    _warn_shortage(int((sides.truth == classes.new_class).sum()), sides.new_wanted, events)

    if spec.data.mend_labels:
        targets = mended(targets, groups, classes.new_class)
    names = (*dataset.train, *tested)
    test_rows = np.arange(count, count + len(tested))
    extra_rows, extra_targets = _extra(extra, names, numbers, prints, sides, targets, events)
    train = _part(
        names, images, np.concatenate([sides.train, extra_rows]),
        np.concatenate([targets[sides.train], extra_targets]),
    )  # fmt: skip
    valid = _part(dataset.train, images, sides.valid, sides.truth)
    test = _part(names, images, test_rows, np.empty(0, dtype=np.int64)) if spec.prediction.test else None
    answered = test_rows if spec.prediction.test else test_rows[:0]
    gallery = prints.take(sides.train)
    return Tables(
        classes, train, valid, test,
        duplicate_of_valid=nearest_duplicates(prints.take(sides.valid), gallery),
        duplicate_of_test=nearest_duplicates(prints.take(answered), gallery),
        copies=_copies(prints, answered, names, groups, group_classes(targets, groups, classes.new_class), classes),
    )  # fmt: skip


def _extra(
    extra: Sequence[tuple[str, str]],
    names: Sequence[str],
    numbers: dict[str, int],
    prints: Fingerprints,
    sides: Split,
    targets: NDArray[np.int64],
    events: EventWriter,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and classes of extra training photos that tell nothing of the validation photos.

    Left out are copies of validation photos, and whales that train nowhere else: of those, validation photos are new.
    """
    if not extra:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    place = {name: row for row, name in enumerate(names) if row >= len(targets)}
    rows = np.array([place[photo] for photo, _ in extra], dtype=np.int64)
    classes = np.array([numbers[label] for _, label in extra], dtype=np.int64)
    copied = nearest_duplicates(prints.take(rows), prints.take(sides.valid)) >= 0
    kept = ~copied & np.isin(classes, targets[sides.train])
    told = f"{int(kept.sum())} test photos train with the labels of data.extra"
    if not kept.all():
        told += f"; {int((~kept).sum())} are left out, for they would tell of validation photos"
    events.write(Warned(message=told))
    return rows[kept], classes[kept]


def _copies(
    prints: Fingerprints,
    rows: NDArray[np.int64],
    names: Sequence[str],
    groups: NDArray[np.int64],
    class_of_group: NDArray[np.int64],
    classes: ClassList,
) -> dict[str, str]:
    """Return the label of each test photo that copies a training photo; where copies disagree on two whales, none."""
    nearest = nearest_duplicates(prints.take(rows), prints.take(slice(0, len(groups))))
    found = {}
    for row, original in zip(rows, nearest, strict=True):
        number = class_of_group[groups[original]] if original >= 0 else CONTESTED
        if number != CONTESTED:
            found[names[row]] = classes.names[number]
    return found


def _sources(spec: RunSpec, dataset: Dataset, tested: Sequence[str], events: EventWriter) -> list[Source]:
    """Return the training photos, then the test photos, each with its box if photos are cropped."""
    boxes: dict[str, Box] = {}
    if spec.crop.enabled:
        table = find_table(spec.crop.source, dataset.folder)
        # YOLO's files hold shares of a photo's sides; the sizes of 25,000 photos are read only where they are needed
        paths = photo_paths(dataset) if table.is_dir() else None
        boxes = read_boxes(table, (*dataset.train, *dataset.test), paths)
        photos = (*dataset.train, *tested)
        bare = sum(photo not in boxes for photo in photos)
        if bare:
            events.write(Warned(message=f"{bare} of {len(photos)} photos have no box and are used whole"))
    return [
        *(Source(dataset.train_path(photo), boxes.get(photo)) for photo in dataset.train),
        *(Source(dataset.test_path(photo), boxes.get(photo)) for photo in tested),
    ]


def _part(names: Sequence[str], images: Images, rows: NDArray[np.int64], targets: NDArray[np.int64]) -> Part:
    return Part(
        photos=tuple(names[row] for row in rows),
        paths=tuple(images.sources[row].path for row in rows),
        images=images.take(rows),
        targets=targets,
    )


def _warn_contradictions(targets: NDArray[np.int64], groups: NDArray[np.int64], events: EventWriter) -> None:
    """Tell of photos that carry two labels: the network is taught both, and one is wrong."""
    labels = np.unique(np.stack([groups, targets], axis=1), axis=0)  # each label of a group once
    contradictory = sum(count > 1 for count in Counter(labels[:, 0].tolist()).values())
    if contradictory:
        told = f"{contradictory} of the training photos that occur more than once carry two labels"
        events.write(Warned(message=f"{told}, such as a whale's and new_whale"))


def _warn_shortage(new: int, wanted: int, events: EventWriter) -> None:
    if new < wanted:
        events.write(
            Warned(message=f"validation has {new} photos of new whales where data.new_share asks for {wanted}")
        )


class _Progress:
    """Writes how far a phase is, at its start, its end, and now and then between."""

    def __init__(self, events: EventWriter, name: str, clock: Callable[[], float]) -> None:
        self._events, self._name, self._clock = events, name, clock
        self._told_at = -PROGRESS_SECONDS

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        if done == total or now - self._told_at >= PROGRESS_SECONDS:
            self._events.write(Phase(name=self._name, done=done, total=total))
            self._told_at = now
