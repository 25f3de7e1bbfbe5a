"""AugmentSpec: what happens to a training photo before the network sees it; a part of `RunSpec`.

The talk's transforms are on as the talk had them. The others are those that people add who tell whales apart, and are
off until somebody turns them on: specs that were written before there were any mean what they meant.
"""

from __future__ import annotations

from typing import Annotated

from engine.contract.part import Part, helped


class FlipSpec(Part, frozen=True):
    """Mirror left and right."""

    enabled: Annotated[bool, helped("mirror left and right")] = True
    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.5


class FrameSpec(Part, frozen=True):
    """Cut a random strip off each side, as another box around the fluke would."""

    enabled: Annotated[bool, helped("cut a random strip off each side, as another box would")] = False
    cut: Annotated[float, helped("widest strip, as a share of the side", gt=0.0, le=0.45)] = 0.1
    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.5


class ClaheSpec(Part, frozen=True):
    """Even out the contrast tile by tile (CLAHE)."""

    enabled: Annotated[bool, helped("even out the contrast tile by tile")] = True
    clip: Annotated[float, helped("contrast limit; drawn between this and 1", gt=0.0, le=100.0)] = 0.2
    tiles: Annotated[int, helped("tiles a side", ge=1, le=64)] = 3
    p: Annotated[float, helped("weight within its group", ge=0.0, le=1.0)] = 0.7


class JitterSpec(Part, frozen=True):
    """Change brightness, contrast, saturation and hue."""

    enabled: Annotated[bool, helped("change brightness, contrast, saturation and hue")] = True
    brightness: Annotated[float, helped("largest relative change", ge=0.0, le=1.0)] = 0.2
    contrast: Annotated[float, helped("largest relative change", ge=0.0, le=1.0)] = 0.2
    saturation: Annotated[float, helped("largest relative change", ge=0.0, le=1.0)] = 0.2
    hue: Annotated[float, helped("largest shift, in turns", ge=0.0, le=0.5)] = 0.2
    p: Annotated[float, helped("weight within its group", ge=0.0, le=1.0)] = 0.5


class ToneSpec(Part, frozen=True):
    """One of CLAHE and colour jitter."""

    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.5
    clahe: ClaheSpec = ClaheSpec()
    jitter: JitterSpec = JitterSpec()


class GammaSpec(Part, frozen=True):
    """Darken or brighten the midtones, as another exposure would."""

    enabled: Annotated[bool, helped("darken or brighten the midtones, as another exposure would")] = False
    limit: Annotated[float, helped("largest exponent; drawn between this and its inverse", ge=1.0, le=5.0)] = 1.5
    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.5


class RotateSpec(Part, frozen=True):
    """Turn by a random angle."""

    enabled: Annotated[bool, helped("turn by a random angle")] = True
    degrees: Annotated[float, helped("largest angle either way", ge=0.0, le=180.0)] = 15.0
    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.5


class AffineSpec(Part, frozen=True):
    """Scale, shift and shear."""

    enabled: Annotated[bool, helped("scale, shift and shear")] = False
    scale: Annotated[float, helped("largest relative change of size", ge=0.0, le=0.9)] = 0.1
    shift: Annotated[float, helped("longest way, as a share of the side", ge=0.0, le=0.9)] = 0.05
    shear: Annotated[float, helped("largest angle either way, in degrees", ge=0.0, le=60.0)] = 5.0
    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.5


class PerspectiveSpec(Part, frozen=True):
    """Pull the corners in, as a camera that looks from elsewhere would."""

    enabled: Annotated[bool, helped("pull the corners in, as a camera that looks from elsewhere would")] = False
    strength: Annotated[
        float, helped("how far a corner is pulled in at most (a deviation), as a share of the side", gt=0.0, le=0.4)
    ] = 0.05
    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.5


class MotionBlurSpec(Part, frozen=True):
    """Smear along a line."""

    enabled: Annotated[bool, helped("smear along a line")] = True
    limit: Annotated[int, helped("longest smear in pixels, odd", ge=3, le=99)] = 7
    p: Annotated[float, helped("weight within its group", ge=0.0, le=1.0)] = 0.5


