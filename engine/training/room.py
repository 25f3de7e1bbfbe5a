"""Is there room on the disk for what a run will write? Asked before the first step, not after the last."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from torch import nn

from engine.contract.errors import DiskError

SPARE_BYTES = 32 << 20
"""For events, logs and small files."""


def bytes_needed(network: nn.Module, *, average: bool, photos: int, classes: int) -> int:
    """Return the bytes of the scores (float16) and of two checkpoints: the new one stands before the old one goes."""
    weights: int = sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())
    return photos * classes * 2 + 2 * weights * (2 if average else 1) + SPARE_BYTES


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
