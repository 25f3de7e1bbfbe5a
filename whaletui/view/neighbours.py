"""The training photo that stands for each guessed whale: the nearest by embedding, else the first of its photos.

Needs numpy: import it late.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.errors import DataError, RunFolderError
from engine.contract.predictions import Photos
from engine.contract.rundir import read_json
from whaletui.view.looked import Looked

Box = tuple[float, float, float, float]


class Neighbour(msgspec.Struct, frozen=True):
    """A guessed whale: the training photo that stands for it ("" of none), how many there are, how near it is."""

    photo: str
    count: int
    similarity: float | None = None  # cosine, -1 to 1


class Neighbours:
    """Finds photos of guessed whales among the training photos.

    Args:
        data_folder: holds `train.csv`.
        held_back: validation photos, which stand for no whale.
        embeddings: folder with embeddings of validation photos and of the gallery, or None.

    Raises:
        DataError: the table of training photos cannot be read.
        RunFolderError: the embeddings are damaged.
    """

    def __init__(self, data_folder: Path, held_back: Collection[str], embeddings: Path | None) -> None:
        self._photos: dict[str, list[str]] = defaultdict(list)
        for photo, label in _table(data_folder / "train.csv", "Image", "Id"):
            if photo not in held_back:
                self._photos[label].append(photo)
        self._gallery: tuple[dict[str, int], NDArray[np.float32]] | None = None
        if embeddings is not None and (embeddings / "gallery.json").exists():
            self._queries, self._gallery = _read(embeddings, "valid"), _read(embeddings, "gallery")

    def of(self, looked: Looked) -> list[Neighbour]:
        """Return a photo for each guess."""
        return [self._nearest(looked.photo, self._photos.get(guess.whale, [])) for guess in looked.guesses]

    def _nearest(self, query: str, photos: list[str]) -> Neighbour:
        if self._gallery is not None and query in self._queries[0]:
            places, known = self._gallery
            rows = [places[photo] for photo in photos if photo in places]
            if rows:
                similarity = known[rows] @ self._queries[1][self._queries[0][query]]
                best = int(similarity.argmax())
                photo = next(name for name in photos if places.get(name) == rows[best])
                return Neighbour(photo, len(photos), float(similarity[best]))
        return Neighbour(photos[0] if photos else "", len(photos))


def read_boxes(table: Path) -> dict[str, Box]:
    """Return top, left, bottom and right of each photo in a table of boxes.

    Raises:
        DataError: the table cannot be read.
    """
    boxes: dict[str, Box] = {}
    for photo, text in _table(table, "fn", "bbox"):
        try:
            y0, x0, y1, x1 = map(float, text.replace(",", " ").strip("[]() ").split())
        except ValueError as error:
            raise DataError(f"{table.name}: the box of {photo} reads {text[:60]!r}", "it holds four numbers") from error
        boxes[photo] = (min(y0, y1), min(x0, x1), max(y0, y1), max(x0, x1))  # one known box has its corners swapped
    return boxes


def _table(path: Path, name: str, value: str) -> list[tuple[str, str]]:
    """Return two columns of a CSV or TSV file."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            tabs = "\t" in file.readline()
            file.seek(0)
            return [(row[name], row[value]) for row in csv.DictReader(file, delimiter="\t" if tabs else ",")]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read: {error}", f"it has the columns {name} and {value}") from error


def _read(folder: Path, part: str) -> tuple[dict[str, int], NDArray[np.float32]]:
    """Return the places of photos and their embeddings (photos, width), each of length 1."""
    photos = read_json(folder / f"{part}.json", Photos)
    try:
        rows = np.load(folder / f"{part}.npy", allow_pickle=False).astype(np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise RunFolderError(f"{folder / part}.npy cannot be read: {error}") from error
    if photos is None or rows.ndim != 2 or len(photos.names) != len(rows):
        raise RunFolderError(f"{folder / part}.npy holds {rows.shape}, which is not what {part}.json names")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return {name: row for row, name in enumerate(photos.names)}, rows / np.maximum(lengths, 1e-12)
