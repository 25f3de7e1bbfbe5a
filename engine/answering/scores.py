"""Scores of photos: what the network thinks of each, written where an ensemble will find them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.contract.predictions import Photos, ScoreWriter
from engine.data.loader import EvalLoader
from engine.models.device import Device
from engine.models.network import Network

Tick = Callable[[int], None]
"""Called with the number of photos scored so far."""


def score_photos(network: Network, loader: EvalLoader, device: Device, tick: Tick) -> Iterator[NDArray[np.float32]]:
    """Yield the scores of each batch, (photos, classes) float32, in row order.

    The network is left in eval mode: batch norm uses its statistics, dropout is off.
    """
    network.eval()
    done = 0
    for images in loader:
        # Not around the `yield`: a generator's context would leak into whoever asked for the batch.
        with torch.inference_mode(), device.autocast():
            scores = network(device.images(images))
        done += len(images)
        tick(done)
        yield scores.float().cpu().numpy()


def as_stored(scores: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return scores as `ScoreWriter` keeps them, so that a run's own figures are those of its files."""
    limit = float(np.finfo(np.float16).max)
    return np.clip(scores, -limit, limit).astype(np.float16)


def write_scores(folder: Path, part: str, photos: Photos, classes: int, batches: Iterable[NDArray[np.floating]]) -> int:
    """Write the scores of a part as they come, and return the bytes of the table. Nothing stays of a half."""
    with ScoreWriter(folder, part, photos, classes) as writer:
        for scores in batches:
            writer.append(scores)
    return (folder / f"{part}.npy").stat().st_size
