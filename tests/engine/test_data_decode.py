"""Photos of every kind become upright RGB; files that are none are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.contract.errors import DataError
from engine.data.decode import decode

HEIGHT, WIDTH = 6, 8
GREY = np.linspace(0, 255, HEIGHT * WIDTH).astype(np.uint8).reshape(HEIGHT, WIDTH)
COLOUR = np.stack([GREY, 255 - GREY, GREY // 2], axis=2)
WIDE = GREY.astype(np.uint16) * 257  # the same greys in 16 bits


def rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.stack([grey] * 3, axis=2)


def half_seen() -> Image.Image:
    alpha = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    alpha[:3] = 255
    return Image.fromarray(np.dstack([COLOUR, alpha]))


LAID_ON_WHITE = np.where(np.arange(HEIGHT)[:, None, None] < 3, COLOUR, np.uint8(255))

KINDS: dict[str, tuple[str, Callable[[], Image.Image], NDArray[np.uint8]]] = {
    "colour": ("x.png", lambda: Image.fromarray(COLOUR), COLOUR),
    "grey": ("x.png", lambda: Image.fromarray(GREY), rgb(GREY)),
    "black and white": ("x.png", lambda: Image.fromarray(GREY > 99), rgb(((GREY > 99) * 255).astype(np.uint8))),
    "palette": ("x.gif", lambda: Image.fromarray(GREY).convert("P"), rgb(GREY)),
    "16-bit grey": ("x.png", lambda: Image.fromarray(WIDE), rgb(GREY)),
    "16-bit grey, big-endian": ("x.tif", lambda: Image.fromarray(WIDE.astype(">u2")), rgb(GREY)),
    "32-bit grey": ("x.tif", lambda: Image.fromarray(WIDE.astype(np.int32) * 1000), rgb(GREY)),
    "float": ("x.tif", lambda: Image.fromarray(GREY.astype(np.float32) / 255), rgb(GREY)),
    "see-through": ("x.png", half_seen, LAID_ON_WHITE),
    "see-through grey": ("x.png", lambda: Image.fromarray(np.dstack([GREY, GREY * 0 + 255]), "LA"), rgb(GREY)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_becomes_rgb(kind: str, tmp_path: Path) -> None:
    name, made, expected = KINDS[kind]
    made().save(tmp_path / name)
    pixels = decode(tmp_path / name)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels.astype(int), expected, atol=1)


def test_cmyk_jpeg_keeps_its_colours(tmp_path: Path) -> None:
    soft = np.asarray(Image.fromarray(COLOUR).resize((64, 48)))
    Image.fromarray(soft).convert("CMYK").save(tmp_path / "x.jpg", quality=98)
    with Image.open(tmp_path / "x.jpg") as image:
        assert image.mode == "CMYK"
    assert np.abs(decode(tmp_path / "x.jpg").astype(int) - soft).mean() < 4


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [(1, COLOUR), (2, COLOUR[:, ::-1]), (3, COLOUR[::-1, ::-1]), (6, np.rot90(COLOUR, -1)), (8, np.rot90(COLOUR))],
)
def test_the_exif_tag_turns_the_photo(orientation: int, upright: NDArray[np.uint8], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOUR).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(decode(tmp_path / "x.png"), upright)


def test_an_animation_gives_its_first_picture(tmp_path: Path) -> None:
    pictures = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    pictures[0].save(tmp_path / "x.gif", save_all=True, append_images=pictures[1:])
    np.testing.assert_array_equal(decode(tmp_path / "x.gif"), rgb(GREY))


def _absent(path: Path) -> None:
    path.unlink(missing_ok=True)


def _text(path: Path) -> None:
    path.write_text("no photo")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut_short(path: Path) -> None:
    Image.fromarray(COLOUR).resize((200, 200)).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:900])


def _cut_png(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:4000])


def _broken_png(path: Path) -> None:
    Image.fromarray(COLOUR).save(path, "PNG")
    whole = bytearray(path.read_bytes())
    whole[20] ^= 0xFF  # the width: its checksum does not fit any more
    path.write_bytes(bytes(whole))


@pytest.mark.parametrize("spoil", [_absent, _text, _empty, _cut_short, _cut_png, _broken_png])
def test_what_is_no_whole_photo_is_refused_by_name(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "whale.jpg"
    spoil(path)
    with pytest.raises(DataError, match=r"the photo .*whale\.jpg cannot be read: \w"):
        decode(path)


def test_a_photo_made_to_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", HEIGHT * WIDTH // 2 - 1)
    with pytest.raises(DataError, match=r"x\.png cannot be read"):
        decode(tmp_path / "x.png")
