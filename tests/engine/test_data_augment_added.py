"""The augmentations that people add to the talk's: off at first, each with its effect, by the seed of a photo."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import cv2
import numpy as np
import pytest
from drawn_photos import drawn
from numpy.typing import NDArray

from engine.contract.augment import LATER, AugmentSpec
from engine.contract.errors import SpecError
from engine.contract.spec import RunSpec
from engine.data.augment import IMAGENET_MEAN, IMAGENET_STD, TrainingTransform

PHOTO = drawn(1, 64, 96)
OFF = {"flip.enabled": False, "tone.p": 0.0, "rotate.enabled": False, "degrade.p": 0.0, "gray.enabled": False}
CHANGES: dict[str, object] = {f"augment.{name}": value for name, value in OFF.items()}


def alone(
    part: str, photo: NDArray[np.uint8] = PHOTO, row: int = 0, seed: int = 0, **fields: object
) -> NDArray[np.uint8]:
    """Return what one transform alone makes of a photo, as pixels."""
    named = {f"augment.{part}.{name}": value for name, value in {"enabled": True, "p": 1.0, **fields}.items()}
    made = TrainingTransform(RunSpec().with_values(CHANGES | named).augment, IMAGENET_MEAN, IMAGENET_STD, seed)
    levels = np.rint((made(photo, 0, row) * IMAGENET_STD + IMAGENET_MEAN) * 255)
    assert levels.min() > -0.5
    assert levels.max() < 255.5
    return levels.astype(np.uint8)


def grating(cells: int = 8) -> NDArray[np.uint8]:
    """Return a photo of black and white stripes."""
    stripes = np.where(np.arange(96) // cells % 2 == 0, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(stripes[None, :, None], (64, 96, 3)))


def test_they_are_off_until_somebody_turns_them_on() -> None:
    everything = AugmentSpec()
    assert not any(getattr(everything, name).enabled for name in LATER)
    named = [type(step).__name__ for step in TrainingTransform(everything, IMAGENET_MEAN, IMAGENET_STD, 0).pipeline]
    assert named == ["HorizontalFlip", "OneOf", "Rotate", "OneOf", "Normalize", "ToGray"]


def test_their_order_is_that_of_the_spec() -> None:
    on = RunSpec().with_values({f"augment.{name}.enabled": True for name in LATER}).augment
    named = [type(step).__name__ for step in TrainingTransform(on, IMAGENET_MEAN, IMAGENET_STD, 0).pipeline]
    assert named == [
        "HorizontalFlip", "CropAndPad", "OneOf", "RandomGamma", "Rotate", "Affine", "Perspective", "OneOf",
        "GaussianBlur", "GaussNoise", "Jpeg", "Normalize", "ToGray", "CoarseDropout",
    ]  # fmt: skip


@pytest.mark.parametrize("part", LATER)
def test_each_is_drawn_by_the_seed_of_the_photo(part: str) -> None:
    np.testing.assert_array_equal(alone(part, row=3, seed=5), alone(part, row=3, seed=5))
    drawn_ones = {alone(part, row=row).tobytes() for row in range(6)} | {alone(part, row=0, seed=1).tobytes()}
    assert len(drawn_ones) > 3
    assert alone(part, row=3).shape == PHOTO.shape
    np.testing.assert_array_equal(alone(part, p=0.0), PHOTO)


def test_a_frame_cuts_strips_off_and_nothing_else() -> None:
    ramp = np.ascontiguousarray(np.broadcast_to(np.linspace(0, 255, 96).astype(np.uint8)[None, :, None], (64, 96, 3)))
    firsts, lasts = [], []
    for row in range(40):
        line = alone("frame", ramp, row, cut=0.25)[32, :, 0].astype(int)
        assert (np.diff(line) >= 0).all()  # stretched, in the same order
        firsts.append(line[0])
        lasts.append(line[-1])
    assert 0 <= min(firsts) < 10 < max(firsts) <= 64  # a quarter of 255
    assert 191 <= min(lasts) < 245 < max(lasts) <= 255


def test_gamma_keeps_black_and_white_and_moves_the_midtones_either_way() -> None:
    assert set(np.unique(alone("gamma", grating(), limit=3.0))) == {0, 255}
    grey = np.full((8, 8, 3), 128, np.uint8)
    levels = [int(alone("gamma", grey, row, limit=2.0)[0, 0, 0]) for row in range(40)]
    assert 255 * 0.5**2 - 2 <= min(levels) < 110
    assert 140 < max(levels) <= 255 * 0.5**0.5 + 2


def test_an_affine_scales_shifts_and_shears_by_no_more_than_it_says() -> None:
    spot = np.zeros((65, 97, 3), np.uint8)
    spot[28:37, 44:53] = 255

    def centre(photo: NDArray[np.uint8]) -> tuple[float, float]:
        rows, columns = np.nonzero(photo[..., 0] > 127)
        return float(rows.mean()), float(columns.mean())

    shifted = [centre(alone("affine", spot, row, scale=0.0, shear=0.0, shift=0.2)) for row in range(30)]
    assert max(abs(down - 32) for down, _ in shifted) <= 0.2 * 65 + 1
    assert 5 < max(abs(across - 48) for _, across in shifted) <= 0.2 * 97 + 1
    sizes = [
        int((alone("affine", spot, row, scale=0.5, shear=0.0, shift=0.0)[..., 0] > 127).sum()) for row in range(30)
    ]
    assert 81 * 0.2 < min(sizes) < 81 < max(sizes) < 81 * 2.5
    sheared = alone("affine", grating(), 1, scale=0.0, shift=0.0, shear=30.0)
    assert (sheared[0] != sheared[-1]).any()  # stripes are no longer upright
    still = alone("affine", grating(), 1, scale=0.0, shift=0.0, shear=0.0)
    np.testing.assert_array_equal(still, grating())


def test_a_perspective_makes_parallels_meet() -> None:
    tilted = [alone("perspective", grating(), row, strength=0.2) for row in range(10)]
    assert all(
        len({int(np.count_nonzero(np.diff(line.astype(int)))) for line in photo[:, :, 0]}) > 1 for photo in tilted
    )
    small, large = (
        np.mean(
            [np.abs(alone("perspective", row=row, strength=strength).astype(int) - PHOTO).mean() for row in range(10)]
        )
        for strength in (0.01, 0.2)
    )
    assert 0 < small < large


def test_a_blur_softens_edges_and_keeps_the_mean() -> None:
    softened = [alone("blur", grating(), row, radius=3.0) for row in range(10)]
    assert all(abs(photo.mean() - grating().mean()) < 4 for photo in softened)
    assert min(np.abs(np.diff(photo[32, :, 0].astype(int))).max() for photo in softened) < 160 < 255


def test_noise_is_no_louder_than_it_says_and_has_no_bias() -> None:
    grey = np.full((96, 96, 3), 128, np.uint8)
    spread = []
    for row in range(40):
        noisy = alone("noise", grey, row, deviation=0.1).astype(float)
        assert abs(noisy.mean() - 128) < 2
        spread.append(noisy.std())
    assert min(spread) < 6
    assert 18 < max(spread) < 0.1 * 255 + 1


def test_jpeg_leaves_what_opencv_leaves_at_one_of_its_qualities() -> None:
    made = alone("jpeg", low=10, high=10)
    packed = cv2.imencode(".jpg", np.ascontiguousarray(PHOTO[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 10])[1]
    np.testing.assert_array_equal(made, cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1])
    harm = [np.abs(alone("jpeg", low=quality, high=quality).astype(int) - PHOTO).mean() for quality in (5, 95)]
    assert harm[0] > harm[1]


def test_erasing_paints_whole_rectangles_in_the_mean_colour_even_where_the_photo_is_grey() -> None:
    mean = np.rint(np.array(IMAGENET_MEAN) * 255).astype(np.uint8)
    for row in range(20):
        erased = (alone("erase", grating(), row, low=0.25, high=0.5) == mean).all(axis=-1)
        rows, columns = np.nonzero(erased)
        height, width = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
        assert erased.sum() == height * width
        assert 16 <= height <= 32
        assert 24 <= width <= 48
    values = CHANGES | {"augment.erase.enabled": True, "augment.erase.p": 1.0, "augment.gray.enabled": True}
    made = TrainingTransform(
        RunSpec().with_values(values | {"augment.gray.p": 1.0}).augment, IMAGENET_MEAN, IMAGENET_STD, 0
    )
    assert (made(PHOTO, 0, 0) == 0).all(axis=-1).sum() > 20


def test_several_rectangles_are_erased_where_they_are_asked_for() -> None:
    def parts(holes: int) -> int:
        white, most = np.full((64, 96, 3), 255, np.uint8), 0
        for row in range(20):
            erased = (alone("erase", white, row, holes=holes, low=0.05, high=0.06) != 255).any(axis=-1)
            most = max(most, cv2.connectedComponents(erased.astype(np.uint8))[0] - 1)
        return most

    assert parts(1) == 1
    assert 3 < parts(6) <= 6


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"augment.jpeg.low": 91}, "augment.jpeg.low is 91, above augment.jpeg.high, 90"),
        ({"augment.erase.low": 0.5}, "augment.erase.low is 0.5, above"),
        ({"augment.degrade.downscale.low": 0.9}, "augment.degrade.downscale.low is 0.9, above"),
        ({"augment.frame.cut": 0.5}, "augment.frame.cut is 0.5, but takes a number above 0 to 0.45"),
        ({"augment.jpeg.high": 101}, "augment.jpeg.high is 101"),
        ({"augment.erase.holes": 0}, "augment.erase.holes is 0"),
        ({"augment.erases.p": 0}, "a spec has no field 'augment.erases.p'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes: dict[str, object], named: str) -> None:
    with pytest.raises(SpecError, match=named) as caught:
        RunSpec().with_values(changes)
    assert caught.value.field.startswith("augment.")


EDGES: list[Mapping[str, object]] = [
    {"frame.cut": 0.45, "gamma.limit": 5.0, "affine.scale": 0.9, "affine.shift": 0.9, "affine.shear": 60.0},
    {"gamma.limit": 1.0, "affine.scale": 0.0, "affine.shift": 0.0, "affine.shear": 0.0, "frame.cut": 1e-6},
    {"perspective.strength": 0.4, "blur.radius": 50.0, "noise.deviation": 1.0, "jpeg.low": 1, "jpeg.high": 100},
    {"perspective.strength": 1e-6, "blur.radius": 1e-3, "noise.deviation": 1e-6, "jpeg.low": 100, "jpeg.high": 100},
    {"erase.holes": 64, "erase.low": 0.99, "erase.high": 0.99},
    {"erase.holes": 1, "erase.low": 1e-6, "erase.high": 1e-6},
]


@pytest.mark.parametrize("changes", EDGES)
@pytest.mark.parametrize("size", [(16, 16), (64, 96)])
def test_whatever_the_spec_allows_can_be_built_and_run(changes: Mapping[str, object], size: tuple[int, int]) -> None:
    parts = {name.partition(".")[0] for name in changes}
    on = {f"augment.{part}.{field}": value for part in parts for field, value in (("enabled", True), ("p", 1.0))}
    named = {f"augment.{name}": value for name, value in changes.items()}
    made = TrainingTransform(RunSpec().with_values(on | named).augment, IMAGENET_MEAN, IMAGENET_STD, 0)
    photo = drawn(1, *size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for row in range(20):
            seen = made(photo, 0, row)
            assert seen.shape == photo.shape
            assert np.isfinite(seen).all()
