"""A photo as pixels for a terminal that draws them. Needs Pillow and numpy: import it late."""

from __future__ import annotations

import base64
import io
import re
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from engine.contract.errors import DataError
from whaletui.view.graphics import MOST_CELLS, Sharp, kitty_payload
from whaletui.view.halfblocks import BOX_COLOUR, MOST_PIXELS

CELL_PIXELS = (10, 20)
"""More than this of a cell most terminals do not have; the terminal scales what it is given."""
COLOURS = 128  # of a sixel picture; terminals hold 256
_REPEATED = re.compile(r"(.)\1{3,}", re.DOTALL)
_numbers = count(1)
NUMBERS = 240  # a terminal keeps so many pictures of ours; an older one gives way


Box = tuple[float, float, float, float]


def kitty_picture(path: Path, width: int, height: int, box: Box | None = None) -> Sharp:
    """Return a photo to be shown in at most `width` x `height` cells, its shape kept, a box drawn on it.

    Raises:
        DataError: the file is missing or no picture, or is too large to show.
    """
    photo, wide, tall = _fitted(path, min(width, MOST_CELLS), min(height, MOST_CELLS), CELL_PIXELS, box)
    file = io.BytesIO()
    photo.save(file, "PNG")
    number = next(_numbers) % NUMBERS + 1
    payload = kitty_payload(base64.standard_b64encode(file.getvalue()).decode("ascii"), number, wide, tall)
    return Sharp(number, wide, tall, payload)


def sixel_picture(path: Path, width: int, height: int, cell: tuple[int, int], box: Box | None = None) -> Sharp:
    """Return a photo as sixels that fill at most `width` x `height` cells of so many pixels.

    Raises:
        DataError: the file is missing or no picture, or is too large to show.
    """
    photo, wide, tall = _fitted(path, width, height, cell, box)
    exact = photo.resize((wide * cell[0], tall * cell[1] // 6 * 6))  # a band that is cut would scroll the screen
    return Sharp(0, wide, tall, sixels(exact))


def sixels(photo: Image.Image) -> str:
    """Return a picture as a DEC sixel sequence: bands of six rows, each colour of a band in turn."""
    flat = photo.quantize(COLOURS)
    palette, pixels = flat.getpalette() or [], np.asarray(flat)
    told = [f'\x1bPq"1;1;{photo.width};{photo.height}']
    for number in range(len(palette) // 3):
        red, green, blue = (round(value * 100 / 255) for value in palette[number * 3 : number * 3 + 3])
        told.append(f"#{number};2;{red};{green};{blue}")
    bits = 1 << np.arange(6)
    for top in range(0, photo.height, 6):
        band = pixels[top : top + 6]
        for number in np.unique(band):
            columns = ((band == number) * bits[: len(band), None]).sum(axis=0)
            text = "".join(map(chr, columns + 63))
            told.append(f"#{number}{re.sub(_REPEATED, _counted, text)}$")
        told.append("-")
    return "".join([*told, "\x1b\\"])


def _counted(match: re.Match[str]) -> str:
    return f"!{len(match[0])}{match[1]}"


def _fitted(
    path: Path, width: int, height: int, cell: tuple[int, int], box: Box | None
) -> tuple[Image.Image, int, int]:
    """Return a photo with its box, no larger than it need be, and the cells that keep its shape."""
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise DataError(f"{path.name} has {opened.width} x {opened.height} pixels", "too many to show here")
            photo = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise DataError(f"{path.name} cannot be shown: {error}") from error
    if box is not None and box[1] < box[3] and box[0] < box[2]:
        top, left, bottom, right = box
        line = max(photo.width // 150, 1)
        ImageDraw.Draw(photo).rectangle((left, top, right, bottom), outline=BOX_COLOUR, width=line)
    scale = min(width / photo.width, height * 2 / photo.height)
    wide, tall = max(round(photo.width * scale), 1), max(round(photo.height * scale / 2), 1)
    photo.thumbnail((wide * cell[0], tall * cell[1]))
    return photo, wide, tall
