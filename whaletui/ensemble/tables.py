"""Scores tables of members: one run's, or the folds of one spec as one table; read block by block, joined by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.contract.predictions import ClassList, Predictions, read_predictions
from whaletui.ensemble.errors import EnsembleError

Part = Literal["valid", "test"]
Reader = Callable[[int, int], NDArray[np.float32]]
"""read(start, stop) -> (photos, classes) float32 that the caller may write to, in the order that was arranged."""


class Table(Protocol):
    """Scores with the names of their rows and columns. `truth` is empty for test photos."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def photos(self) -> tuple[str, ...]:
        """The rows."""

    @property
    def truth(self) -> tuple[str, ...]:
        """The label of each row."""

    @property
    def classes(self) -> ClassList:
        """The columns."""

    @property
    def joined(self) -> bool:
        """Whether it holds the validation photos of several folds."""

    def reader(self, photos: Sequence[str], classes: ClassList) -> Reader:
        """Return a reader of these photos and classes in this order; the table holds them all."""


class RunTable:
    """The scores that one run left behind."""

    joined = False

    def __init__(self, name: str, held: Predictions) -> None:
        self.name, self._held = name, held
        self.photos, self.truth, self.classes = held.photos, held.truth, held.classes

    @classmethod
    def open(cls, name: str, folder: Path, part: Part) -> RunTable:
        """Open a run's prediction folder; raises `RunFolderError` where its scores are missing or damaged."""
        return cls(name, read_predictions(folder, part))

    def reader(self, photos: Sequence[str], classes: ClassList) -> Reader:
        """Return a reader; rows that follow one another in the file are read in one piece."""
        wanted = tuple(photos)
        rows = None if wanted == self.photos else _places(self.photos, wanted)
        columns = None if classes.digest == self.classes.digest else _places(self.classes.names, classes.names)

        def read(start: int, stop: int) -> NDArray[np.float32]:
            block = self._held.rows(start, stop) if rows is None else self._held.take(rows[start:stop])
            if not np.isfinite(block.sum()):  # float32 sums of float16 scores cannot overflow by themselves
                row = int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
                raise EnsembleError(
                    f"{self.name} scores {wanted[start + row]} with a number that is none",
                    "leave the run out: its training diverged",
                )
            return block if columns is None else np.ascontiguousarray(block[:, columns])

        return read


class JoinedTable:
    """Runs of one spec on different folds as one table of all their validation photos, each scored out of fold."""

    joined = True

    def __init__(self, name: str, folds: Sequence[RunTable]) -> None:
        self.name, self._folds = name, folds
        refuse_other_classes(folds)
        self.classes = folds[0].classes
        self.photos = tuple(photo for fold in folds for photo in fold.photos)
        self.truth = tuple(label for fold in folds for label in fold.truth)
        if len(set(self.photos)) != len(self.photos):
            twice = next(photo for photo in folds[1].photos if self.photos.count(photo) > 1)
            raise EnsembleError(
                f"{twice} validates more than one fold of {name}",
                "folds of one spec share data.split_seed and no photo: leave one of them out",
            )

    def reader(self, photos: Sequence[str], classes: ClassList) -> Reader:
        """Return a reader that takes each photo from the fold which held it back."""
        fold_of = {photo: number for number, fold in enumerate(self._folds) for photo in fold.photos}
        held_by = np.array([fold_of[photo] for photo in photos])
        names = np.array(photos, dtype=object)
        readers = [fold.reader(names[held_by == number], classes) for number, fold in enumerate(self._folds)]
        within = np.empty(len(held_by), dtype=np.int64)
        for number in range(len(self._folds)):
            within[held_by == number] = np.arange((held_by == number).sum())

        def read(start: int, stop: int) -> NDArray[np.float32]:
            held, rows = held_by[start:stop], within[start:stop]
            block = np.empty((len(held), len(classes.names)), dtype=np.float32)
            for number, read_fold in enumerate(readers):
                mine = held == number
                if mine.any():  # rows of a fold follow one another within a block, for both are in photo order
                    block[mine] = read_fold(int(rows[mine][0]), int(rows[mine][-1]) + 1)
            return block

        return read


