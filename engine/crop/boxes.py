"""Read tables of boxes: columns `fn` and `bbox`, a box being "top left bottom right" in pixels."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from engine.contract.errors import DataError, nearest
from engine.crop.apply import Box

COLUMNS = ("fn", "bbox")


def find_table(source: str, data_folder: Path) -> Path:
    """Return the table that `crop.source` names: a relative path counts from the data folder, then from here.

    Raises:
        DataError: neither place holds it.
    """
    path = Path(source).expanduser()
    places = [data_folder / path, Path.cwd() / path]  # joining an absolute path gives that path
    for place in places:
        if place.is_file():
            return place
    looked = " nor ".join(dict.fromkeys(str(place) for place in places))
    raise DataError(f"there is no table of boxes {looked}", "name it in crop.source, or set crop.enabled=false")


def read_boxes(path: Path, photos: Iterable[str]) -> dict[str, Box]:
    """Return the box of each photo that a table names.

    Args:
        path: a table with commas or tabs between its columns, told apart by its first line.
        photos: file names that may be named; one that occurs twice (in train/ and in test/) may not.

    Raises:
        DataError: the table cannot be read, has other columns, names an unknown photo or one twice, or
            holds a box that is not four finite ordered numbers; names the file and line.
    """
    rows = _read_rows(path)
    header = tuple(cell.strip() for cell in rows[0])
    if sorted(header) != sorted(COLUMNS):
        raise DataError(f"{path} line 1 has the columns {','.join(header)[:100]}", "they must read fn,bbox")
    known = Counter(photos)
    boxes: dict[str, Box] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != len(COLUMNS):
            raise DataError(f"{path} line {line} holds {len(row)} values", "it must hold a photo and its box")
        cells = dict(zip(header, row, strict=True))
        photo = cells["fn"].strip()
        if photo in boxes:
            raise DataError(f"{path} line {line} names {photo} again", "give each photo one box")
        _refuse_unknown(f"{path} line {line}", photo, known)
        boxes[photo] = _parse_box(f"{path} line {line}", cells["bbox"])
    return boxes


def _read_rows(path: Path) -> list[list[str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        separator = "\t" if lines and "\t" in lines[0] else ","
        rows = list(csv.reader(lines, delimiter=separator, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}", "it is a CSV or TSV file in UTF-8") from error
    if not rows:
        raise DataError(f"{path} is empty", "its first line reads fn,bbox")
    return rows


def _refuse_unknown(where: str, photo: str, known: Counter[str]) -> None:
    if photo not in known:
        raise DataError(
            f"{where} names {photo[:100]}, which is no photo of these data",
            nearest(photo, known) or "bring the photo or take the line out",
        )
    if known[photo] > 1:
        raise DataError(
            f"{where} names {photo}, but train/ and test/ both hold a photo of that name", "rename one of them"
        )


def _parse_box(where: str, text: str) -> Box:
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not all(math.isfinite(number) for number in numbers):
        raise DataError(f"{where} has the box {text[:100]!r}", "it must read: top left bottom right, in pixels")
    box = Box(*numbers)
    if box.top >= box.bottom or box.left >= box.right:
        raise DataError(
            f"{where} has the box {text[:100]!r}, whose top is not above its bottom or left not before its right",
            "swap the two",
        )
    return box
