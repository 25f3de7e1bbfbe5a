"""The talk's augmentations: in its order, with its values, one random stream a photo."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import albumentations as A
import cv2
import numpy as np
import pytest
from drawn_photos import drawn
from numpy.typing import NDArray

from engine.contract.augment import AugmentSpec
from engine.contract.errors import SpecError
from engine.contract.spec import RunSpec
from engine.data import augment
from engine.data.augment import IMAGENET_MEAN, IMAGENET_STD, TrainingTransform, evaluation_transform

PHOTO = drawn(1, 64, 96)
OFF: dict[str, object] = {
    "flip.enabled": False,
    "tone.p": 0.0,
    "rotate.enabled": False,
    "degrade.p": 0.0,
    "gray.enabled": False,
}
"""Nothing but normalising."""


def transform(changes: Mapping[str, object] = {}, seed: int = 0) -> TrainingTransform:
    """Return the default augmentation with changed fields, named from `augment.` on."""
    values = {f"augment.{name}": value for name, value in changes.items()}
    return TrainingTransform(RunSpec().with_values(values).augment, IMAGENET_MEAN, IMAGENET_STD, seed)


def pixels(normalised: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Undo the normalisation."""
    levels: NDArray[np.float64] = np.rint((normalised * IMAGENET_STD + IMAGENET_MEAN) * 255)
    return levels.astype(np.uint8)


def names(made: TrainingTransform) -> list[object]:
    """Return the transforms of a pipeline, a choice among some as a list."""
    chain = made.pipeline.transforms
    return [
        [type(choice).__name__ for choice in step.transforms] if hasattr(step, "transforms") else type(step).__name__
        for step in chain
    ]


def test_the_order_is_the_talks() -> None:
    tone, degrade = ["CLAHE", "ColorJitter"], ["MotionBlur", "Downscale"]
    before = ["HorizontalFlip", tone, "Rotate", degrade]
    assert names(transform()) == [*before, "Normalize", "ToGray"]
    assert names(transform({"gray.after_normalise": False})) == [*before, "ToGray", "Normalize"]


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"flip.enabled": False}, "HorizontalFlip"),
        ({"flip.p": 0.0}, "HorizontalFlip"),
        ({"tone.p": 0.0}, ["CLAHE", "ColorJitter"]),
        ({"tone.clahe.enabled": False, "tone.jitter.p": 0.0}, ["CLAHE", "ColorJitter"]),
        ({"rotate.enabled": False}, "Rotate"),
        ({"degrade.p": 0.0}, ["MotionBlur", "Downscale"]),
        ({"gray.enabled": False}, "ToGray"),
    ],
)
def test_what_is_off_is_left_out(changes: dict[str, object], missing: object) -> None:
    everything = names(transform())
    assert names(transform(changes)) == [step for step in everything if step != missing]


def test_a_choice_loses_what_is_off() -> None:
    assert names(transform({"tone.clahe.p": 0.0}))[1] == ["ColorJitter"]
    assert names(transform({"degrade.downscale.enabled": False}))[3] == ["MotionBlur"]


def test_values_reach_albumentations() -> None:
    flip, tone, rotate, degrade, normalise, gray = transform().pipeline.transforms
    assert (flip.p, tone.p, rotate.p, degrade.p, normalise.p, gray.p) == (0.5, 0.5, 0.5, 0.3, 1.0, 0.5)
    clahe, jitter = tone.transforms
    assert (clahe.p, clahe.clip_limit, clahe.tile_grid_size) == (0.7, (0.2, 1.0), (3, 3))
    assert (jitter.p, jitter.brightness, jitter.contrast) == (0.5, (0.8, 1.2), (0.8, 1.2))
    assert (jitter.saturation, jitter.hue) == ((0.8, 1.2), (-0.2, 0.2))
    assert (rotate.limit, rotate.border_mode) == ((-15.0, 15.0), cv2.BORDER_REFLECT_101)
    blur, downscale = degrade.transforms
    assert (blur.p, blur.blur_limit) == (0.5, (3, 7))
    assert (downscale.p, downscale.scale_range) == (0.5, (0.4, 0.8))


def test_nothing_on_is_what_validation_gets() -> None:
    evaluated = evaluation_transform(IMAGENET_MEAN, IMAGENET_STD)(PHOTO)
    by_hand = (PHOTO / 255.0 - IMAGENET_MEAN) / IMAGENET_STD
    assert evaluated.dtype == np.float32
    np.testing.assert_allclose(evaluated, by_hand, atol=1e-5)
    np.testing.assert_array_equal(transform(OFF)(PHOTO, epoch=0, row=0), evaluated)


def test_a_flip_mirrors_left_and_right() -> None:
    np.testing.assert_array_equal(
        pixels(transform(OFF | {"flip.enabled": True, "flip.p": 1.0})(PHOTO, 0, 0)), PHOTO[:, ::-1]
    )


