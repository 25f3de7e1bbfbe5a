"""One photo of a fluke: where it hangs in the view, its light, its camera, its caption."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.drawing.fluke import HEIGHT, LEFT, PIXELS_PER_UNIT, TOP, WIDTH, Fluke
from engine.drawing.noise import Image, field, mix, ramp, tint
from engine.drawing.sea import draw_sea, foam, spray

Box = tuple[int, int, int, int]
"""Top, left, bottom, right in pixels; bottom and right are the first row and column outside."""

FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)


@dataclass(frozen=True)
class Pose:
    """How the fluke hangs in the view.

    Attributes:
        column: pixels, of the notch.
        row: pixels, of the notch.
        half: pixels from the notch to a tip, seen from straight behind.
        roll: radians, clockwise.
        yaw: radians; turned to the right, the left lobe is nearer.
        curl: how far the tips are bent up, in half spans.
        tilt: seen height over true height.
        depth: how far below the notch the water stands, in half spans.
    """

    column: float
    row: float
    half: float
    roll: float
    yaw: float
    curl: float
    tilt: float
    depth: float

    @classmethod
    def draw(cls, random: np.random.Generator, height: int, width: int) -> Pose:
        """Draw a pose that keeps nearly all of the fluke in the photo."""
        half = width * float(np.clip(random.normal(0.36, 0.07), 0.17, 0.47))
        free = max(0.0, width * 0.5 - half)
        return cls(
            column=width * 0.5 + random.uniform(-0.9, 0.9) * free,
            row=height * random.uniform(0.36, 0.56),
            half=half,
            roll=random.normal(0, 0.09),
            yaw=float(np.clip(random.normal(0, 0.35), -0.8, 0.8)),
            curl=random.uniform(-0.06, 0.24),
            tilt=random.uniform(0.62, 1.02),
            depth=random.uniform(0.24, 0.62),
        )

    @property
    def waterline(self) -> float:
        """The row at which the tail stock leaves the water."""
        return self.row + self.half * self.depth

    def look_up(self, height: int, width: int) -> tuple[Image, Image]:
        """Return the texture column and row that each pixel of the photo shows, each (height, width)."""
        right = (np.arange(width, dtype=np.float32)[None, :] - self.column) / self.half
        up = (self.row - np.arange(height, dtype=np.float32)[:, None]) / self.half
        turned = right * math.cos(self.roll) - up * math.sin(self.roll)
        lifted = right * math.sin(self.roll) + up * math.cos(self.roll)
        nearer = 0.35 * math.sin(self.yaw)
        x = turned / np.maximum(math.cos(self.yaw) - nearer * turned, 0.2)  # the far lobe is foreshortened
        y = (lifted * (1 + nearer * x) - self.curl * np.minimum(x * x, 1.3)) / self.tilt
        return (x - LEFT) * PIXELS_PER_UNIT, (TOP - y) * PIXELS_PER_UNIT


def draw_photo(
    random: np.random.Generator, fluke: Fluke, tile: Image, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Box]:
    """Take a photo of a fluke.

    Args:
        random: this photo's stream.
        fluke: the whale.
        tile: waves as `wave_tile` makes them.
        size: width and height in pixels.

    Returns:
        (height, width, 3) uint8 in blue, green, red, and the box of what is seen of the fluke.
    """
    width, height = size
    pose = Pose.draw(random, height, width)
    sea = draw_sea(random, tile, height, width, pose.waterline)
    skin, cover = _projected(random, fluke, pose, height, width)
    surface = pose.waterline + 1.5 * sea.waves * pose.half / 100
    rows = np.arange(height, dtype=np.float32)[:, None]
    seen = cover * ramp(surface - rows, -0.8, 0.8)
    picture = mix(sea.picture, sea.picture * 0.45, _mirrored(cover, surface, pose.waterline))
    picture = mix(picture, skin, seen)
    white = foam(random, height, width, pose.waterline, pose.column, pose.half)
    picture = mix(picture, sea.foam_colour, white)
    picture = spray(random, picture, seen, sea.foam_colour, pose.half)
    picture = _developed(random, picture)
    return _captioned(random, picture), _box(seen)


def _projected(random: np.random.Generator, fluke: Fluke, pose: Pose, height: int, width: int) -> tuple[Image, Image]:
    """Return the lit skin (3, height, width) and the cover (height, width) as the pose shows them."""
    columns, rows = pose.look_up(height, width)
    lost = max(0.0, PIXELS_PER_UNIT / pose.half - 1.0)  # texture pixels skipped between two of the photo's
    texture = cv2.GaussianBlur(fluke.texture, (0, 0), 0.45 * lost) if lost > 0.2 else fluke.texture
    *skin, cover = cv2.split(cv2.remap(texture, columns, rows, cv2.INTER_LINEAR, borderValue=0))
    aslant, upright = random.normal(0, 0.22), random.uniform(-0.1, 0.3)
    light = 1 + aslant * (columns / WIDTH - 0.5) * 2 - upright * (rows / HEIGHT - 0.4)
    sheen = ramp(field(random, height, width, pose.half * 0.25), 0.6, 2.6) * random.uniform(0, 0.28)
    lit = np.stack(skin) * (light * (random.uniform(0.78, 1.1) / 255)) + sheen
    return np.clip(lit, 0, 1), cover.astype(np.float32) / 255


def _mirrored(cover: Image, surface: Image, waterline: float) -> Image:
    """Return where the water reflects the fluke, broken by the waves."""
    height, width = cover.shape
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None, :]
    ripple = (surface - waterline) * 3
    image = cv2.remap(cover, columns + ripple, 2 * waterline - rows + 2 * ripple, cv2.INTER_LINEAR, borderValue=0)
    blurred = cv2.GaussianBlur(image, (0, 0), height / 60)
    return blurred * ramp(rows - surface, -0.5, 0.5) * (1 - ramp(rows - waterline, 0, height * 0.3)) * 0.7


def _developed(random: np.random.Generator, picture: Image) -> Image:
    """Apply haze, exposure, contrast, colour cast, grey film, focus and grain."""
    haze = random.uniform(0, 0.22) if random.random() < 0.4 else 0.0
    contrast = random.uniform(0.75, 1.3) * (1 - haze)
    brightness = 0.47 + random.normal(0, 0.05) + contrast * (0.82 * haze / (1 - haze) - 0.45)
    picture = (picture * contrast + brightness) * (1 + tint(*random.normal(0, 0.045, 3)))
    if random.random() < 0.16:
        gray = (picture * tint(0.114, 0.587, 0.299)).sum(axis=0, keepdims=True)  # the weights of ITU-R BT.601
        picture = np.repeat(gray, 3, axis=0) * random.uniform(1.0, 1.25)
    softness = random.choice([0.0, 0.5, 0.8, 1.2], p=[0.4, 0.3, 0.2, 0.1])
    grain = random.standard_normal(picture.shape[1:], np.float32) * random.uniform(0.003, 0.02)
    planes = [cv2.GaussianBlur(plane, (0, 0), softness) if softness else plane for plane in picture]
    grainy: Image = np.stack(planes) + grain
    return grainy


def _captioned(random: np.random.Generator, picture: Image) -> NDArray[np.uint8]:
    """Return the finished picture; about every fifth has a date or a catalogue number burnt in."""
    shot: NDArray[np.uint8] = np.dstack([np.clip(plane * 255, 0, 255).astype(np.uint8) for plane in picture])
    if random.random() > 0.2:
        return shot
    height, width = shot.shape[:2]
    date = f"{random.integers(1989, 2017)}-{random.integers(1, 13):02d}-{random.integers(1, 29):02d}"
    text = str(random.choice([date, f"HWC #{random.integers(100, 9999):04d}", f"{date}  #{random.integers(1, 99)}"]))
    font, scale = int(random.choice(FONTS)), width / 320 * random.uniform(0.3, 0.48)
    (long, tall), _ = cv2.getTextSize(text, font, scale, 1)
    corner = [round(width * 0.02), height - round(height * 0.03)]
    if random.random() < 0.35:
        corner[0] = width - long - round(width * 0.02)
    ink: tuple[int, ...] = (60, 170, 255) if random.random() < 0.5 else (245, 245, 245)
    if random.random() < 0.4:  # the scanned catalogue card: black on a white band
        shot[height - tall - round(height * 0.06) :] = 246
        ink = (25, 25, 25)
    cv2.putText(shot, text, (corner[0], corner[1]), font, scale, ink, 1, cv2.LINE_AA)
    return shot


def _box(seen: Image) -> Box:
    """Return the box of what is seen; a fluke of which nothing is seen has the whole photo as its box."""
    rows, columns = np.flatnonzero((seen > 0.5).any(axis=1)), np.flatnonzero((seen > 0.5).any(axis=0))
    if not len(rows):
        return 0, 0, seen.shape[0], seen.shape[1]
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
