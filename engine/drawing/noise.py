"""Smooth random fields and curves: what pigment, waves and clouds are made of."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.floating]
"""(height, width), or (3, height, width) planes of blue, green and red; float32 from 0 to 1. Planes, because
numpy works through one plane several times faster than through interleaved colours."""


def field(random: np.random.Generator, height: int, width: int, cell: float, octaves: int = 3) -> Image:
    """Return value noise: (height, width) with mean 0 and deviation 1.

    Args:
        random: where the numbers come from.
        height: pixels.
        width: pixels.
        cell: size of the coarsest blotches in pixels; each further octave halves it and its weight.
        octaves: how many are added.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        rows = max(2, round(height / cell * 2**octave) + 1)
        columns = max(2, round(width / cell * 2**octave) + 1)
        grid = random.standard_normal((rows, columns)).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.5**octave
    centred: Image = (total - total.mean()) / total.std()
    return centred


def wave_tile(random: np.random.Generator, size: int = 512, waves: int = 60) -> Image:
    """Return a (size, size) field that tiles: swell and ripples, crests along the rows, deviation 1."""
    position = np.arange(size, dtype=np.float32) * (2 * np.pi / size)
    total = np.zeros((size, size), np.float32)
    for _ in range(waves):
        across, along = int(np.exp(random.uniform(1.0, 4.5))), int(random.normal(0, 14))  # whole numbers: so it tiles
        phase = random.uniform(0, 2 * np.pi)
        height = 1.0 / np.hypot(across, along) ** 0.8
        total += (height * np.sin(across * position[:, None] + along * position[None, :] + phase)).astype(np.float32)
    crests = total / total.std()
    sharpened: Image = np.sign(crests) * np.abs(crests) ** 1.3  # crests that a sum of sines has not
    return sharpened


def ramp(values: Image, start: float, stop: float) -> Image:
    """Return 0 below `start`, 1 above `stop` and a smooth rise between (Perlin's smoothstep)."""
    share = np.clip((values - start) / (stop - start), 0.0, 1.0)
    smooth: Image = share * share * (3.0 - 2.0 * share)
    return smooth


def spline(points: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Return (samples, 2) points of the Catmull-Rom spline through (n, 2) points, ends included."""
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    position = np.linspace(0, len(points) - 1, samples)
    piece = np.minimum(position.astype(int), len(points) - 2)
    t = (position - piece)[:, None]
    before, start, stop, after = (padded[piece + offset] for offset in range(4))
    curve: NDArray[np.float64] = 0.5 * (
        2 * start
        + (stop - before) * t
        + (2 * before - 5 * start + 4 * stop - after) * t**2
        + (3 * start - before - 3 * stop + after) * t**3
    )
    return curve


def tint(*colour: float) -> Image:
    """Return a colour (blue, green, red) that spreads over a picture's planes: (3, 1, 1)."""
    return np.array(colour, np.float32)[:, None, None]


def mix(under: Image, over: Image, share: Image) -> Image:
    """Lay a colour or picture over a picture; `share` (height, width) says how much of it is seen."""
    return under + (over - under) * share
