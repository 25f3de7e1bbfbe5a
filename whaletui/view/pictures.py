"""A photo as this terminal can show it: pixels where it draws them, else half blocks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.contract.errors import DataError
from whaletui.view.graphics import Graphics, Sharp

if TYPE_CHECKING:
    from whaletui.view.halfblocks import Rows
    from whaletui.view.neighbours import Box

Picture = tuple["Rows", str, Sharp | None]


def picture_of(
    path: Path | None, size: tuple[int, int], box: Box | None, way: Graphics, cell: tuple[int, int] | None
) -> Picture:
    """Return a photo as the terminal can show it, or the words of why there is none."""
    if path is None:
        return [], "no photo", None
    if way == "off":
        return [], "no pictures in this terminal", None
    try:
        if way == "kitty":
            from whaletui.view.pixels import kitty_picture

            return [], "", kitty_picture(path, *size, box)
        if way == "sixel" and cell is not None:
            from whaletui.view.pixels import sixel_picture

            return [], "", sixel_picture(path, *size, cell, box)
        from whaletui.view.halfblocks import half_blocks

        return half_blocks(path, *size, box), "", None
    except DataError as error:
        return [], str(error), None
