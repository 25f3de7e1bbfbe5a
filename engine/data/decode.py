"""Open a photo of any kind as upright 8-bit RGB."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from engine.contract.errors import DataError

BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow's readers raise on files that are damaged, cut short, not images, or made to fill the memory."""


def decode(path: Path) -> NDArray[np.uint8]:
    """Return the (height, width, 3) RGB pixels of a photo, turned upright as its EXIF tag says.

    Grey, palette, CMYK and 16-bit photos are converted, see-through ones laid on white; of an
    animated one the first picture counts.

    Raises:
        DataError: the file is absent, damaged, cut short, not an image, or unreasonably large.
    """
    try:
        with Image.open(path) as image:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return np.asarray(_as_rgb(image))
    except BROKEN as error:
        told = "it is not there" if isinstance(error, FileNotFoundError) else str(error) or type(error).__name__
        raise DataError(f"the photo {path} cannot be read: {told}", "replace it, or take its line out") from error


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        image = _in_eight_bits(image)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Scale wide grey values: those of 16-bit files from their full range, others from darkest to lightest."""
    values = np.asarray(image, dtype=np.float64)
    low, high = (0.0, 65535.0) if image.mode.startswith("I;16") else (float(values.min()), float(values.max()))
    scaled = (values - low) * (255.0 / (high - low if high > low else 1.0))
    return Image.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))
