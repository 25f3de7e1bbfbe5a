"""Write drawn flukes as a data set in Kaggle's shape, with boxes, and with the answers laid aside."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.contract.dataset import NEW_WHALE
from engine.contract.errors import DataError
from engine.drawing.fluke import draw_fluke
from engine.drawing.noise import wave_tile
from engine.drawing.photo import Box, draw_photo
from engine.drawing.plan import Shot, plan_shots

PLAN, WHALE, PHOTO, WATER = range(4)
"""Random streams: each whale and each photo has its own, so that one more changes none of the others."""


def draw_dataset(
    folder: Path, whales: int = 60, photos: int = 500, seed: int = 0, size: tuple[int, int] = (320, 200)
) -> None:
    """Draw a data set: train/, test/, train.csv, sample_submission.csv, boxes.tsv, answers.csv.

    The same arguments give the same bytes on the same machine. `boxes.tsv` has the columns fn and
    bbox ("top left bottom right" in pixels) for training and test photos; `answers.csv` (Image, Id)
    holds the truth of the test photos, which no run may read.

    Args:
        folder: new or empty; it appears whole or not at all.
        whales: how many have a name.
        photos: training and test photos together.
        seed: another one draws other whales.
        size: width and height of every photo in pixels.

    Raises:
        DataError: the folder is not empty, or the numbers do not fit together.
    """
    folder = Path(folder).expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} is not an empty folder", "name another one, or empty it")
    if min(size) < 32:
        raise DataError(f"photos of {size[0]}x{size[1]} pixels show no fluke", "ask for 32 pixels or more")
    shots = plan_shots(np.random.default_rng([seed, PLAN]), whales, photos)
    unfinished = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        for part in ("train", "test"):
            (unfinished / part).mkdir(parents=True)
        boxes = _write_photos(unfinished, shots, seed, size)
        _write_tables(unfinished, shots, boxes)
        unfinished.replace(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _write_photos(folder: Path, shots: list[Shot], seed: int, size: tuple[int, int]) -> dict[str, Box]:
    """Draw every photo, whale by whale, and return the boxes."""
    tile = wave_tile(np.random.default_rng([seed, WATER]))
    number = {shot.photo: row for row, shot in enumerate(shots)}
    boxes: dict[str, Box] = {}
    ordered = sorted(shots, key=lambda shot: (shot.whale, bool(shot.source)))  # originals before their copies
    for whale, group in groupby(ordered, key=lambda shot: shot.whale):
        fluke = draw_fluke(np.random.default_rng([seed, WHALE, whale]))
        kept: dict[str, bytes] = {}
        for shot in group:
            if shot.source:
                kept[shot.photo] = _copied(kept[shot.source], shot.reencoded)
                boxes[shot.photo] = boxes[shot.source]
            else:
                random = np.random.default_rng([seed, PHOTO, number[shot.photo]])
                picture, boxes[shot.photo] = draw_photo(random, fluke, tile, size)
                kept[shot.photo] = _encoded(picture, int(random.integers(62, 96)))
            (folder / shot.part / shot.photo).write_bytes(kept[shot.photo])
    return boxes


def _encoded(picture: NDArray[np.uint8], quality: int) -> bytes:
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, "OpenCV always writes JPEG"
    return data.tobytes()


def _copied(jpeg: bytes, reencoded: bool) -> bytes:
    """Return the same bytes, or the same picture saved once more at another quality."""
    if not reencoded:
        return jpeg
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None, "it was encoded a moment ago"
    return _encoded(picture.astype(np.uint8), 80)


def _write_tables(folder: Path, shots: list[Shot], boxes: dict[str, Box]) -> None:
    by_name = sorted(shots, key=lambda shot: shot.photo)
    train = [shot for shot in by_name if shot.part == "train"]
    test = [shot for shot in by_name if shot.part == "test"]
    common = [label for label, _ in Counter(shot.label for shot in train if shot.label != NEW_WHALE).most_common(4)]
    constant = " ".join([NEW_WHALE, *common])
    _write_table(folder / "train.csv", ("Image", "Id"), ((shot.photo, shot.label) for shot in train))
    _write_table(folder / "sample_submission.csv", ("Image", "Id"), ((shot.photo, constant) for shot in test))
    _write_table(folder / "answers.csv", ("Image", "Id"), ((shot.photo, shot.label) for shot in test))
    rows = ((shot.photo, " ".join(map(str, boxes[shot.photo]))) for shot in by_name)
    _write_table(folder / "boxes.tsv", ("fn", "bbox"), rows, delimiter="\t")


def _write_table(path: Path, columns: tuple[str, str], rows: Iterable[tuple[str, str]], delimiter: str = ",") -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
