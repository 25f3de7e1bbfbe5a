"""Disks in memory that are soon full."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

SmallDisk = Callable[..., Path]
"""Mounts a disk of a size such as "256k" and, where given, so many inodes; returns its folder."""


def fill(disk: Path) -> Path:
    """Take all room that a disk has left; deleting the file gives it back."""
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler
