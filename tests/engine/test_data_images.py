"""Photos are cut, resized and kept; on demand they are the same; bad ones are counted and named."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from drawn_photos import drawn
from numpy.typing import NDArray
from PIL import Image

from engine.contract.errors import DataError
from engine.crop.apply import Box
from engine.data.images import Images, Source, read_photos
from engine.data.memory import available_bytes
from engine.data.resize import resized


def sources(folder: Path, count: int = 4) -> list[Source]:
    """Write photos as PNG, so that their pixels come back as they are; the second one has a box."""
    found = []
    for seed in range(count):
        path = folder / f"photo{seed}.png"
        Image.fromarray(drawn(seed, 30 + seed, 50)).save(path)
        found.append(Source(path, Box(5, 10, 25, 40) if seed == 1 else None))
    return found


def read(found: list[Source], memory_bytes: int | None = None) -> Images:
    return read_photos(found, 16, 24, 0.0, memory_bytes=memory_bytes)[0]


def test_photos_are_cut_and_resized(tmp_path: Path) -> None:
    images = read(sources(tmp_path))
    assert len(images) == 4
    assert images[0].shape == (16, 24, 3)
    np.testing.assert_array_equal(images[0], resized(drawn(0, 30, 50), 16, 24))
    np.testing.assert_array_equal(images[1], resized(drawn(1, 31, 50)[5:25, 10:40], 16, 24))


def test_on_demand_gives_the_same_photos(tmp_path: Path) -> None:
    found = sources(tmp_path)
    kept, on_demand = read(found), read(found, memory_bytes=4 * 16 * 24 * 3 - 1)
    assert kept.pixels is not None
    assert on_demand.pixels is None
    for row in range(4):
        np.testing.assert_array_equal(kept[row], on_demand[row])


@pytest.mark.parametrize("memory_bytes", [0, 1 << 20])
def test_a_part_keeps_its_own_order(tmp_path: Path, memory_bytes: int) -> None:
    images = read(sources(tmp_path), memory_bytes=memory_bytes)
    part = images.take(np.array([3, 1]))
    assert len(part) == 2
    np.testing.assert_array_equal(part[0], images[3])
    np.testing.assert_array_equal(part.take(np.array([1]))[0], images[1])


def test_a_part_shares_the_pixels_of_the_whole(tmp_path: Path) -> None:
    images = read(sources(tmp_path))
    assert images.take(np.array([2])).pixels is images.pixels


def test_fingerprints_are_of_whole_photos_in_row_order(tmp_path: Path) -> None:
    _, prints = read_photos(sources(tmp_path), 16, 24, 0.0)
    assert prints.sizes.tolist() == [[30, 50], [31, 50], [32, 50], [33, 50]]


def test_progress_is_told_after_each_photo(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    read_photos(sources(tmp_path), 16, 24, 0.0, lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_reading_that_is_stopped_leaves_the_rest_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    def slow(path: Path) -> NDArray[np.uint8]:
        opened.append(path)
        time.sleep(0.01)
        return drawn(0)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.data.images.decode", slow)
    with pytest.raises(KeyboardInterrupt):
        read_photos([Source(tmp_path / "photo.png")] * 500, 16, 24, 0.0, stop)
    assert len(opened) < 250


def test_the_first_bad_photo_is_named_and_the_others_counted(tmp_path: Path) -> None:
    found = sources(tmp_path)
    found[1].path.write_bytes(b"no photo")
    found[3].path.unlink()
    with pytest.raises(DataError, match=r"photo1\.png cannot be read: .*; 1 more is refused too"):
        read(found)


def test_a_box_outside_of_its_photo_names_the_photo(tmp_path: Path) -> None:
    found = [Source(sources(tmp_path)[0].path, Box(100, 0, 120, 50))]
    with pytest.raises(DataError, match=r"photo0\.png: the box 100 0 120 50 lies outside of 30 x 50 pixels"):
        read(found)


def test_resizing_averages_what_shrinks_and_keeps_what_does_not() -> None:
    stripes = np.zeros((4, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 200  # every other column: anything but averaging would pick one of them
    assert (resized(stripes, 8, 16) == 100).all()  # wide to narrow while the height grows
    photo = drawn(0)
    np.testing.assert_array_equal(resized(photo, *photo.shape[:2]), photo)


def test_memory_is_the_machines_or_the_containers(tmp_path: Path) -> None:
    machine = tmp_path / "meminfo"
    machine.write_text("MemTotal:  9000 kB\nMemAvailable:    4000 kB\n")
    assert available_bytes(machine, tmp_path) == 4000 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert available_bytes(machine, tmp_path) == 4000 * 1024
    (tmp_path / "memory.max").write_text("5000\n")
    assert available_bytes(machine, tmp_path) == 4000
    (tmp_path / "memory.max").write_text("500\n")
    assert available_bytes(machine, tmp_path) == 0
