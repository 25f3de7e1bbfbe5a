"""Embeddings of photos: computed in eval mode with the test transform, written beside the scores, and watched.

embeddings/gallery.npy   (photos, width) float16 of the training photos; also valid.npy and test.npy
embeddings/gallery.json  photo names in row order
embeddings/gallery-mirrored.npy  where mirrored photos are whales of their own
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.answering.scores import Tick
from engine.contract.predictions import Photos
from engine.contract.rundir import sync_folder, write_json
from engine.data.loader import EvalLoader
from engine.models.device import Device
from engine.models.network import Network

SPREAD_OF_COLLAPSE = 0.02
"""Embeddings whose distances to their mean are less than so much of their length are all the same."""


def embed_batch(network: Network, images: Tensor, device: Device, *, mirrored: bool) -> Tensor:
    """Return the embeddings of a batch as they are (1, B, width), and mirrored, if asked, behind them (2, B, width).

    The network is put into eval mode: batch norm uses its statistics, dropout is off.
    """
    network.eval()
    with torch.inference_mode(), device.autocast():
        placed = device.images(images)
        sides = [placed, placed.flip(-1)] if mirrored else [placed]
        return torch.stack([network.embed(side).float() for side in sides])


def embed_photos(network: Network, loader: EvalLoader, device: Device, tick: Tick, *, mirrored: bool) -> Tensor:
    """Return the embeddings of all photos of a loader, float32 (1 or 2, photos, width), on the device."""
    parts: list[Tensor] = []
    done = 0
    for images in loader:
        parts.append(embed_batch(network, images, device, mirrored=mirrored))
        done += len(images)
        tick(done)
    return torch.cat(parts, dim=1)


def spread(embeddings: Tensor) -> float:
    """Return how far embeddings (photos, width) lie from their mean, as a share of their length; 0: all the same.

    NaN where one of them is no number.
    """
    centre = embeddings.mean(dim=0)
    length = embeddings.square().sum(dim=1).mean().sqrt()
    return float((embeddings - centre).square().sum(dim=1).mean().sqrt() / length.clamp(min=1e-12))


def what_is_wrong(embeddings: Tensor) -> str:
    """Return one sentence where embeddings (photos, width) tell no photos apart, else an empty text."""
    found = spread(embeddings)
    if found >= SPREAD_OF_COLLAPSE:
        return ""
    if np.isnan(found):
        return "the embeddings are no numbers: answers mean nothing; try a lower learning rate or float32"
    return (
        f"the embedding has collapsed: all photos look the same to it (spread {found:.1g}), so its answers mean "
        "nothing; try a lower learning rate, or semi-hard or random mining before batch-hard"
    )


def embedding_bytes(network: Network, photos: int, *, mirrored: bool) -> int:
    """Return the bytes that the embeddings of so many photos take on disk."""
    return photos * network.width * 2 * (2 if mirrored else 1)


def write_embeddings(folder: Path, part: str, names: tuple[str, ...], embeddings: Tensor) -> list[Path]:
    """Write the embeddings (1 or 2, photos, width) of a part as float16; return the tables. Whole or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for side, rows in zip((part, f"{part}-mirrored"), embeddings, strict=False):
        path = folder / f"{side}.npy"
        temporary = folder / f".{side}.partial.npy"
        np.save(temporary, _as_stored(rows), allow_pickle=False)
        temporary.replace(path)
        written.append(path)
    sync_folder(folder)
    write_json(folder / f"{part}.json", Photos(names=names))
    return written


def _as_stored(rows: Tensor) -> NDArray[np.float16]:
    limit = float(np.finfo(np.float16).max)
    stored: NDArray[np.float16] = rows.clamp(-limit, limit).cpu().numpy().astype(np.float16)
    return stored
