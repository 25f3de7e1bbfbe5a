"""What happens to a photo between the data and the backbone: the talk's augmentations, by albumentations.

The order is fixed, since it matters: flip, tone, rotate, degrade, and grey before or after normalising.

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

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.contract.errors import SpecError
from engine.contract.spec import AugmentSpec, ClaheSpec, DegradeSpec, JitterSpec, ToneSpec

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else importing it asks the package index for news
import albumentations as A

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

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
        self._seed = seed

    def __call__(self, photo: NDArray[np.uint8], epoch: int, row: int, view: int = 0) -> NDArray[np.float32]:
        """Return the photo as this epoch sees it; another `view` is another draw."""
        numbers = np.random.default_rng((self._seed, epoch, row, view) if view else (self._seed, epoch, row))
        self.pipeline.set_random_state(numbers, random.Random(int(numbers.integers(1 << 62))))
        augmented: NDArray[np.float32] = self.pipeline(image=photo)["image"]
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
    chain += _tone(spec.tone)
    if spec.rotate.enabled:
        # mirrored at the border, as albumentations 1.x did by default and the talk with it
        limit = (-spec.rotate.degrees, spec.rotate.degrees)
        chain.append(A.Rotate(limit=limit, border_mode=cv2.BORDER_REFLECT_101, p=spec.rotate.p))
    chain += _degrade(spec.degrade)
    gray = [A.ToGray(p=spec.gray.p)] if spec.gray.enabled else []
    normalise = [_normalise(mean, std)]
    chain += [*normalise, *gray] if spec.gray.after_normalise else [*gray, *normalise]
    return [transform for transform in chain if transform.p > 0.0]


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
