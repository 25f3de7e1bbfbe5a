"""One photo saved twice is found; different, blank, and differently sized photos are kept apart."""

from __future__ import annotations

import io

import numpy as np
import pytest
from drawn_photos import drawn
from numpy.typing import NDArray
from PIL import Image

from engine.data import duplicates
from engine.data.duplicates import Fingerprints, duplicate_groups, fingerprint, nearest_duplicates

Photo = NDArray[np.uint8]


def saved(photo: Photo, quality: int) -> Photo:
    """Return a photo as a JPEG file of that quality gives it back."""
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def prints(*photos: Photo) -> Fingerprints:
    return Fingerprints.of([fingerprint(photo) for photo in photos])


def groups(*photos: Photo) -> list[int]:
    found: list[int] = duplicate_groups(prints(*photos)).tolist()
    return found


def test_copies_are_one_group_and_other_photos_their_own() -> None:
    first, second = drawn(1, 60, 90), drawn(2, 60, 90)
    found = groups(first, second, saved(first, 40), drawn(3, 60, 90), saved(second, 60), saved(first, 90))
    assert found == [0, 1, 0, 2, 1, 0]


def test_a_brighter_and_a_grey_copy_are_copies() -> None:
    photo = drawn(4, 60, 90)
    brighter = (photo * 0.6 + 80).astype(np.uint8)
    grey = np.asarray(Image.fromarray(photo).convert("L").convert("RGB"))
    assert groups(photo, brighter, grey) == [0, 0, 0]


def test_another_size_is_another_photo() -> None:
    assert groups(drawn(5, 60, 90), drawn(5, 60, 91)) == [0, 1]


def test_a_mirrored_photo_is_another_photo() -> None:
    photo = drawn(6, 60, 90)
    assert groups(photo, photo[:, ::-1]) == [0, 1]


def test_blank_photos_never_chain_together() -> None:
    numbers = np.random.default_rng(0)
    blank = [np.full((40, 40, 3), level, dtype=np.uint8) for level in (0, 0, 128, 255)]
    noisy = [(np.full((40, 40, 3), 100) + numbers.integers(0, 2, (40, 40, 3))).astype(np.uint8) for _ in range(4)]
    assert groups(*blank, *noisy, drawn(7, 40, 40)) == list(range(9))


def test_equal_hashes_are_not_enough() -> None:
    """Photos that share their hash but not their pixels are two photos."""
    one = fingerprint(drawn(8, 40, 40))
    other = fingerprint(drawn(9, 40, 40))
    forged = Fingerprints.of([one, other._replace(hash=one.hash)])
    assert duplicate_groups(forged).tolist() == [0, 1]


@pytest.mark.parametrize(("bits", "expected"), [(6, [0, 0]), (7, [0, 1])])
def test_six_bits_may_differ(bits: int, expected: list[int]) -> None:
    one = fingerprint(drawn(10, 40, 40))
    flipped = one._replace(hash=one.hash ^ np.uint64((1 << bits) - 1))
    assert duplicate_groups(Fingerprints.of([one, flipped])).tolist() == expected


def test_the_hash_is_the_low_frequencies_against_their_median() -> None:
    """A plain cosine transform, written out, gives the same bits."""
    one = fingerprint(drawn(11, 70, 50))
    place, frequency = np.arange(32), np.arange(8)[:, None]
    waves = np.cos(np.pi * (2 * place + 1) * frequency / 64) * np.where(frequency == 0, 32**-0.5, 16**-0.5)
    low = waves @ one.thumb.astype(float) @ waves.T
    bits = np.unpackbits(np.array([one.hash]).view(np.uint8)).reshape(8, 8)
    np.testing.assert_array_equal(bits, low > np.median(low))
    assert one.size == (70, 50)


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    photos = [drawn(seed % 7, 30, 40) for seed in range(25)]
    whole = groups(*photos)
    monkeypatch.setattr(duplicates, "BLOCK", 4)
    assert groups(*photos) == whole == [seed % 7 for seed in range(25)]


def test_the_closest_of_several_copies_is_named() -> None:
    photo = drawn(12, 60, 90)
    among = prints(drawn(13, 60, 90), saved(photo, 20), photo, photo)
    asked = prints(photo, drawn(14, 60, 90), drawn(13, 60, 90))
    assert nearest_duplicates(asked, among).tolist() == [2, -1, 0]


def test_no_photos_have_no_duplicates() -> None:
    nothing = Fingerprints.of([])
    assert duplicate_groups(nothing).tolist() == []
    assert nearest_duplicates(prints(drawn(1)), nothing).tolist() == [-1]
    assert nearest_duplicates(nothing, prints(drawn(1))).tolist() == []
