"""A picture in the way that the terminal can show it: as pixels, as half blocks, or in words why not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.contract.errors import DataError
from whaletui.view.graphics import Graphics, Sharp

if TYPE_CHECKING:
    from whaletui.view.halfblocks import Rows

Picture = tuple["Rows", str, Sharp | None]
NO_PICTURES = "no pictures in this terminal"


def picture(
    path: Path | None,
    size: tuple[int, int],
    box: tuple[float, float, float, float] | None,
    way: Graphics,
    cell: tuple[int, int] | None,
) -> Picture:
    """Return a photo as the terminal can show it, or the words of why there is none.

    Args:
        path: of the photo; None: there is none.
        size: cells across and down that it may fill.
        box: drawn on it.
        way: what the terminal can show.
        cell: pixels of a cell across and down, where they are known.
    """
    if path is None:
        return [], "no photo", None
    if way == "off":
        return [], NO_PICTURES, None
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
