"""Cut photos to their boxes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Box(NamedTuple):
    """Where a fluke lies in the upright photo: edges in pixels from the top left corner."""

    top: float
    left: float
    bottom: float
    right: float


def cut(photo: NDArray[np.uint8], box: Box, margin: float) -> NDArray[np.uint8]:
    """Return the part of a photo within a box, as a view.

    Args:
        photo: (height, width, channels).
        box: may reach beyond the photo; what lies outside is left away.
        margin: widens each side of the box by this share of its length, since a clipped fluke costs
            more than some water around it. Edges between two pixels move outwards.

    Raises:
        ValueError: nothing of the box lies within the photo, even with its margin.
    """
    height, width = photo.shape[:2]
    above, beside = margin * (box.bottom - box.top), margin * (box.right - box.left)
    top, left = max(0, math.floor(box.top - above)), max(0, math.floor(box.left - beside))
    bottom, right = min(height, math.ceil(box.bottom + above)), min(width, math.ceil(box.right + beside))
    if top >= bottom or left >= right:
        raise ValueError(f"the box {' '.join(f'{edge:g}' for edge in box)} lies outside of {height} x {width} pixels")
    return photo[top:bottom, left:right]
