"""Boxes as YOLO keeps them: NAME.txt, a line "class centre-x centre-y width height" in shares of the photo's sides."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from engine.contract.errors import DataError, nearest
from engine.crop.apply import Box
from engine.crop.sizes import photo_size

NO_LABELS = ("classes.txt", "README.txt")
"""Files that labelling programs leave beside the boxes."""
FORM = "a line reads: class centre-x centre-y width height, in shares of the photo from 0 to 1"


def read_yolo_lines(
    folder: Path, photos: Sequence[str], paths: Mapping[str, Path] | None
) -> Iterator[tuple[str, str, Box]]:
    """Yield where a box stands, its photo, and the box in pixels; an empty file is a photo without a fluke.

    Args:
        folder: holds NAME.txt for NAME.jpg, in any depth of folders it does not look.
        photos: file names that may be named.
        paths: where they lie; their sizes turn shares into pixels.

    Raises:
        DataError: a file belongs to no photo or to two, cannot be read, or holds more than one line or a bad one.
    """
    by_stem: dict[str, list[str]] = defaultdict(list)
    for photo in photos:
        by_stem[Path(photo).stem].append(photo)
    for path in sorted(folder.glob("*.txt")):
        if path.name in NO_LABELS and path.stem not in by_stem:
            continue
        photo = _photo(path, by_stem)
        lines = [(number, line) for number, line in enumerate(_lines(path), start=1) if line.strip()]
        if len(lines) > 1:
            raise DataError(f"{path} line {lines[1][0]} names a second box of {photo}", "give each photo one box")
        for number, line in lines:
            where = f"{path} line {number}"
            if paths is None or photo not in paths:
                raise DataError(f"{where} holds shares, but it is not known where {photo} lies", "name the data folder")
            yield where, photo, _in_pixels(where, line, photo_size(paths[photo]))


def write_yolo_folder(folder: Path, boxes: Mapping[str, Box], paths: Mapping[str, Path]) -> int:
    """Write a file for each box, making the folder, and return how many; raises `DataError` as `photo_size` does."""
    folder.mkdir(parents=True, exist_ok=True)
    for photo, box in boxes.items():
        height, width = photo_size(paths[photo])
        shares = (
            (box.left + box.right) / 2 / width,
            (box.top + box.bottom) / 2 / height,
            (box.right - box.left) / width,
            (box.bottom - box.top) / height,
        )
        line = " ".join(("0", *(f"{share:.10g}" for share in shares)))
        (folder / f"{Path(photo).stem}.txt").write_text(line + "\n", encoding="utf-8")
    return len(boxes)


def _photo(path: Path, by_stem: Mapping[str, Sequence[str]]) -> str:
    found = by_stem.get(path.stem, ())
    if not found:
        hint = nearest(path.stem, by_stem) or "bring the photo or take the file out"
        raise DataError(f"{path} belongs to no photo of these data", hint)
    if len(found) > 1:
        raise DataError(f"{path} may belong to {found[0]} or {found[1]}", "keep these boxes in a table with fn,bbox")
    return found[0]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", FORM) from error


def _in_pixels(where: str, line: str, size: tuple[int, int]) -> Box:
    words = line.split()
    try:
        int(words[0])
        x, y, wide, tall = (float(word) for word in words[1:])
    except ValueError:
        raise DataError(f"{where} reads {line[:100]!r}", FORM) from None
    if not all(math.isfinite(share) for share in (x, y, wide, tall)) or max(abs(x), abs(y), wide, tall) > 2.0:
        raise DataError(f"{where} reads {line[:100]!r}", FORM)
    if wide <= 0.0 or tall <= 0.0:
        raise DataError(f"{where} reads {line[:100]!r}, a box without area", FORM)
    height, width = size
    return Box((y - tall / 2) * height, (x - wide / 2) * width, (y + tall / 2) * height, (x + wide / 2) * width)
