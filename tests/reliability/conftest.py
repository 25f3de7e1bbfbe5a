"""Faults injected for real: small disks, namespaces, terminals, and a workspace whose engine is the stand-in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
for folder in ("whaletui", "engine"):
    if str(TESTS / folder) not in sys.path:
        sys.path.append(str(TESTS / folder))

from jobs_kit import Lab, make_lab  # noqa: E402  (found by the path above)
from small_disks import SmallDisk  # noqa: E402


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Return a new workspace with one CPU slot and the stand-in engine."""
    yield from make_lab(tmp_path, monkeypatch)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Return a function that mounts a disk in memory: small_disk("256k"), small_disk("1m", inodes=20)."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    mounted: list[Path] = []

    def mount(size: str, inodes: int = 0) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        limits = f"size={size}" + (f",nr_inodes={inodes}" if inodes else "")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", limits, "tmpfs", str(folder)], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=False)