class DownscaleSpec(Part, frozen=True):
    """Shrink and enlarge again, as a distant camera would."""

    enabled: Annotated[bool, helped("shrink and enlarge again, as a distant camera would")] = True
    low: Annotated[float, helped("smallest scale", gt=0.0, lt=1.0)] = 0.4
    high: Annotated[float, helped("largest scale", gt=0.0, lt=1.0)] = 0.8
    p: Annotated[float, helped("weight within its group", ge=0.0, le=1.0)] = 0.5


class DegradeSpec(Part, frozen=True):
    """One of motion blur and downscale."""

    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.3
    motion_blur: MotionBlurSpec = MotionBlurSpec()
    downscale: DownscaleSpec = DownscaleSpec()


class BlurSpec(Part, frozen=True):
    """Blur evenly, as a lens out of focus would."""

    enabled: Annotated[bool, helped("blur evenly, as a lens out of focus would")] = False
    radius: Annotated[float, helped("largest deviation in pixels", gt=0.0, le=50.0)] = 1.5
    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.2


class NoiseSpec(Part, frozen=True):
    """Add Gaussian noise, as a camera in poor light would."""

    enabled: Annotated[bool, helped("add Gaussian noise, as a camera in poor light would")] = False
    deviation: Annotated[float, helped("largest deviation, as a share of full brightness", gt=0.0, le=1.0)] = 0.05
    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.2


class JpegSpec(Part, frozen=True):
    """Compress as JPEG and unpack again."""

    enabled: Annotated[bool, helped("compress as JPEG and unpack again")] = False
    low: Annotated[int, helped("lowest quality", ge=1, le=100)] = 40
    high: Annotated[int, helped("highest quality", ge=1, le=100)] = 90
    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.2


class GraySpec(Part, frozen=True):
    """Take the colour away."""

    enabled: Annotated[bool, helped("take the colour away")] = True
    after_normalise: Annotated[
        bool, helped("as in the talk: grey made of normalised channels, which shifts its statistics")
    ] = True
    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.5


class EraseSpec(Part, frozen=True):
    """Paint rectangles over in the mean colour (random erasing), so that no single mark is relied on."""

    enabled: Annotated[
        bool, helped("paint rectangles over in the mean colour, so that no single mark is relied on")
    ] = False
    holes: Annotated[int, helped("most rectangles a photo; at least one", ge=1, le=64)] = 1
    low: Annotated[float, helped("shortest side, as a share of the photo's", gt=0.0, lt=1.0)] = 0.1
    high: Annotated[float, helped("longest side, as a share of the photo's", gt=0.0, lt=1.0)] = 0.3
    p: Annotated[float, helped("share of photos", ge=0.0, le=1.0)] = 0.3


class AugmentSpec(Part, frozen=True):
    """What happens to a training photo, in this order; never to a validation or test photo."""

    flip: FlipSpec = FlipSpec()
    frame: FrameSpec = FrameSpec()
    tone: ToneSpec = ToneSpec()
    gamma: GammaSpec = GammaSpec()
    rotate: RotateSpec = RotateSpec()
    affine: AffineSpec = AffineSpec()
    perspective: PerspectiveSpec = PerspectiveSpec()
    degrade: DegradeSpec = DegradeSpec()
    blur: BlurSpec = BlurSpec()
    noise: NoiseSpec = NoiseSpec()
    jpeg: JpegSpec = JpegSpec()
    gray: GraySpec = GraySpec()
    erase: EraseSpec = EraseSpec()


LATER = ("frame", "gamma", "affine", "perspective", "blur", "noise", "jpeg", "erase")
"""Parts that specs recorded by earlier versions do not have."""


def check_augment(augment: AugmentSpec) -> None:
    """Check what concerns several fields of an augmentation; raises `ValueError` naming the field."""
    downscale, jpeg, erase = augment.degrade.downscale, augment.jpeg, augment.erase
    spans: dict[str, tuple[float, float]] = {
        "degrade.downscale": (downscale.low, downscale.high), "jpeg": (jpeg.low, jpeg.high),
        "erase": (erase.low, erase.high),
    }  # fmt: skip
    for name, (low, high) in spans.items():
        if low > high:
            raise ValueError(f"augment.{name}.low is {low:g}, above augment.{name}.high, {high:g}")
    limit = augment.degrade.motion_blur.limit
    if limit % 2 == 0:
        raise ValueError(f"augment.degrade.motion_blur.limit is {limit}, but must be odd")
