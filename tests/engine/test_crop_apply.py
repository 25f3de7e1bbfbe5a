"""Cutting photos to boxes, checked on a photo whose pixels tell where they are."""

from __future__ import annotations

import numpy as np
import pytest

from engine.crop.apply import Box, cut

ROWS, COLUMNS = np.mgrid[0:10, 0:20]
PHOTO = np.stack([ROWS, COLUMNS, ROWS * 20 + COLUMNS], axis=2).astype(np.uint8)


def edges(piece: np.ndarray) -> tuple[int, int, int, int]:
    """Return top, left, bottom, right of a piece, as its own pixels tell them."""
    return (int(piece[0, 0, 0]), int(piece[0, 0, 1]), int(piece[-1, -1, 0]) + 1, int(piece[-1, -1, 1]) + 1)


@pytest.mark.parametrize(
    ("box", "margin", "expected"),
    [
        (Box(2, 4, 6, 14), 0.0, (2, 4, 6, 14)),
        (Box(0, 0, 10, 20), 0.0, (0, 0, 10, 20)),
        (Box(2, 4, 6, 14), 0.25, (1, 1, 7, 17)),  # 4 high: 1 more each way; 10 wide: 2.5, outwards 3
        (Box(2.4, 4.6, 5.2, 13.1), 0.0, (2, 4, 6, 14)),
        (Box(-5, -7, 6, 14), 0.0, (0, 0, 6, 14)),
        (Box(5, 10, 50, 70), 0.0, (5, 10, 10, 20)),
        (Box(0, 0, 10, 20), 1.0, (0, 0, 10, 20)),
        (Box(10, 0, 14, 20), 0.5, (8, 0, 10, 20)),  # below the photo, but its margin is not
        (Box(3, 5, 3.1, 5.1), 0.0, (3, 5, 4, 6)),
    ],
)
def test_a_box_is_widened_rounded_outwards_and_clipped(box: Box, margin: float, expected: tuple[int, ...]) -> None:
    piece = cut(PHOTO, box, margin)
    assert edges(piece) == expected
    assert piece.shape == (expected[2] - expected[0], expected[3] - expected[1], 3)


@pytest.mark.parametrize("box", [Box(10, 0, 12, 5), Box(0, 20, 5, 30), Box(-4, 0, -1, 5), Box(0, -9, 5, -3)])
def test_a_box_outside_of_the_photo_is_refused(box: Box) -> None:
    with pytest.raises(ValueError, match="lies outside of 10 x 20 pixels"):
        cut(PHOTO, box, margin=0.0)