class AveragedTable:
    """The same photos scored by each fold's run of one spec: the mean of their scores, which are of one scale."""

    joined = False

    def __init__(self, name: str, folds: Sequence[RunTable]) -> None:
        self.name, self._folds = name, folds
        refuse_other_classes(folds)
        common_photos(folds)
        self.photos, self.truth, self.classes = folds[0].photos, folds[0].truth, folds[0].classes

    def reader(self, photos: Sequence[str], classes: ClassList) -> Reader:
        """Return a reader of the mean."""
        readers = [fold.reader(photos, classes) for fold in self._folds]

        def read(start: int, stop: int) -> NDArray[np.float32]:
            total = readers[0](start, stop)
            for reader in readers[1:]:
                total += reader(start, stop)
            total /= np.float32(len(readers))
            return total

        return read


def refuse_other_classes(tables: Sequence[Table]) -> None:
    """See that all tables have the same labels, in whatever order; raises `EnsembleError` with the difference."""
    first = tables[0]
    for table in tables[1:]:
        if table.classes.digest != first.classes.digest and set(table.classes.names) != set(first.classes.names):
            raise EnsembleError(
                f"{table.name} has other labels than {first.name}: "
                f"{_difference(first.classes.names, table.classes.names)}",
                "members of an ensemble are trained on the same table of labels",
            )


def common_photos(tables: Sequence[Table]) -> tuple[str, ...]:
    """Return the photos that every table holds.

    Members score the same photos, with one exception: folds that were joined hold those of other folds as well.

    Raises:
        EnsembleError: two tables differ in their photos otherwise, or in the truth of one; it is named.
    """
    base = next((table for table in tables if not table.joined), tables[0])
    common = set(base.photos)
    for table in tables:
        held = set(table.photos)
        if base.joined:
            common &= held
        if not common or (not common <= held if table.joined else held != common):
            one, other = (tables[0], table) if table is not tables[0] else (base, table)
            raise EnsembleError(
                f"{other.name} scored other photos than {one.name}: {_difference(one.photos, other.photos)}",
                "members of an ensemble share data.folder, data.fold, data.folds, data.new_share and data.split_seed",
            )
    photos = tuple(photo for photo in base.photos if photo in common)
    _refuse_other_truth(tables, base, photos)
    return photos


def truth_numbers(table: Table, photos: Sequence[str], classes: ClassList) -> NDArray[np.int64]:
    """Return the class number of each photo's truth; empty for test photos.

    Raises:
        EnsembleError: the truth names a label that is no class.
    """
    if not table.truth:
        return np.empty(0, dtype=np.int64)
    numbers = {name: number for number, name in enumerate(classes.names)}
    truth = dict(zip(table.photos, table.truth, strict=True))
    strange = next((truth[photo] for photo in photos if truth[photo] not in numbers), None)
    if strange is not None:
        raise EnsembleError(f"the truth names {strange!r}, which is no class of {table.name}", "train the run again")
    return np.array([numbers[truth[photo]] for photo in photos], dtype=np.int64)


def _refuse_other_truth(tables: Sequence[Table], base: Table, photos: Sequence[str]) -> None:
    if not base.truth:
        return
    expected = dict(zip(base.photos, base.truth, strict=True))
    for table in tables:
        told = dict(zip(table.photos, table.truth, strict=True)) if table.truth else {}
        wrong = next((photo for photo in photos if told.get(photo) != expected[photo]), None)
        if wrong is not None:
            raise EnsembleError(
                f"{table.name} and {base.name} hold different truths for the same photos: "
                f"{wrong} is {told.get(wrong)} and {expected[wrong]}",
                "train one of them again",
            )


def _places(names: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int64]:
    """Return where each wanted name stands."""
    number = {name: place for place, name in enumerate(names)}
    return np.array([number[name] for name in wanted], dtype=np.int64)


def _difference(ours: Sequence[str], theirs: Sequence[str]) -> str:
    """Say in a few words how two lists of names differ."""
    missing, extra = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
    told = []
    if missing:
        told.append(f"{len(missing)} missing, such as {missing[0]}")
    if extra:
        told.append(f"{len(extra)} more, such as {extra[0]}")
    return "; ".join(told) or "one of them names a photo twice"
