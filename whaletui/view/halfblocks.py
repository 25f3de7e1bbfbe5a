"""A picture as rows of half blocks: each cell two pixels, one over the other. Needs Pillow: import it late."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from engine.contract.errors import DataError

Pixel = tuple[int, int, int]
Rows = list[list[tuple[Pixel, Pixel]]]

MOST_PIXELS = 60_000_000


BOX_COLOUR = (240, 166, 60)
"""Of a box drawn on a photo: orange, which sea and flukes are not."""


def half_blocks(path: Path, width: int, height: int, box: tuple[float, float, float, float] | None = None) -> Rows:
    """Return a photo scaled into `width` x `height` cells, its shape kept: rows of (upper, lower) RGB pixels.

    A cell is about twice as tall as wide, so a pixel of half a cell is square. A box (top, left, bottom, right in
    pixels of the photo) is drawn on it as a line.

    Raises:
        DataError: the file is missing or no picture, or is too large to show.
    """
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise DataError(f"{path.name} has {opened.width} x {opened.height} pixels", "too many to show here")
            before = opened.width
            opened.draft("RGB", (width * 2, height * 4))  # a JPEG is decoded small
            shrunk = opened.width / before
            photo = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise DataError(f"{path.name} cannot be shown: {error}") from error
    scale = min(width / photo.width, height * 2 / photo.height)
    wide, tall = max(round(photo.width * scale), 1), max(round(photo.height * scale / 2) * 2, 2)
    small = photo.resize((wide, tall), Image.Resampling.BILINEAR)
    if box is not None:
        _draw_box(small, box, wide / photo.width * shrunk, tall / photo.height * shrunk)
    data = small.tobytes()
    pixels = [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]
    return [
        list(zip(pixels[row * wide : (row + 1) * wide], pixels[(row + 1) * wide : (row + 2) * wide], strict=True))
        for row in range(0, tall, 2)
    ]


def _draw_box(photo: Image.Image, box: tuple[float, float, float, float], across: float, down: float) -> None:
    """Draw a box on a photo that was scaled by `across` and `down`. In place."""
    top, left, bottom, right = box
    corners = (
        min(round(left * across), photo.width - 1), min(round(top * down), photo.height - 1),
        max(round(right * across) - 1, 0), max(round(bottom * down) - 1, 0),
    )  # fmt: skip
    if corners[0] <= corners[2] and corners[1] <= corners[3]:
        ImageDraw.Draw(photo).rectangle(corners, outline=BOX_COLOUR)
