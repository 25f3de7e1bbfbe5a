"""The sea and the sky behind a fluke, and the water it throws up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from engine.drawing.noise import Image, field, mix, ramp, tint

PALETTES = np.array([
    # deep water, water under the sky, sky at the horizon, sky above: blue, green, red
    [(0.42, 0.25, 0.10), (0.62, 0.44, 0.26), (0.93, 0.86, 0.78), (0.85, 0.62, 0.38)],  # a fine day
    [(0.30, 0.26, 0.17), (0.52, 0.48, 0.38), (0.78, 0.77, 0.75), (0.66, 0.65, 0.63)],  # overcast
    [(0.36, 0.34, 0.13), (0.56, 0.57, 0.34), (0.88, 0.87, 0.80), (0.78, 0.70, 0.58)],  # green water
    [(0.28, 0.18, 0.12), (0.45, 0.40, 0.42), (0.58, 0.72, 0.93), (0.62, 0.52, 0.52)],  # a low sun
    [(0.46, 0.44, 0.40), (0.68, 0.67, 0.65), (0.85, 0.85, 0.85), (0.80, 0.80, 0.80)],  # fog
    [(0.55, 0.30, 0.05), (0.75, 0.52, 0.22), (0.95, 0.88, 0.76), (0.90, 0.68, 0.40)],  # bright blue
])  # fmt: skip


@dataclass(frozen=True)
class Sea:
    """One photo's water: what to paint under and before the fluke.

    Attributes:
        picture: (3, height, width), the view without a whale.
        waves: (height, width) slopes of the water, deviation near 1; zero in the sky.
        foam_colour: (3, 1, 1) of broken water in this light.
    """

    picture: Image
    waves: Image
    foam_colour: Image


def draw_sea(random: np.random.Generator, tile: Image, height: int, width: int, waterline: float) -> Sea:
    """Draw water and sky; the horizon lies above `waterline` (pixels from the top), often above the photo.

    Args:
        random: this photo's stream.
        tile: waves as `wave_tile` makes them.
        height: pixels.
        width: pixels.
        waterline: row at which the whale leaves the water.
    """
    palette = PALETTES[random.choice(len(PALETTES), p=[0.26, 0.24, 0.14, 0.08, 0.08, 0.20])]
    shifted = palette * random.uniform(0.85, 1.12) + random.normal(0, 0.015, 3)
    deep, far, low_sky, high_sky = (tint(*colour) for colour in shifted)
    horizon = waterline - height * random.uniform(0.15, 1.3)
    rows = np.arange(height, dtype=np.float32)
    nearness = np.clip((rows - horizon) / height, 0.004, None)  # 0 at the horizon
    waves = _waves(random, tile, nearness, width)
    share = ramp(nearness, 0.0, random.uniform(0.35, 0.9))[:, None]
    water = mix(far, deep, share) + waves * (random.uniform(0.035, 0.10) * (0.3 + 0.7 * far))
    glitter = ramp(waves, random.uniform(1.7, 3.2), 4.0) * random.uniform(0.2, 0.9)
    picture = mix(water, tint(0.97, 0.97, 0.95), glitter)
    if horizon > 0:
        sky = _sky(random, low_sky, high_sky, height, width, horizon)
        under = ramp(rows - horizon + random.normal(0, 0.1), -0.7, 0.7)[:, None]
        picture, waves = mix(sky, picture, under), waves * under
    return Sea(picture, waves, np.minimum(low_sky * 1.02 + 0.06, 1))


def _waves(random: np.random.Generator, tile: Image, nearness: Image, width: int) -> Image:
    """Lay the wave tile flat on the sea and look along it: finer and calmer towards the horizon."""
    size = len(tile)
    distance = 1.0 / (nearness + 0.12)
    zoom = random.uniform(0.35, 0.9)
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :] * (distance * size * zoom * 0.9)[:, None]
    away = (distance * size * zoom * 0.75)[:, None]
    turn, start = random.normal(0, 0.25), random.uniform(0, size, 2).tolist()
    columns = across * math.cos(turn) - away * math.sin(turn) + start[0]
    lines = across * math.sin(turn) + away * math.cos(turn) + start[1]
    seen = cv2.remap(tile, columns, lines, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return seen * ramp(nearness, -0.15, 0.45)[:, None]


def _sky(random: np.random.Generator, low: Image, high: Image, height: int, width: int, horizon: float) -> Image:
    """Return a sky with clouds, and in some photos a coast along the horizon."""
    rows = np.arange(height, dtype=np.float32)[:, None]
    sky = mix(low, high, 1.4 * np.sqrt(np.clip((horizon - rows) / height, 0, 1)))
    clouds = _flattened(field(random, height, width // 3, 34), width)
    sky = mix(sky, tint(0.97, 0.96, 0.95), ramp(clouds, 0.2, 2.0) * random.uniform(0, 0.7))
    if random.random() < 0.4:
        hills = np.clip(field(random, 2, width, 110, octaves=4)[0] + 0.6, 0, None)
        ridge = (hills * random.uniform(0.015, 0.07) + 0.01) * height
        coast = ramp(rows - (horizon - ridge), -1, 1) * random.uniform(0.4, 0.9)
        sky = mix(sky, low * tint(0.68, 0.58, 0.5) * random.uniform(0.5, 1.1), coast)
    return sky


def foam(random: np.random.Generator, height: int, width: int, waterline: float, middle: float, half: float) -> Image:
    """Return (height, width) of how much white water lies round the tail stock.

    Args:
        random: this photo's stream.
        height: pixels.
        width: pixels.
        waterline: row at which the whale leaves the water.
        middle: column of the tail stock.
        half: pixels from the notch to a tip.
    """
    rows = np.arange(height, dtype=np.float32)[:, None] - waterline
    columns = np.arange(width, dtype=np.float32)[None, :] - middle
    spread, tall = half * random.uniform(0.25, 0.9), half * random.uniform(0.05, 0.15)
    away = (columns / spread) ** 2 + np.where(rows < 0, rows / tall, rows / (tall * 1.3)) ** 2
    churn = _flattened(field(random, height, width // 2, half * 0.16, octaves=4), width)
    body = ramp(random.uniform(-0.4, 1.3) - away + 0.75 * churn, 0.1, 2.4)
    flecks = ramp(churn - 0.5 * np.sqrt(away), 0.4, 1.8) * random.uniform(0.2, 0.9)
    white: Image = np.maximum(body, flecks) * (0.86 + 0.06 * np.clip(churn, -2, 2))
    return white


def _flattened(narrow: Image, width: int) -> Image:
    """Stretch a field to `width`, so that its blotches lie flat as clouds and foam do."""
    return cv2.resize(narrow, (width, narrow.shape[0])).astype(np.float32, copy=False)


def spray(random: np.random.Generator, picture: Image, cover: Image, colour: Image, half: float) -> Image:
    """Let water run off the fluke and drops fly before it.

    Args:
        random: this photo's stream.
        picture: (3, height, width).
        cover: (height, width), 1 where the fluke is seen.
        colour: (3, 1, 1) of the drops.
        half: pixels from the notch to a tip.
    """
    drops = np.zeros(cover.shape, np.uint8)
    wet = np.argwhere(cover > 0.5)
    amount = int(random.choice([0, 12, 60, 260], p=[0.3, 0.3, 0.25, 0.15])) if len(wet) else 0
    starts = wet[random.integers(0, max(1, len(wet)), amount)] + random.normal(0, half * 0.07, (amount, 2))
    for row, column in starts:
        foot = row + random.exponential(half * 0.02)
        ends = np.round([[column * 16, row * 16], [column * 16, foot * 16]]).astype(np.int32)
        cv2.polylines(drops, [ends], False, int(random.integers(60, 255)), 1, cv2.LINE_AA, 4)
    mist = cv2.GaussianBlur(drops, (0, 0), max(0.5, half / 170)).astype(np.float32) / 255
    return mix(picture, colour, np.minimum(mist * 1.3, 0.9))
