"""Extra training rows: test photos with labels from elsewhere, such as the pseudo-labels of an ensemble.

A table with the columns Image,Id; beside it `NAME.json` may say who labelled, and on which fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.contract.dataset import NEW_WHALE, Dataset, read_table
from engine.contract.errors import DataError
from engine.contract.rundir import read_json
from engine.contract.spec import DataSpec


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """Who labelled, and the split whose validation photos the labellers never saw."""

    members: tuple[str, ...]
    blend: str
    weights: tuple[float, ...]
    confidence: float
    fold: int
    folds: int
    new_share: float
    split_seed: int


def extra_note(table: Path) -> Path:
    """Return the path of what is known about a table of extra rows."""
    return table.with_suffix(".json")


def table_text(rows: Sequence[tuple[str, str]]) -> bytes:
    """Return the bytes of a table of (photo, label)."""
    return ("Image,Id\n" + "".join(f"{photo},{label}\n" for photo, label in rows)).encode()


def read_extra(data: DataSpec, dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """Read and check the extra training rows of a spec, (test photo, label) each; none where it names no table.

    Raises:
        DataError: the table cannot be read; it names a photo that is no test photo, or a label that the training
            photos do not have; or it was labelled by runs that trained on this fold's validation photos.
    """
    if not data.extra:
        return ()
    path = Path(data.extra)
    _refuse_seen_fold(path, data)
    rows = read_table(path, ("Image", "Id"))
    tested, known = set(dataset.test), set(dataset.labels)
    for line, photo, label in rows:
        if photo not in tested:
            raise DataError(
                f"{path.name} line {line} names {photo}, which sample_submission.csv does not",
                "data.extra labels test photos",
            )
        if label not in known or label == NEW_WHALE:
            raise DataError(
                f"{path.name} line {line} labels {photo} with {label!r}",
                "extra rows carry the id of a whale that train.csv knows",
            )
    return tuple((photo, label) for _, photo, label in rows)


def _refuse_seen_fold(path: Path, data: DataSpec) -> None:
    note = read_json(extra_note(path), Labelled)
    if note is None:
        return  # labelled by hand: nobody saw anything
    ours = (data.fold, data.folds, data.new_share, data.split_seed)
    if ours != (note.fold, note.folds, note.new_share, note.split_seed):
        raise DataError(
            f"{path.name} was labelled by runs that trained on validation photos of this fold (data.fold {data.fold})",
            f"train with data.fold={note.fold}, data.folds={note.folds}, data.new_share={note.new_share:g}, "
            f"data.split_seed={note.split_seed}: those photos the labellers never saw",
        )
