"""A photo fitted into the square that a detector looks at, and boxes on their way back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.crop.overlap import Edges
from engine.data.resize import resized

GREY = 114
"""What YOLO was taught to see around a photo."""


class Frame(NamedTuple):
    """Where a photo of height x width pixels lies in its square."""

    scale: float  # pixels of the square for one of the photo
    top: int
    left: int
    height: int
    width: int

    def back(self, boxes: Edges) -> Edges:
        """Return boxes (…, 4) of the square as boxes of the photo, cut off at its edges."""
        moved = (boxes - np.array([self.top, self.left, self.top, self.left])) / self.scale
        inside: Edges = np.clip(moved, 0.0, np.array([self.height, self.width, self.height, self.width]))
        return inside


def scaled(photo: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a photo whose longer side has `side` pixels, its shape kept."""
    scale = side / max(photo.shape[:2])
    return resized(photo, max(1, round(photo.shape[0] * scale)), max(1, round(photo.shape[1] * scale)))


def framed(photo: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], Frame]:
    """Return a (height, width, 3) photo in the middle of a grey square, and where it lies there."""
    small = scaled(photo, side)
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    square = np.full((side, side, 3), GREY, dtype=np.uint8)
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square, Frame(side / max(photo.shape[:2]), top, left, photo.shape[0], photo.shape[1])
