"""A whale's fluke: outline, pigment and scars, everything that stays the same in all its photos.

The flat fluke is drawn in units of half its span: x from -1 (left tip) to 1, y upwards, the notch
near the origin, the tail stock below it. What is told apart is what researchers look at: the shape of
the trailing edge with its nicks, the black and white of the underside, rake marks and barnacles.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.drawing.noise import Image, field, mix, ramp, spline, tint

PIXELS_PER_UNIT = 150
LEFT, RIGHT, TOP, BOTTOM = -1.1, 1.1, 0.62, -0.98
"""What of the plane the texture shows, in units of half a span."""

HEIGHT = round((TOP - BOTTOM) * PIXELS_PER_UNIT)
WIDTH = round((RIGHT - LEFT) * PIXELS_PER_UNIT)


@dataclass(frozen=True)
class Fluke:
    """A flat, evenly lit fluke.

    Attributes:
        texture: (HEIGHT, WIDTH, 4) uint8: blue, green, red, and how much of a pixel is fluke.
    """

    texture: NDArray[np.uint8]


def draw_fluke(random: np.random.Generator) -> Fluke:
    """Draw one whale's fluke; equal random streams give equal whales."""
    cover = _filled(_outline(random))
    rim = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / PIXELS_PER_UNIT
    white = _pigment(random, cover, rim)
    colour = _painted(random, white)
    colour = _scarred(random, colour, white)
    shade = 0.8 + 0.2 * ramp(rim, 0.0, 0.07)  # the edge curves away from the light
    return Fluke(np.round(np.dstack([*(colour * shade), cover]) * 255).astype(np.uint8))


