"""What happens to a photo between the data and the backbone: the talk's augmentations and others, by albumentations.

The order is fixed, since it matters: flip, frame, tone, gamma, rotate, affine, perspective, degrade, blur, noise,
JPEG, grey before or after normalising, and erasing last, so that what is erased is the mean whatever came before.

Two traps of albumentations 2.0.8 are stepped around. Its transforms draw from streams that every data
worker inherits alike and starts anew each epoch; and `Compose.set_random_seed` gives each transform
its own stream from the same seed, so that all of them draw the same first number and photos are
flipped exactly when they are turned. Here one stream per photo is shared by all transforms.
"""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.contract.augment import AffineSpec, AugmentSpec, ClaheSpec, DegradeSpec, EraseSpec, JitterSpec, ToneSpec
from engine.contract.errors import SpecError

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else importing it asks the package index for news
import albumentations as A

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

NAMES = {
    "HorizontalFlip": "flip", "CropAndPad": "frame", "CLAHE": "clahe", "ColorJitter": "jitter", "RandomGamma": "gamma",
    "Rotate": "rotate", "Affine": "affine", "Perspective": "perspective", "MotionBlur": "motion blur",
    "Downscale": "downscale", "GaussianBlur": "blur", "GaussNoise": "noise", "Jpeg": "jpeg", "Normalize": "",
    "ToGray": "gray", "CoarseDropout": "erase",
}  # fmt: skip
"""What a spec calls the transforms of the pipeline; normalising is not told."""

EvaluationTransform = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class TrainingTransform:
    """Augments and normalises (height, width, 3) uint8 photos to float32 of the same shape.

    What it does to a photo depends on seed, epoch, row and view alone: not on the worker, the batch, or the
    photos before.

    Raises:
        SpecError: albumentations refuses a value or does not know a parameter.
    """

    def __init__(self, spec: AugmentSpec, mean: Sequence[float], std: Sequence[float], seed: int) -> None:
        self.pipeline = _built(spec, mean, std)
        self.applied: tuple[str, ...] = ()  # what was done to the last photo, where the pipeline keeps count of it
        self._seed = seed

    def __call__(self, photo: NDArray[np.uint8], epoch: int, row: int, view: int = 0) -> NDArray[np.float32]:
        """Return the photo as this epoch sees it; another `view` is another draw."""
        numbers = np.random.default_rng((self._seed, epoch, row, view) if view else (self._seed, epoch, row))
        self.pipeline.set_random_state(numbers, random.Random(int(numbers.integers(1 << 62))))
        made = self.pipeline(image=photo)
        self.applied = tuple(name for name, _ in made.get("applied_transforms", ()))
        augmented: NDArray[np.float32] = made["image"]
        return augmented


def evaluation_transform(mean: Sequence[float], std: Sequence[float]) -> EvaluationTransform:
    """Return what validation and test photos get: (height, width, 3) uint8, normalised to float32."""
    normalise = _normalise(mean, std)
    return lambda photo: normalise(image=photo)["image"]


