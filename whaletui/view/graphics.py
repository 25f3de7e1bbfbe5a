"""What a terminal can show of a picture, told from its environment alone.

No question is sent to the terminal: inside tmux or over a slow link the answer would come late, and be typed as keys.
"""

from __future__ import annotations

import fcntl
import struct
import termios
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

Graphics = Literal["kitty", "sixel", "blocks", "off"]

VARIABLE = "WHALETUI_PICTURES"
"""Environment variable that says it for a terminal that is not known here."""

KITTY_TERMS = ("xterm-kitty", "xterm-ghostty")
KITTY_PROGRAMS = ("ghostty", "kitty")
SIXEL_TERMS = ("foot", "mlterm", "contour", "yaft")
SIXEL_PROGRAMS = ("WezTerm", "iTerm.app", "mintty")

_PLACEHOLDER = "\U0010eeee"
_MARKS = "".join(map(chr, (
    0x305, 0x30D, 0x30E, 0x310, 0x312, 0x33D, 0x33E, 0x33F, 0x346, 0x34A, 0x34B, 0x34C, 0x350, 0x351, 0x352, 0x357,
    0x35B, 0x363, 0x364, 0x365, 0x366, 0x367, 0x368, 0x369, 0x36A, 0x36B, 0x36C, 0x36D, 0x36E, 0x36F, 0x483, 0x484,
    0x485, 0x486, 0x487, 0x592, 0x593, 0x594, 0x595, 0x597, 0x598, 0x599, 0x59C, 0x59D, 0x59E, 0x59F, 0x5A0, 0x5A1,
    0x5A8, 0x5A9, 0x5AB, 0x5AC, 0x5AF, 0x5C4, 0x610, 0x611, 0x612, 0x613, 0x614, 0x615, 0x616, 0x617, 0x657, 0x658,
    0x659, 0x65A, 0x65B, 0x65D, 0x65E, 0x6D6, 0x6D7, 0x6D8, 0x6D9, 0x6DA, 0x6DB, 0x6DC, 0x6DF, 0x6E0, 0x6E1, 0x6E2,
    0x6E4, 0x6E7, 0x6E8, 0x6EB, 0x6EC,
)))  # fmt: skip
"""Combining marks that count rows and columns in Kitty's protocol: those of class 230 that compose with no letter."""

MOST_CELLS = len(_MARKS)
PIECE = 4096  # bytes of base64 in one escape sequence


class Sharp(msgspec.Struct, frozen=True):
    """A picture for a terminal that draws pixels: its number, its size in cells, and what sends it there.

    Of number 0 the terminal keeps nothing: it draws where the cursor stands, over cells that must be left alone.
    """

    number: int
    width: int
    height: int
    payload: str


def cell_pixels(handle: int) -> tuple[int, int] | None:
    """Return the width and height of a cell of a terminal in pixels, None where it does not tell its driver."""
    try:
        rows, columns, width, height = struct.unpack("HHHH", fcntl.ioctl(handle, termios.TIOCGWINSZ, bytes(8)))
    except OSError:
        return None  # no terminal
    return (width // columns, height // rows) if width and height and rows and columns else None


def graphics(environment: Mapping[str, str]) -> Graphics:
    """Return how pictures can be shown: as pixels (Kitty's protocol, or sixels), as half blocks, or not at all."""
    wanted = environment.get(VARIABLE, "")
    for known in get_args(Graphics):
        if wanted == known:
            return known  # type: ignore[no-any-return]
    term = environment.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        return "off"
    if "TMUX" in environment or "STY" in environment or term.startswith(("tmux", "screen")):
        return "blocks"  # whether they pass pixels on cannot be seen from inside
    exact = environment.get("COLORTERM", "") in ("truecolor", "24bit")  # a picture's number travels as a colour
    program = environment.get("TERM_PROGRAM", "")
    if exact and (term in KITTY_TERMS or program in KITTY_PROGRAMS or "KITTY_WINDOW_ID" in environment):
        return "kitty"
    return "sixel" if term.startswith(SIXEL_TERMS) or program in SIXEL_PROGRAMS else "blocks"


def kitty_payload(png: str, number: int, width: int, height: int) -> str:
    """Return the escape sequences that hand a picture over to be shown in `width` x `height` cells.

    Args:
        png: the file, in base64.
        number: by which the cells name it, 1 to 16,777,215.
        width: cells across, at most `MOST_CELLS`.
        height: cells down, at most `MOST_CELLS`.
    """
    pieces = [png[start : start + PIECE] for start in range(0, len(png), PIECE)] or [""]
    told = []
    for place, piece in enumerate(pieces):
        more = int(place < len(pieces) - 1)
        head = f"a=T,U=1,q=2,f=100,i={number},c={width},r={height},m={more}" if not place else f"q=2,m={more}"
        told.append(f"\x1b_G{head};{piece}\x1b\\")
    return "".join(told)


def kitty_row(row: int, width: int) -> str:
    """Return the cells of a row, which the terminal fills with the picture whose number is their colour."""
    return "".join(f"{_PLACEHOLDER}{_MARKS[row]}{_MARKS[column]}" for column in range(width))
