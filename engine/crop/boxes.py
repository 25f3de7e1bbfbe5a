"""Read boxes around flukes, in any of the forms in which people keep them, each refused or mended line by line.

fn,bbox                 the talk's: a bbox is "top left bottom right" in pixels
fn,x0,y0,x1,y1          corners: left, top, right, bottom in pixels (the photo may be called Image as well)
a folder of NAME.txt    YOLO's: "class centre-x centre-y width height" in shares of the photo's sides

Tables have commas or tabs between their columns; a column `confidence`, as a detector writes it, may stand with them.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.contract.dataset import Dataset
from engine.contract.errors import DataError, nearest
from engine.crop.apply import Box
from engine.crop.sizes import photo_size

TALK = ("fn", "bbox")
CORNERS = ("x0", "y0", "x1", "y1")
NAMES = ("fn", "Image")
CONFIDENCE = "confidence"
WANTED = "they must read fn,bbox or fn,x0,y0,x1,y1"


@dataclass
class BoxTable:
    """The box of each photo that a table names, in the order of the table.

    `confidences` holds those that a detector gave; `mended` says, in words, what was put right while reading.
    """

    boxes: dict[str, Box] = field(default_factory=dict)
    confidences: dict[str, float] = field(default_factory=dict)
    mended: list[str] = field(default_factory=list)


def find_table(source: str, data_folder: Path) -> Path:
    """Return the table or folder that `crop.source` names: a relative path counts from the data folder, then from here.

    Raises:
        DataError: neither place holds it.
    """
    path = Path(source).expanduser()
    places = [data_folder / path, Path.cwd() / path]  # joining an absolute path gives that path
    for place in places:
        if place.is_file() or (source and place.is_dir()):
            return place
    looked = " nor ".join(dict.fromkeys(str(place) for place in places))
    raise DataError(f"there is no table of boxes {looked}", "name it in crop.source, or set crop.enabled=false")


def photo_paths(dataset: Dataset) -> dict[str, Path]:
    """Return where each photo lies, by its name; of a name that train/ and test/ share, the one in train/."""
    return {
        **{photo: dataset.test_path(photo) for photo in dataset.test},
        **{photo: dataset.train_path(photo) for photo in dataset.train},
    }


def read_boxes(path: Path, photos: Iterable[str], paths: Mapping[str, Path] | None = None) -> dict[str, Box]:
    """Return the box of each photo that a table names; see `read_table`, which says more."""
    return read_table(path, photos, paths).boxes


def read_table(
    path: Path, photos: Iterable[str], paths: Mapping[str, Path] | None = None, *, sort_corners: bool = False
) -> BoxTable:
    """Read boxes in any of the forms above.

    Args:
        path: a table, told apart by its first line, or a folder of YOLO's text files.
        photos: file names that may be named; one that occurs twice (in train/ and in test/) may not.
        paths: where photos lie. YOLO's shares need it; where it is given, boxes are also held against their
            photos: what reaches beyond one is cut off, and told.
        sort_corners: put a box with swapped edges right, and tell, instead of refusing it.

    Raises:
        DataError: the table cannot be read, has other columns, names an unknown photo or one twice, or
            holds a box that is not four finite ordered numbers or lies outside of its photo; names file and line.
    """
    reader = _Reader(Counter(photos), paths, sort_corners)
    if path.is_dir():
        from engine.crop.yolo_text import read_yolo_lines

        for where, photo, box in read_yolo_lines(path, list(reader.known), paths):
            reader.take(where, photo, box, f"{' '.join(f'{edge:g}' for edge in box)}")
    else:
        for where, photo, numbers, text, confidence in _read_lines(path):
            reader.take(where, photo, _box(where, numbers, text), text, confidence)
    if not reader.table.boxes:
        raise DataError(f"{path} holds no box", "it names photos, and a box for each")
    return reader.table


class _Reader:
    """Takes box after box, each checked against what is known of its photo."""

    def __init__(self, known: Counter[str], paths: Mapping[str, Path] | None, sort_corners: bool) -> None:
        self.known, self.table = known, BoxTable()
        self._paths, self._sort_corners = paths, sort_corners

    def take(self, where: str, photo: str, box: Box, text: str, confidence: float | None = None) -> None:
        """Keep a box, or refuse it by its line."""
        if photo in self.table.boxes:
            raise DataError(f"{where} names {photo} again", "give each photo one box")
        _refuse_unknown(where, photo, self.known)
        box = self._ordered(where, box, text)
        self.table.boxes[photo] = self._inside(where, photo, box, text)
        if confidence is not None:
            self.table.confidences[photo] = confidence

    def _ordered(self, where: str, box: Box, text: str) -> Box:
        if box.top < box.bottom and box.left < box.right:
            return box
        said = f"{where} has the box {text[:100]!r}, whose top is not above its bottom or left not before its right"
        box = Box(
            min(box.top, box.bottom), min(box.left, box.right), max(box.top, box.bottom), max(box.left, box.right)
        )
        if not self._sort_corners or box.top == box.bottom or box.left == box.right:
            raise DataError(said, "swap the two, or have --sort-corners do it")
        self.table.mended.append(f"{said}: they were swapped")
        return box

    def _inside(self, where: str, photo: str, box: Box, text: str) -> Box:
        if self._paths is None or photo not in self._paths:
            return box
        height, width = photo_size(self._paths[photo])
        inside = Box(max(0.0, box.top), max(0.0, box.left), min(height, box.bottom), min(width, box.right))
        if inside.top >= inside.bottom or inside.left >= inside.right:
            raise DataError(
                f"{where} has the box {text[:100]!r}, which lies outside of {photo}, {height} x {width} pixels",
                "mend the line or take it out; a box reads: top left bottom right",
            )
        if inside != box and max(abs(a - b) for a, b in zip(inside, box, strict=True)) > 0.01:
            said = f"{where} has the box {text[:100]!r}, which reaches beyond {photo}, {height} x {width} pixels"
            self.table.mended.append(f"{said}: the rest was cut off")
        return inside


def _read_lines(path: Path) -> Iterable[tuple[str, str, list[str], str, float | None]]:
    """Yield, for each line: where it is, its photo, four numbers in Box's order, them as written, confidence."""
    rows = _read_rows(path)
    header = tuple(cell.strip() for cell in rows[0])
    name, edges = _columns(path, header)
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        where = f"{path} line {line}"
        if len(row) != len(header):
            raise DataError(
                f"{where} holds {len(row)} values", f"it must hold {len(header)}, as line 1: {','.join(header)}"
            )
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        if edges == TALK[1:]:
            text = cells["bbox"]
            numbers = text.split()
        else:
            text = " ".join(cells[edge] for edge in CORNERS)
            numbers = [cells[edge] for edge in ("y0", "x0", "y1", "x1")]
        yield where, cells[name], numbers, text, _confidence(where, cells.get(CONFIDENCE))


def _columns(path: Path, header: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the column of the photo, and those of its box."""
    found = sorted(set(header) - {CONFIDENCE})
    for name in NAMES:
        for edges in (TALK[1:], CORNERS):
            if found == sorted((name, *edges)) and len(set(header)) == len(header):
                return name, edges
    raise DataError(f"{path} line 1 has the columns {','.join(header)[:100]}", WANTED)


def _confidence(where: str, text: str | None) -> float | None:
    if not text:  # no such column, or a box that a person drew
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise DataError(f"{where} has the confidence {text[:40]!r}", "it is a number from 0 to 1, or empty")
    return value


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


def _box(where: str, words: list[str], text: str) -> Box:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not all(math.isfinite(number) for number in numbers):
        raise DataError(f"{where} has the box {text[:100]!r}", "it must read: top left bottom right, in pixels")
    return Box(*numbers)
