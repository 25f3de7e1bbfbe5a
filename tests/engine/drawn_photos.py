"""Photos and tables drawn on the spot, for all tests of the engine."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def drawn(seed: int, height: int = 32, width: int = 48) -> NDArray[np.uint8]:
    """Return a (height, width, 3) photo of soft coloured patches, another one for each seed."""
    patches = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def write_table(path: Path, rows: Iterable[tuple[str, ...]], header: tuple[str, ...] = ("Image", "Id")) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