def test_grey_after_normalising_gives_equal_channels_and_before_it_does_not() -> None:
    after = transform(OFF | {"gray.enabled": True, "gray.p": 1.0})(PHOTO, 0, 0)
    assert (after == after[..., :1]).all()
    before = transform(OFF | {"gray.enabled": True, "gray.p": 1.0, "gray.after_normalise": False})(PHOTO, 0, 0)
    assert not (before == before[..., :1]).all()
    grey = pixels(before)
    assert (grey == grey[..., :1]).all()


@pytest.mark.parametrize(("clip", "low", "high"), [(0.2, 0.2, 1.0), (4.0, 1.0, 4.0)])
def test_clahe_draws_its_limit_between_clip_and_one(clip: float, low: float, high: float) -> None:
    evened = transform(OFF | {"tone.p": 1.0, "tone.jitter.enabled": False, "tone.clahe.clip": clip})
    limits = []
    for row in range(200):
        seen = evened(PHOTO, 0, row)
        limits.append(evened.pipeline.transforms[0].transforms[0].params["clip_limit"])
    assert low <= min(limits) < low + 0.05 * (high - low)
    assert high - 0.05 * (high - low) < max(limits) <= high
    lab = cv2.cvtColor(PHOTO, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clipLimit=limits[-1], tileGridSize=(3, 3)).apply(np.ascontiguousarray(lab[..., 0]))
    np.testing.assert_array_equal(pixels(seen), cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


def test_a_photo_depends_on_seed_epoch_and_row_alone() -> None:
    one, other = transform(seed=5), transform(seed=5)
    for row in (3, 8, 1):
        one(PHOTO, 0, row)  # what came before does not matter
    np.testing.assert_array_equal(one(PHOTO, 2, 7), other(PHOTO, 2, 7))
    draws = [transform(seed=5)(PHOTO, 2, row) for row in range(8)]
    draws += [one(PHOTO, epoch, 7) for epoch in range(8) if epoch != 2] + [transform(seed=6)(PHOTO, 2, 7)]
    sums = {round(float(draw.astype(np.float64).sum()), 3) for draw in draws}
    assert len(sums) > 12  # of 16: some photos happen to be left as they are


def test_transforms_draw_independently() -> None:
    """In a stream of its own from one seed, each would draw the same number: flipped exactly when turned."""
    made = transform()
    flipped, turned = np.zeros(400, dtype=bool), np.zeros(400, dtype=bool)
    flip, _, rotate, *_ = made.pipeline.transforms
    for row in range(400):
        made(PHOTO[:16, :16], 0, row)
        flipped[row], turned[row] = bool(flip.params), bool(rotate.params)
    assert 0.4 < flipped.mean() < 0.6
    assert 0.4 < turned.mean() < 0.6
    assert 0.4 < (flipped == turned).mean() < 0.6


def test_photos_are_not_written_to() -> None:
    photo = PHOTO.copy()
    photo.flags.writeable = False
    made = transform()
    for row in range(40):
        made(photo, 0, row)
    np.testing.assert_array_equal(photo, PHOTO)


def test_an_unknown_parameter_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Albumentations warns and goes on with defaults; a run must not."""
    monkeypatch.setattr(augment, "_tone", lambda spec: [A.Downscale(scale_min=0.5)])
    with pytest.raises(SpecError, match="scale_min"):
        TrainingTransform(AugmentSpec(), IMAGENET_MEAN, IMAGENET_STD, seed=0)


def test_a_refused_value_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "_tone", lambda spec: [A.CLAHE(clip_limit=0.2)])
    with pytest.raises(SpecError, match="augmentation"):
        TrainingTransform(AugmentSpec(), IMAGENET_MEAN, IMAGENET_STD, seed=0)


@pytest.mark.parametrize(
    "changes",
    [
        {"tone.jitter.brightness": 1.0, "tone.jitter.contrast": 1.0, "tone.jitter.saturation": 1.0},
        {"tone.jitter.hue": 0.5, "tone.clahe.clip": 100.0, "tone.clahe.tiles": 64},
        {"rotate.degrees": 180.0, "degrade.motion_blur.limit": 99},
        {"rotate.degrees": 0.0, "degrade.motion_blur.limit": 3, "tone.jitter.hue": 0.0},
        {"degrade.downscale.low": 0.01, "degrade.downscale.high": 0.99, "degrade.p": 1.0},
        {"tone.clahe.clip": 0.01, "tone.p": 1.0},
    ],
)
def test_whatever_the_spec_allows_can_be_built_and_run(changes: dict[str, object]) -> None:
    made = transform(changes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for row in range(40):
            assert np.isfinite(made(PHOTO, 0, row)).all()
