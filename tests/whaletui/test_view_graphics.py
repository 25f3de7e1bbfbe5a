"""Pictures by what the terminal can, told from the environment alone; Kitty's bytes are taken apart again."""

from __future__ import annotations

import base64
import fcntl
import io
import pty
import re
import struct
import termios
import unicodedata
from pathlib import Path

import pytest
from PIL import Image
from rich.cells import cell_len

from engine.contract.errors import DataError
from whaletui.view.graphics import _MARKS, MOST_CELLS, PIECE, cell_pixels, graphics, kitty_row
from whaletui.view.pixels import kitty_picture, sixel_picture, sixels

KITTY = {"TERM": "xterm-kitty", "COLORTERM": "truecolor"}


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"TERM": "dumb"}, "off"), ({}, "off"), ({"TERM": "xterm-256color"}, "blocks"), (KITTY, "kitty"),
        ({"TERM": "xterm-ghostty", "COLORTERM": "24bit"}, "kitty"), ({"TERM": "xterm-kitty"}, "blocks"),
        ({**KITTY, "TMUX": "/tmp/tmux-0/default,1,0"}, "blocks"), ({**KITTY, "TERM": "screen.xterm-kitty"}, "blocks"),
        ({"TERM": "foot"}, "sixel"), ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "sixel"),
        ({"TERM": "foot", "TMUX": "x"}, "blocks"), ({**KITTY, "STY": "1.pts"}, "blocks"),
        ({**KITTY, "WHALETUI_PICTURES": "blocks"}, "blocks"),
        ({"TERM": "xterm", "WHALETUI_PICTURES": "kitty"}, "kitty"), ({**KITTY, "WHALETUI_PICTURES": "off"}, "off"),
        ({**KITTY, "WHALETUI_PICTURES": "nonsense"}, "kitty"),
    ],
)  # fmt: skip
def test_the_environment_tells(environment: dict[str, str], way: str) -> None:
    assert graphics(environment) == way


def test_rows_and_columns_are_counted_by_marks_that_take_no_room() -> None:
    assert len(set(_MARKS)) == MOST_CELLS
    assert {unicodedata.combining(mark) for mark in _MARKS} == {230}
    row = kitty_row(2, 5)
    assert cell_len(row) == 5
    assert row[:3] == f"\U0010eeee{_MARKS[2]}{_MARKS[0]}"
    assert row[-1] == _MARKS[4]


def test_a_picture_is_sent_whole_in_pieces_and_keeps_its_shape(tmp_path: Path) -> None:
    Image.effect_noise((300, 150), 80).convert("RGB").save(tmp_path / "a.png")
    sharp = kitty_picture(tmp_path / "a.png", 30, 30, (10, 20, 100, 200))
    assert (sharp.width, sharp.height) == (30, 8)  # twice as wide as tall, in cells twice as tall as wide
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", sharp.payload)
    assert "".join(f"\x1b_G{head};{data}\x1b\\" for head, data in pieces) == sharp.payload
    assert [head.endswith("m=1") for head, _ in pieces] == [True] * (len(pieces) - 1) + [False]
    assert max(len(data) for _, data in pieces) <= PIECE
    assert {"U=1", "q=2", f"i={sharp.number}", "c=30", "r=8"} <= set(pieces[0][0].split(","))
    sent = Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in pieces))))
    assert sent.width == 2 * sent.height
    assert len(pieces) > 1


def drawn(sequence: str) -> Image.Image:
    """Draw a sixel sequence, as a terminal would."""
    head = re.match(r'\x1bPq"1;1;(\d+);(\d+)', sequence)
    assert head is not None
    picture = Image.new("RGB", (int(head[1]), int(head[2])), (1, 2, 3))
    colours: dict[int, tuple[int, ...]] = {}
    colour, x, top = 0, 0, 0
    for define, select, times, sixel, control in re.findall(
        r"#(\d+;2;\d+;\d+;\d+)|#(\d+)|(?:!(\d+))?([?-~])|([$-])", sequence[head.end() : -2]
    ):
        if define:
            number, _, *parts = map(int, define.split(";"))
            colours[number] = tuple(round(part * 2.55) for part in parts)
        elif select:
            colour = int(select)
        elif control:
            x, top = 0, top + 6 * (control == "-")
        for _ in range(int(times or 1) if sixel else 0):
            for bit in range(6):
                if (ord(sixel) - 63) >> bit & 1:
                    picture.putpixel((x, top + bit), colours[colour])
            x += 1
    return picture


def test_sixels_draw_the_picture_that_was_meant(tmp_path: Path) -> None:
    photo = Image.new("RGB", (40, 24), (200, 30, 90))
    photo.paste((10, 60, 250), (5, 4, 20, 15))
    photo.save(tmp_path / "a.png")
    sharp = sixel_picture(tmp_path / "a.png", 4, 2, (10, 12))
    assert (sharp.number, sharp.width, sharp.height) == (0, 4, 1)
    assert sharp.payload.startswith("\x1bPq")
    found = drawn(sixels(photo))
    assert found.size == photo.size
    worst = max(abs(a - b) for a, b in zip(found.tobytes(), photo.tobytes(), strict=True))
    assert worst <= 2  # sixel colours are told in hundredths


def test_the_pixels_of_a_cell_are_what_the_terminal_told_its_driver() -> None:
    master, other = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 1600, 900))
    assert cell_pixels(other) == (10, 20)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
    assert cell_pixels(other) is None
    with open("/dev/null") as nothing:
        assert cell_pixels(nothing.fileno()) is None


def test_a_file_that_is_no_picture_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"none")
    with pytest.raises(DataError, match=r"a\.png cannot be shown"):
        kitty_picture(tmp_path / "a.png", 10, 10)