def _built(spec: AugmentSpec, mean: Sequence[float], std: Sequence[float]) -> A.Compose:
    """Build the pipeline; what albumentations only warns of (it goes on with defaults) is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            return A.Compose(_transforms(spec, mean, std))
        except (UserWarning, ValueError) as error:
            raise SpecError(f"albumentations refuses the augmentation: {error}", field="augment") from error


def _transforms(spec: AugmentSpec, mean: Sequence[float], std: Sequence[float]) -> list[A.BasicTransform]:
    chain: list[A.BasicTransform] = []
    if spec.flip.enabled:
        chain.append(A.HorizontalFlip(p=spec.flip.p))
    if spec.frame.enabled:
        chain.append(A.CropAndPad(percent=(-spec.frame.cut, 0.0), keep_size=True, p=spec.frame.p))
    chain += _tone(spec.tone)
    if spec.gamma.enabled:
        limits = (100.0 / spec.gamma.limit, 100.0 * spec.gamma.limit)
        chain.append(A.RandomGamma(gamma_limit=limits, p=spec.gamma.p))
    chain += _moved(spec) + _degrade(spec.degrade) + _spoilt(spec)
    gray = [A.ToGray(p=spec.gray.p)] if spec.gray.enabled else []
    normalise = [_normalise(mean, std)]
    chain += [*normalise, *gray] if spec.gray.after_normalise else [*gray, *normalise]
    if spec.erase.enabled:
        chain.append(_erase(spec.erase))
    return [transform for transform in chain if transform.p > 0.0]


def _moved(spec: AugmentSpec) -> list[A.BasicTransform]:
    """Return what moves pixels; mirrored at the border, as albumentations 1.x did by default and the talk with it."""
    chain: list[A.BasicTransform] = []
    if spec.rotate.enabled:
        limit = (-spec.rotate.degrees, spec.rotate.degrees)
        chain.append(A.Rotate(limit=limit, border_mode=cv2.BORDER_REFLECT_101, p=spec.rotate.p))
    if spec.affine.enabled:
        chain.append(_affine(spec.affine))
    if spec.perspective.enabled:
        scale = (0.0, spec.perspective.strength)
        chain.append(A.Perspective(scale=scale, border_mode=cv2.BORDER_REFLECT_101, p=spec.perspective.p))
    return chain


def _affine(spec: AffineSpec) -> A.Affine:
    def either_way(most: float) -> dict[str, tuple[float, float]]:
        return {"x": (-most, most), "y": (-most, most)}

    return A.Affine(
        scale=(1.0 - spec.scale, 1.0 + spec.scale), keep_ratio=True, translate_percent=either_way(spec.shift),
        shear=either_way(spec.shear), border_mode=cv2.BORDER_REFLECT_101, p=spec.p,
    )  # fmt: skip


def _spoilt(spec: AugmentSpec) -> list[A.BasicTransform]:
    """Return what a camera, its lens and its file spoil."""
    chain: list[A.BasicTransform] = []
    if spec.blur.enabled:
        chain.append(
            A.GaussianBlur(blur_limit=0, sigma_limit=(min(0.1, spec.blur.radius), spec.blur.radius), p=spec.blur.p)
        )
    if spec.noise.enabled:
        chain.append(A.GaussNoise(std_range=(0.0, spec.noise.deviation), p=spec.noise.p))
    if spec.jpeg.enabled:
        chain.append(Jpeg(quality_range=(spec.jpeg.low, spec.jpeg.high), p=spec.jpeg.p))
    return chain


class Jpeg(A.ImageCompression):  # type: ignore[misc]  # albumentations tells no types
    """JPEG as cameras write it: albumentations hands OpenCV red for blue, which spoils other colours than a JPEG."""

    def apply(self, img: NDArray[np.uint8], quality: int, image_type: str, **params: Any) -> NDArray[np.uint8]:
        """Return a photo compressed and unpacked again."""
        packed = super().apply(np.ascontiguousarray(img[..., ::-1]), quality, image_type, **params)
        return np.ascontiguousarray(packed[..., ::-1])


def _erase(spec: EraseSpec) -> A.CoarseDropout:
    sides = (spec.low, spec.high)
    return A.CoarseDropout(
        num_holes_range=(1, spec.holes), hole_height_range=sides, hole_width_range=sides,
        fill=0.0, p=spec.p,  # 0 is the mean once a photo is normalised
    )  # fmt: skip


def _tone(spec: ToneSpec) -> list[A.BasicTransform]:
    choices = []
    if spec.clahe.enabled:
        choices.append(_clahe(spec.clahe))
    if spec.jitter.enabled:
        choices.append(_jitter(spec.jitter))
    return _one_of(choices, spec.p)


def _degrade(spec: DegradeSpec) -> list[A.BasicTransform]:
    choices = []
    if spec.motion_blur.enabled:
        choices.append(A.MotionBlur(blur_limit=(3, spec.motion_blur.limit), p=spec.motion_blur.p))
    if spec.downscale.enabled:
        scales = (spec.downscale.low, spec.downscale.high)
        choices.append(A.Downscale(scale_range=scales, p=spec.downscale.p))
    return _one_of(choices, spec.p)


def _one_of(choices: list[A.BasicTransform], p: float) -> list[A.BasicTransform]:
    """Return a choice among transforms by the weight of each, or nothing where none has any."""
    weighed = [choice for choice in choices if choice.p > 0.0]
    return [A.OneOf(weighed, p=p)] if weighed else []


def _clahe(spec: ClaheSpec) -> A.CLAHE:
    """Return CLAHE whose limit is drawn between `spec.clip` and 1, as albumentations 1.x drew it.

    Version 2 refuses limits below 1, which OpenCV takes as "hardly any contrast". So the limits are
    set after the check.
    """
    clahe = A.CLAHE(clip_limit=(1.0, 1.0), tile_grid_size=(spec.tiles, spec.tiles), p=spec.p)
    clahe.clip_limit = (min(spec.clip, 1.0), max(spec.clip, 1.0))
    return clahe


def _jitter(spec: JitterSpec) -> A.ColorJitter:
    def around_one(change: float) -> tuple[float, float]:
        return 1.0 - change, 1.0 + change

    return A.ColorJitter(
        brightness=around_one(spec.brightness), contrast=around_one(spec.contrast),
        saturation=around_one(spec.saturation), hue=(-spec.hue, spec.hue), p=spec.p,
    )  # fmt: skip


def _normalise(mean: Sequence[float], std: Sequence[float]) -> A.Normalize:
    return A.Normalize(mean=tuple(mean), std=tuple(std), max_pixel_value=255.0, p=1.0)
