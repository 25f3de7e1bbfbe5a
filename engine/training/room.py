"""Is there room on the disk for what a run will write? Asked before the first step, not after the last."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from torch import nn

from engine.contract.errors import DiskError
from engine.contract.spec import RunSpec

SPARE_BYTES = 32 << 20
"""For events, logs and small files."""


def bytes_needed(network: nn.Module, spec: RunSpec, *, photos: int, classes: int) -> int:
    """Return the bytes of the scores (float16) and of three checkpoints: two are kept while a new one is written."""
    weights: int = sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())
    copies = 1 + (spec.training.ema > 0.0) + (1 if spec.optimiser.kind == "sgd" else 2)  # Adam keeps two moments
    return photos * classes * 2 + 3 * copies * weights + SPARE_BYTES


def free_bytes(folder: Path) -> int:
    """Return the bytes that may still be written to the disk of a folder."""
    return shutil.disk_usage(folder).free


def check_room(folder: Path, needed: int, free: Callable[[Path], int] = free_bytes) -> None:
    """Raise `DiskError` where `folder` has less than `needed` bytes free."""
    found = free(folder)
    if found < needed:
        raise DiskError(
            f"{folder} has {found / 1e6:,.0f} MB free, but the run will write up to {needed / 1e6:,.0f} MB",
            "make room there, or take a workspace on another disk",
        )
