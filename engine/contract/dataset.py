"""Kaggle-shaped data: `train.csv`, `train/`, `test/`, `sample_submission.csv`, checked on entry.

Standard library only, so that a terminal program can refuse bad tables before anything is queued.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import msgspec

from engine.contract.errors import DataError

NEW_WHALE = "new_whale"


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of a data folder. Photos are file names, sorted as the tables list them."""

    folder: Path
    train: tuple[str, ...]
    labels: tuple[str, ...]  # of each training photo
    test: tuple[str, ...]  # in the order of sample_submission.csv
    header: tuple[str, str]  # of the sample submission

    @property
    def classes(self) -> tuple[str, ...]:
        """Every label, sorted, with `new_whale` among them: the class list of all runs on these data."""
        return tuple(sorted({*self.labels, NEW_WHALE}))

    def train_path(self, photo: str) -> Path:
        """Return where a training photo lies."""
        return self.folder / "train" / photo

    def test_path(self, photo: str) -> Path:
        """Return where a test photo lies."""
        return self.folder / "test" / photo

    def common_labels(self, count: int) -> list[str]:
        """Return the labels with most training photos, `new_whale` left out; ties by name."""
        counts = Counter(label for label in self.labels if label != NEW_WHALE)
        return sorted(counts, key=lambda label: (-counts[label], label))[:count]


def read_dataset(folder: Path) -> Dataset:
    """Read and check the tables of a data folder, and that each named photo is there and not empty.

    Raises:
        DataError: a file or folder is missing, a table has other columns, a photo is named twice,
            has no label, is absent or has no bytes; names the file and line.
    """
    folder = Path(folder).expanduser().resolve()
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}", "name the folder that holds train.csv and train/")
    train_rows = read_table(folder / "train.csv", ("Image", "Id"))
    sample_rows = read_table(folder / "sample_submission.csv", ("Image", "Id"))
    _refuse_missing(folder / "train", "train.csv", train_rows)
    _refuse_missing(folder / "test", "sample_submission.csv", sample_rows)
    labels = [label for _, _, label in train_rows]
    for line, photo, label in train_rows:
        if not label or " " in label:
            raise DataError(
                f"train.csv line {line}: {photo} has the label {label!r}", "a label is one word without spaces"
            )
    if len(set(labels)) < 2:
        raise DataError("train.csv holds a single label", "telling whales apart needs two or more")
    return Dataset(
        folder=folder, train=tuple(photo for _, photo, _ in train_rows), labels=tuple(labels),
        test=tuple(photo for _, photo, _ in sample_rows), header=("Image", "Id"),
    )  # fmt: skip


def read_table(path: Path, columns: tuple[str, str]) -> list[tuple[int, str, str]]:
    """Return (line, photo, value) of each row of a two-column CSV file; raises `DataError` naming the line."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except FileNotFoundError:
        raise DataError(f"{path} is missing", f"it has the columns {','.join(columns)}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}", "it is a CSV file in UTF-8") from error
    if not rows or tuple(cell.strip() for cell in rows[0]) != columns:
        seen = ",".join(rows[0]) if rows else "nothing"
        raise DataError(f"{path.name} line 1 has the columns {seen[:100]}", f"they must read {','.join(columns)}")
    return _checked_rows(path, rows)


def _checked_rows(path: Path, rows: list[list[str]]) -> list[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = []
    first_line: dict[str, int] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != 2 or not row[0].strip():
            raise DataError(
                f"{path.name} line {line} holds {len(row)} values: {','.join(row)[:100]}",
                "it must hold a photo and an id",
            )
        photo = row[0].strip()
        if "/" in photo or "\\" in photo or photo in (".", ".."):
            raise DataError(
                f"{path.name} line {line}: {photo[:100]!r} is not a plain file name",
                "photos lie in train/ and test/ themselves",
            )
        if photo in first_line:
            raise DataError(
                f"{path.name} line {line} names {photo} again, after line {first_line[photo]}", "name each photo once"
            )
        first_line[photo] = line
        found.append((line, photo, row[1].strip()))
    if not found:
        raise DataError(f"{path.name} names no photo", "a data set needs training and test photos")
    return found


def _refuse_missing(folder: Path, table: str, rows: list[tuple[int, str, str]]) -> None:
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}", f"the photos of {table} lie in it")
    sizes = {entry.name: entry.stat().st_size for entry in folder.iterdir() if entry.is_file()}
    if not sizes:
        raise DataError(f"{folder} is empty", f"the photos of {table} lie in it")
    absent = [(line, photo) for line, photo, _ in rows if photo not in sizes]
    if absent:
        line, photo = absent[0]
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise DataError(
            f"{table} line {line} names {photo}{more}, which {folder} does not hold",
            "bring the photo or take the line out",
        )
    empty = [(line, photo) for line, photo, _ in rows if sizes[photo] == 0]
    if empty:
        line, photo = empty[0]
        more = f" and {len(empty) - 1} more have" if len(empty) > 1 else " has"
        raise DataError(f"{folder / photo} ({table} line {line}){more} no bytes", "copy the photos again")
