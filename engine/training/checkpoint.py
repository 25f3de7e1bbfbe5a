"""Checkpoints: all that a run needs to go on as if it had never stopped, whole on disk or not there at all.

checkpoint/step-00000123/
    model.safetensors     the weights as they were trained
    average.safetensors   their moving average, where the spec keeps one
    training.safetensors  optimiser, random states, losses of the epoch at hand; not in a finished run's
    state.json            step, epoch, digests of spec and class list; what else no tensor holds
    MANIFEST.json         SHA-256 and bytes of each file above, written last

Safetensors and JSON only, no pickle: a checkpoint from a stranger is safe to open. The names of the folders are
their order, so there is no pointer to the newest that could point nowhere.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from engine.contract.errors import RunFolderError
from engine.contract.rundir import read_json, sync_folder, write_json
from engine.training.memory import Memory

MODEL, AVERAGE, TRAINING = "model.safetensors", "average.safetensors", "training.safetensors"
STATE, MANIFEST = "state.json", "MANIFEST.json"
KEPT = 2
"""The newest and the one before: should the newest turn out damaged, little is lost."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run had got, and what it was."""

    step: int
    epoch: float  # 2.5: half of the third epoch was done
    looks: int = 0  # epochs that are over, the look at the validation photos included where one was due
    spec_digest: str  # of spec.toml
    classes_digest: str
    memory: Memory | None = None  # None: not of a run that can be gone on with


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a checkpoint as it must be."""

    sha256: str
    bytes: int


def save_checkpoint(
    folder: Path,
    position: Position,
    network: nn.Module,
    average: nn.Module | None,
    tensors: Mapping[str, Tensor] | None = None,
    kept: int = KEPT,
) -> Path:
    """Write a checkpoint under `folder`, then take all but the `kept` newest away; return where it lies.

    It is written under a temporary name, brought to disk, read back and renamed: a crash at any moment, or a full
    disk, leaves the old ones as they are.

    Raises:
        OSError: it could not be written; nothing of it is left.
        RunFolderError: what the disk gives back is not what was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"step-{position.step:08d}"
    temporary = folder / f".{final.name}.{os.getpid()}.partial"
    _sweep(folder)
    temporary.mkdir()
    try:
        entries = {MODEL: _write(temporary / MODEL, _contiguous(network.state_dict()))}
        if average is not None:
            entries[AVERAGE] = _write(temporary / AVERAGE, _contiguous(average.state_dict()))
        if tensors is not None:
            entries[TRAINING] = _write(temporary / TRAINING, _contiguous(tensors))
        write_json(temporary / STATE, position)
        entries[STATE] = _entry(temporary / STATE)
        write_json(temporary / MANIFEST, entries)
        verify(temporary)
        if final.exists():
            shutil.rmtree(final)  # the same step of an earlier attempt
        temporary.rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync_folder(folder)
    _forget(folder, final, kept)
    return final


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the checkpoint of the highest step, or None where there is none."""
    steps = _steps(folder)
    return steps[-1] if steps else None


def sound_checkpoint(folder: Path) -> tuple[Path | None, list[str]]:
    """Return the newest checkpoint that is as it was written, and what is wrong with each newer one."""
    complaints: list[str] = []
    for path in reversed(_steps(folder)):
        try:
            verify(path)
        except RunFolderError as error:
            complaints.append(error.message)
        else:
            return path, complaints
    return None, complaints


def verify(path: Path) -> None:
    """Read every file of a checkpoint; raises `RunFolderError` where one is not the file that was written."""
    entries = read_json(path / MANIFEST, dict[str, Entry])
    if not entries:
        raise RunFolderError(f"{path} holds no {MANIFEST}", "the checkpoint is not whole: train the run again")
    for name, entry in entries.items():
        if not (path / name).is_file() or _entry(path / name) != entry:
            raise RunFolderError(f"{path / name} is not the file that was written", "train the run again")


def read_position(path: Path) -> Position:
    """Return how far a run had got; raises `RunFolderError` where that cannot be read."""
    position = read_json(path / STATE, Position)
    if position is None:
        raise RunFolderError(f"{path} holds no {STATE}", "train the run again")
    return position


def read_checkpoint(path: Path, *, average: bool) -> tuple[Position, dict[str, Tensor]]:
    """Return the position and the weights (or their average) of a checkpoint, each file checked first.

    Raises:
        RunFolderError: a file is missing, or is not the one that was written.
    """
    verify(path)
    return read_position(path), read_tensors(path / (AVERAGE if average else MODEL))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file; raises `RunFolderError` where it cannot be read."""
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}", "train the run again") from error
    return tensors


def _steps(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))


def _sweep(folder: Path) -> None:
    """Take away what a program left that was killed while it wrote; only one engine ever writes here."""
    for left in folder.glob(".step-*.partial"):
        shutil.rmtree(left, ignore_errors=True)


def _forget(folder: Path, newest: Path, kept: int) -> None:
    """Keep the newest few; those of higher steps are of an attempt that could not be gone on with."""
    steps = _steps(folder)
    older = steps[: steps.index(newest)]
    for path in set(steps) - {newest, *older[len(older) - (kept - 1) :]}:
        shutil.rmtree(path)


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors without sharing or strange strides, which safetensors refuses."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}


def _write(path: Path, tensors: dict[str, Tensor]) -> Entry:
    """Write tensors and bring them to disk; return what the file must be."""
    data = to_safetensors(tensors)
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        # what is read back shall come from the disk, not from memory
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return Entry(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def _entry(path: Path) -> Entry:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Entry(sha256=digest, bytes=path.stat().st_size)
