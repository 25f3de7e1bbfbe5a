"""Bring a photo to a size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Photos are spread over threads and processes already. Threads of OpenCV's own would compete with
# them, and would not be there any more in a forked data worker.
cv2.setNumThreads(0)


def resized(photo: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return a photo of height x width pixels, its proportions not kept.

    A side that shrinks is averaged over areas, one that grows is interpolated linearly; OpenCV alone
    would average neither side of a photo that shrinks in one and grows in the other.
    """
    steps = (
        ((min(width, photo.shape[1]), min(height, photo.shape[0])), cv2.INTER_AREA),
        ((width, height), cv2.INTER_LINEAR),
    )
    for size, interpolation in steps:
        if size != photo.shape[1::-1]:
            photo = np.asarray(cv2.resize(photo, size, interpolation=interpolation), dtype=np.uint8)
    return photo
