"""Checkpoints: weights and position of a run, whole on disk or not there at all.

checkpoint/step-00000123/
    model.safetensors    the weights as they were trained
    average.safetensors  their moving average, where the spec keeps one
    state.json           step, epoch, digests of spec and class list
    MANIFEST.json        SHA-256 and bytes of each file above, written last

Safetensors and JSON only, no pickle: a checkpoint from a stranger is safe to open.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.contract.errors import RunFolderError
from engine.contract.rundir import read_json, sync_folder, write_json

MODEL, AVERAGE, STATE, MANIFEST = "model.safetensors", "average.safetensors", "state.json", "MANIFEST.json"


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run had got, and what it was."""

    step: int
    epoch: float  # 2.5: half of the third epoch was done
    spec_digest: str
    classes_digest: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a checkpoint as it must be."""

    sha256: str
    bytes: int


def save_checkpoint(folder: Path, position: Position, network: nn.Module, average: nn.Module | None) -> Path:
    """Write a checkpoint under `folder` and take older ones away; return where it lies.

    It is written under a temporary name, brought to disk and renamed: a crash at any moment leaves the
    old checkpoint or the new one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"step-{position.step:08d}"
    temporary = folder / f".{final.name}.{os.getpid()}.partial"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        save_file(_contiguous(network), temporary / MODEL)
        if average is not None:
            save_file(_contiguous(average), temporary / AVERAGE)
        write_json(temporary / STATE, position)
        _sync_files(temporary)
        entries = {path.name: _entry(path) for path in sorted(temporary.iterdir())}
        write_json(temporary / MANIFEST, entries)
        if final.exists():
            shutil.rmtree(final)  # the same step of an earlier attempt
        temporary.rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync_folder(folder)
    for other in _steps(folder):
        if other != final:
            shutil.rmtree(other)
    return final


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the checkpoint of the highest step, or None where there is none."""
    steps = _steps(folder)
    return steps[-1] if steps else None


def read_checkpoint(path: Path, *, average: bool) -> tuple[Position, dict[str, Tensor]]:
    """Return the position and the weights (or their average) of a checkpoint, each file checked first.

    Raises:
        RunFolderError: a file is missing, or is not the one that was written.
    """
    entries = read_json(path / MANIFEST, dict[str, Entry])
    if entries is None:
        raise RunFolderError(f"{path} holds no {MANIFEST}", "the checkpoint is not whole: train the run again")
    for name, entry in entries.items():
        if not (path / name).is_file() or _entry(path / name) != entry:
            raise RunFolderError(f"{path / name} is not the file that was written", "train the run again")
    position = read_json(path / STATE, Position)
    assert position is not None, "the manifest names it"
    wanted = path / (AVERAGE if average else MODEL)
    try:
        return position, load_file(wanted)
    except (SafetensorError, OSError) as error:
        raise RunFolderError(f"{wanted} cannot be read: {error}", "train the run again") from error


def _steps(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))


def _contiguous(network: nn.Module) -> dict[str, Tensor]:
    """Return the state without sharing or strange strides, which safetensors refuses."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in network.state_dict().items()}


def _entry(path: Path) -> Entry:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Entry(sha256=digest, bytes=path.stat().st_size)


def _sync_files(folder: Path) -> None:
    for path in folder.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
