"""The scores that a run leaves behind: float16, photos x classes, readable without loading them whole.

predictions/valid.npy    (photos, classes) float16, NumPy's own format: memory-mappable, no pickle
predictions/valid.json   photo names in row order, the truth of each (validation only)
predictions/classes.json the class list in column order, and its digest
predictions/test_copies.json  test photos that copy a training photo, with that photo's label
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.dataset import NEW_WHALE
from engine.contract.errors import RunFolderError
from engine.contract.rundir import read_json, sync_folder, write_json

COPIES_FILE = "test_copies.json"


class ClassList(msgspec.Struct, frozen=True):
    """The ordered labels that scores are columns of."""

    names: tuple[str, ...]
    digest: str = ""

    def __post_init__(self) -> None:
        """Fill in the digest, or refuse one that does not belong to the names."""
        digest = hashlib.sha256("\n".join(self.names).encode()).hexdigest()
        if self.digest and self.digest != digest:
            raise ValueError(f"the digest {self.digest[:12]} is not that of the {len(self.names)} names")
        if not self.digest:
            msgspec.structs.force_setattr(self, "digest", digest)

    @property
    def new_class(self) -> int:
        """The column of `new_whale`, or -1."""
        return self.names.index(NEW_WHALE) if NEW_WHALE in self.names else -1


class Photos(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a scores table; `truth` is empty for test photos."""

    names: tuple[str, ...]
    truth: tuple[str, ...] = ()


class Predictions(msgspec.Struct, frozen=True, kw_only=True):
    """Scores with the names of their rows and columns. `scores` is memory-mapped, not read."""

    path: Path
    scores: np.memmap[tuple[int, int], np.dtype[np.float16]]
    photos: tuple[str, ...]
    truth: tuple[str, ...]
    classes: ClassList

    def rows(self, start: int, stop: int) -> NDArray[np.float32]:
        """Read some rows as float32. Read, not mapped: pages of a map would count as our memory."""
        columns = len(self.classes.names)
        count = max(0, min(stop, len(self.photos)) - start) * columns
        begin = self.scores.offset + start * columns * self.scores.itemsize
        block = np.fromfile(self.path, dtype=np.float16, count=count, offset=begin)
        return widened(block.reshape(-1, columns))

    def take(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """Read single rows, in the order asked for, as float32."""
        columns = len(self.classes.names)
        block = np.empty((len(rows), columns), dtype=np.float16)
        with open(self.path, "rb", buffering=0) as file:
            for place, row in enumerate(rows.tolist()):
                os.preadv(file.fileno(), [block[place].data], self.scores.offset + row * block.strides[0])
        return widened(block)

    def truth_numbers(self) -> NDArray[np.int64]:
        """Return the truth as class numbers; raises `RunFolderError` for a label outside the class list."""
        numbers = {name: number for number, name in enumerate(self.classes.names)}
        try:
            return np.array([numbers[label] for label in self.truth], dtype=np.int64)
        except KeyError as error:
            raise RunFolderError(f"the truth names {error.args[0]!r}, which is no class of the run") from error


def widened(scores: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return float16 scores as float32, each value exactly; five times as fast as NumPy's own cast.

    The bits of a half float, moved to the place they have in a float, are that number times 2^-112.
    """
    bits = scores.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= -0x70002000  # the sign came along into the bits above the exponent: keep the first of them
    wide: NDArray[np.float32] = bits.view(np.float32)
    wide *= np.float32(2.0**112)
    if wide.size and (wide.max() >= 65536.0 or wide.min() <= -65536.0):  # infinity and NaN have bits of their own
        return scores.astype(np.float32)
    return wide


def write_classes(folder: Path, classes: ClassList) -> None:
    """Write the class list, making the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "classes.json", classes)


class ScoreWriter:
    """Writes one part's scores row by row under a temporary name; whole only after `close`.

    Used as a context manager: an exception inside leaves nothing behind.
    """

    def __init__(self, folder: Path, part: str, photos: Photos, classes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._part, self._photos = folder, part, photos
        self._temporary = folder / f".{part}.partial.npy"
        shape = (len(photos.names), classes)
        self._table = np.lib.format.open_memmap(self._temporary, mode="w+", dtype=np.float16, shape=shape)
        self._row = 0

    def append(self, scores: NDArray[np.floating]) -> None:
        """Write the next rows; values beyond float16 are clipped to its range, NaN stays."""
        limit = float(np.finfo(np.float16).max)
        self._table[self._row : self._row + len(scores)] = np.clip(scores, -limit, limit).astype(np.float16)
        self._row += len(scores)

    def __enter__(self) -> ScoreWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._table.flush()
        del self._table
        if kind is not None or self._row != len(self._photos.names):
            self._temporary.unlink(missing_ok=True)
            if kind is None:
                raise RunFolderError(
                    f"{self._row} of {len(self._photos.names)} rows of {self._part} scores were written"
                )
            return
        self._temporary.replace(self._folder / f"{self._part}.npy")
        sync_folder(self._folder)
        write_json(self._folder / f"{self._part}.json", self._photos)


def read_predictions(folder: Path, part: str) -> Predictions:
    """Open the scores of "valid" or "test" without reading them.

    Raises:
        RunFolderError: a file is missing, damaged, cut short, or of another shape than its names.
    """
    classes = read_json(folder / "classes.json", ClassList)
    photos = read_json(folder / f"{part}.json", Photos)
    path = folder / f"{part}.npy"
    if classes is None or photos is None or not path.exists():
        raise RunFolderError(
            f"{folder} holds no {part} scores", "the run has not got that far, or its spec says prediction.test=false"
        )
    try:
        scores = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise RunFolderError(f"{path} is damaged: {error}", "train the run again, or leave it out") from error
    wanted = (len(photos.names), len(classes.names))
    if scores.shape != wanted or scores.dtype != np.float16:
        raise RunFolderError(
            f"{path} holds {scores.dtype} {scores.shape}, but its names say float16 {wanted}",
            "train the run again, or leave it out",
        )
    if photos.truth and len(photos.truth) != len(photos.names):
        raise RunFolderError(f"{folder / part}.json names {len(photos.names)} photos, but {len(photos.truth)} truths")
    return Predictions(path=path, scores=scores, photos=photos.names, truth=photos.truth, classes=classes)


def write_copies(folder: Path, label_of: dict[str, str]) -> None:
    """Note the test photos that copy a training photo, each with that photo's label."""
    write_json(folder / COPIES_FILE, label_of)


def read_copies(folder: Path) -> dict[str, str] | None:
    """Return the label of the training photo that each test photo copies, where it copies one; None: not noted."""
    return read_json(folder / COPIES_FILE, dict[str, str])
