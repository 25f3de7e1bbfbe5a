"""How large a photo is, from its first bytes alone."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from engine.contract.errors import DataError

ORIENTATION = 0x0112
LYING = (5, 6, 7, 8)
"""Values of EXIF's orientation tag with which height and width change places when the photo is turned upright."""


def photo_size(path: Path) -> tuple[int, int]:
    """Return height and width of the upright photo in pixels, without decoding it.

    Raises:
        DataError: the file is absent or no photo.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION, 1) in LYING
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"the photo {path} cannot be read: {error}", "replace it, or take its line out") from error
    return (width, height) if turned else (height, width)