def to_pixels(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn (n, 2) points of the plane into (n, 2) texture pixels (column, row)."""
    return (points - (LEFT, TOP)) * (PIXELS_PER_UNIT, -PIXELS_PER_UNIT)


def _outline(random: np.random.Generator) -> NDArray[np.float64]:
    """Return the outline as a closed polygon: both trailing edges, both leading edges, the tail stock."""
    common = random.normal(0, 1, 8)  # both lobes of a whale are built alike ...
    left, right = (_lobe(random, common + random.normal(0, 0.3, 8)) for _ in range(2))  # ... but never quite
    mirrored = left * (-1, 1)
    return np.vstack([mirrored, right[::-1]])


def _lobe(random: np.random.Generator, build: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a right lobe from the foot of the tail stock along the leading edge to the tip and back to the notch."""
    tip = 0.22 + 0.06 * build[0]
    sweep, bulge, notch = 0.05 * build[1], 0.05 * build[2], 0.05 + 0.10 * abs(build[3])
    # fmt: off
    leading = spline(np.array([
        (0.17, -0.98), (0.11, -0.66), (0.13 + 0.02 * build[4], -0.42), (0.30, -0.31 + 0.7 * sweep),
        (0.62, -0.19 + sweep), (0.86, -0.01 + 0.6 * sweep), (0.97, tip - 0.10), (1.0, tip),
    ]), 140)
    trailing = spline(np.array([
        (1.0, tip), (0.92, tip - 0.02), (0.76, tip - 0.04 + 0.03 * build[5]), (0.52, 0.15 + bulge),
        (0.28, 0.13 + bulge + 0.02 * build[6]), (0.10, 0.08 + 0.5 * bulge), (0.03, 0.03 - 0.5 * notch), (0, -notch),
    ]), 420)
    # fmt: on
    trailing[:, 1] -= _nicks(random, trailing[:, 0])
    return np.vstack([leading, trailing[1:]])


def _nicks(random: np.random.Generator, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how deep the trailing edge is cut at each x: fine serration, a few big nicks of the whale's own."""
    knots = np.linspace(0, 1, int(random.integers(22, 48)))
    depth = np.interp(x, knots, random.uniform(0, random.uniform(0.012, 0.045), len(knots)))
    for _ in range(int(random.integers(0, 5))):
        centre, half, deep = random.uniform(0.15, 0.92), random.uniform(0.015, 0.055), random.uniform(0.04, 0.13)
        depth += deep * np.clip(1 - np.abs(x - centre) / half, 0, 1) ** 0.7
    return depth * np.clip((1 - x) / 0.06, 0, 1) * np.clip(x / 0.05, 0, 1)  # tip and notch keep their place


def _filled(outline: NDArray[np.float64]) -> Image:
    cover = np.zeros((HEIGHT, WIDTH), np.uint8)
    corners = np.round(to_pixels(outline) * 16).astype(np.int32)  # 4 bits of a pixel, for a smooth edge
    cv2.fillPoly(cover, [corners], 255, lineType=cv2.LINE_AA, shift=4)
    return cover.astype(np.float32) / 255


def plane() -> tuple[Image, Image]:
    """Return x and y of each texture pixel, each (HEIGHT, WIDTH)."""
    x = np.linspace(LEFT, RIGHT, WIDTH, dtype=np.float32)
    y = np.linspace(TOP, BOTTOM, HEIGHT, dtype=np.float32)
    across, up = np.meshgrid(x, y)
    return across, up


def _pigment(random: np.random.Generator, cover: Image, rim: Image) -> Image:
    """Return how white each spot of the underside is, 0 to 1: from all black whales to all white ones."""
    x, y = plane()
    blotches = field(random, HEIGHT, WIDTH, random.uniform(60, 130), octaves=2)
    mirrored = 0.75 * (blotches + blotches[:, ::-1])  # left and right resemble each other
    reach = np.abs(x) + random.normal(0, 0.1)
    lobes = random.normal(1.0, 0.8) * ramp(reach, 0.0, 0.5) - abs(random.normal(0, 1.2)) * ramp(reach, 0.65, 1.0)
    middle = 1 - ramp(np.abs(x) * 1.1 - 0.35 * np.clip(-y, 0, 1), 0.02, 0.14)
    pattern = lobes + mirrored - random.uniform(1.2, 3.0) * middle
    pattern += 0.6 * field(random, HEIGHT, WIDTH, 50, octaves=2) + random.uniform(0.1, 0.9) * _streaks(random, x, y)
    lobe = (cover > 0.5) & (y > -0.35)
    border = np.quantile(pattern[lobe][::7], 1 - min(max(random.beta(0.9, 0.8), 0.04), 0.97))
    speckled = pattern + random.uniform(0.05, 0.45) * field(random, HEIGHT, WIDTH, 7, octaves=2)
    soft = random.uniform(0.12, 0.55)
    white = ramp(speckled, border - soft, border + soft)
    stock = ramp(-y - 0.32 * np.abs(x), 0.22, 0.36)  # the tail stock is black in all of them
    thin, thick = np.sort(random.uniform(0.0, 0.06, 2))  # so is the rim, in most
    return white * (1 - stock) * ramp(rim, float(thin), float(thick) + 0.02)


def _streaks(random: np.random.Generator, x: Image, y: Image) -> Image:
    """Return streaks that fan out from the tail stock, deviation 1."""
    angle = np.arctan2(x, y + 0.75)
    radius = np.hypot(x, y + 0.75)
    sheet = field(random, 96, 320, 14)
    columns = (angle / np.pi + 0.5) * 319
    fanned = cv2.remap(sheet, columns, radius * 50, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return fanned.astype(np.float32, copy=False)


def _painted(random: np.random.Generator, white: Image) -> Image:
    """Turn whiteness into colour; some whales wear a film of orange diatoms."""
    bright = random.uniform(0.78, 0.95) + tint(*random.normal(0, 0.02, 3))
    dark = random.uniform(0.07, 0.17) * tint(1.12, 1.03, 0.95)
    grain = 0.02 * field(random, HEIGHT, WIDTH, 5, octaves=1)
    colour = mix(dark, bright, white) + grain * (0.4 + white)
    if random.random() < 0.25:
        film = ramp(field(random, HEIGHT, WIDTH, 70), 0.3, 1.3) * random.uniform(0.3, 0.9)
        stained = tint(0.16, 0.50, 0.78) * (0.35 + 0.65 * white)
        colour = mix(colour, stained, film)
    return np.clip(colour, 0, 1)


def _scarred(random: np.random.Generator, colour: Image, white: Image) -> Image:
    """Add scars, the parallel rake marks of orca teeth, and barnacles: pale on black skin, dark on white."""
    marks = np.zeros((HEIGHT, WIDTH), np.uint8)
    for _ in range(int(random.integers(1, 6))):
        start, angle = random.uniform((-0.8, -0.2), (0.8, 0.15)), random.uniform(0, np.pi)
        length, bend = random.uniform(0.1, 0.45), random.normal(0, 0.02)
        along, beside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        strength, thickness = int(random.integers(130, 255)), int(random.choice([1, 1, 2]))
        for tooth in range(int(random.choice([1, 1, 3, 4]))):
            foot = start + beside * tooth * 0.035 + along * random.normal(0, 0.02)
            line = spline(np.array([foot, foot + along * length / 2 + beside * bend, foot + along * length]), 12)
            corners = np.round(to_pixels(line) * 16).astype(np.int32)
            cv2.polylines(marks, [corners], False, strength, thickness, cv2.LINE_AA, 4)
    for centre in to_pixels(
        random.normal(random.uniform((-0.8, -0.1), (0.8, 0.15)), 0.25, (random.integers(0, 26), 2))
    ):
        at = np.round(centre * 16).astype(int).tolist()
        cv2.circle(marks, at, int(random.integers(10, 50)), 220, -1, cv2.LINE_AA, 4)
    contrast = np.where(white > 0.5, np.float32(0.16), np.float32(0.80))
    return mix(colour, contrast, marks.astype(np.float32) / 255 * 0.85)
