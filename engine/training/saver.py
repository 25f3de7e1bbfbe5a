"""Saver: writes checkpoints when they are due, and makes a run go on from the newest sound one."""

from __future__ import annotations

import errno
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from engine.contract.errors import DiskError, RunFolderError
from engine.contract.events import FULL, EventWriter, Saved, Warned
from engine.contract.rundir import RunDir
from engine.training import memory as remembered
from engine.training.checkpoint import (
    AVERAGE,
    KEPT,
    MODEL,
    TRAINING,
    Position,
    read_position,
    read_tensors,
    save_checkpoint,
    sound_checkpoint,
)
from engine.training.loop import Training
from engine.training.memory import Memory
from engine.training.reporter import Reporter
from engine.training.room import SPARE_BYTES, free_bytes

HEADROOM = 1.2
"""A new checkpoint needs as much room as the last one, and a little more."""


class Saver:
    """Saves one run.

    Args:
        run_dir: where the checkpoints lie.
        training: what is saved.
        reporter: whose losses of the epoch at hand are saved too.
        classes_digest: of the classes that the head answers with.
        figures: asked for the rest at each save.
        events: told of each checkpoint, and of each that could not be written.
    """

    def __init__(
        self,
        run_dir: RunDir,
        training: Training,
        reporter: Reporter,
        classes_digest: str,
        figures: Callable[[], tuple[int, float, Mapping[str, float]]],
        events: EventWriter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run_dir, self._training, self._reporter, self._events = run_dir, training, reporter, events
        self._classes_digest, self._figures, self._clock = classes_digest, figures, clock
        self._spec_digest = spec_digest(run_dir)
        self._saved_at, self._saved_step, self._bytes, self._warned = clock(), -1, 0, False

    def save_if_due(self) -> None:
        """Save when `training.save_minutes` have passed; a disk that is full is warned of once, and survived."""
        minutes = self._training.spec.training.save_minutes
        if minutes and self._clock() - self._saved_at >= minutes * 60.0:
            self.save()

    def save(self) -> None:
        """Save now. On a full disk the older checkpoints stay, a warning is told and the run goes on."""
        if self._saved_step == self._training.step:
            return
        try:
            self._check_room()
            self._write(remembered_tensors(self._training, self._reporter))
        except RunFolderError as error:  # read back from the disk it was another
            self._warn(error.message)
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._warn(error.strerror or "the disk is full")
        self._saved_at = self._clock()

    def save_final(self) -> None:
        """Save the weights of a run whose training is done, over everything that was needed to go on.

        Raises:
            DiskError: there is no room; the checkpoint before is still there to go on from.
        """
        try:
            self._write(None, kept=1)
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise DiskError(
                f"{self._run_dir.checkpoint} has no room for the weights", "make room, then whaletui resume the run"
            ) from error

    def resume(self, path: Path) -> Memory:
        """Make training go on where a checkpoint was written; returns what else it remembers.

        Raises:
            RunFolderError: it is of other data or of another spec, or cannot be read.
        """
        position = read_position(path)
        _refuse_other(path, position, self._spec_digest, self._classes_digest)
        training = self._training
        training.network.load_state_dict(read_tensors(path / MODEL))
        if training.average is not None:
            training.average.network.load_state_dict(read_tensors(path / AVERAGE))
        training.step, training.looks = position.step, position.looks
        memory, losses = position.memory, []
        if memory is None:
            raise RunFolderError(f"{path} holds weights only", "whaletui clone makes a new run of its spec")
        if (path / TRAINING).exists():
            tensors = read_tensors(path / TRAINING)
            losses = tensors[remembered.LOSSES].tolist()
            remembered.restore_optimiser(training.optimiser, tensors)
            if training.scaler.is_enabled():
                training.scaler.load_state_dict(memory.scaler)
            remembered.restore_random(memory.generators, tensors)
            self._saved_step = position.step
        else:  # training was done: only the last look and the answers are missing
            training.looks = max(0, position.looks - 1)
        if training.average is not None:
            training.average.steps = memory.average_steps
        loss = math.nan if memory.loss is None else memory.loss
        self._reporter.restore(position.step, loss, losses, memory.photos)
        return memory

    def _memory(self) -> Memory:
        best_epoch, best_map5, seconds = self._figures()
        training, reporter = self._training, self._reporter
        return Memory(
            generators=remembered.generators(), average_steps=training.average.steps if training.average else 0,
            scaler=training.scaler.state_dict(), loss=reporter.loss if math.isfinite(reporter.loss) else None,
            photos=reporter.epoch_photos, best_epoch=best_epoch, best_map5=best_map5, seconds=dict(seconds),
        )  # fmt: skip

    def _check_room(self) -> None:
        if free_bytes(self._run_dir.path) < HEADROOM * self._bytes + SPARE_BYTES:
            raise OSError(errno.ENOSPC, "too little room is left on the disk")

    def _write(self, tensors: dict[str, torch.Tensor] | None, kept: int = KEPT) -> None:
        training = self._training
        position = Position(
            step=training.step, epoch=training.epoch, looks=training.looks, memory=self._memory(),
            spec_digest=self._spec_digest, classes_digest=self._classes_digest,
        )  # fmt: skip
        average = training.average.network if training.average else None
        path = save_checkpoint(self._run_dir.checkpoint, position, training.network, average, tensors, kept)
        self._bytes = sum(file.stat().st_size for file in path.iterdir())
        self._saved_step, self._warned = training.step, False
        self._events.write(Saved(path=str(path.relative_to(self._run_dir.path)), bytes=self._bytes))

    def _warn(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            step = self._training.step
            self._events.write(
                Warned(message=f"the checkpoint of step {step} could not be written: {why}; the one before is kept")
            )


def remembered_tensors(training: Training, reporter: Reporter) -> dict[str, torch.Tensor]:
    """Return the tensors of all that changes from step to step, weights left out."""
    losses = torch.tensor(reporter.epoch_losses(), dtype=torch.float64)
    optimiser = remembered.optimiser_tensors(training.optimiser)
    return {**optimiser, **remembered.random_tensors(), remembered.LOSSES: losses}


def spec_digest(run_dir: RunDir) -> str:
    """Return the SHA-256 of `spec.toml` as it lies there: a newer program that knows more fields finds it the same."""
    return hashlib.sha256(run_dir.spec_file.read_bytes()).hexdigest()


def find_checkpoint(run_dir: RunDir) -> tuple[Path | None, list[str]]:
    """Return the checkpoint that a run goes on from, and in words what is wrong with newer ones.

    A run that was never saved begins at its first step.
    """
    path, complaints = sound_checkpoint(run_dir.checkpoint)
    instead = f"going on from {path.name}" if path else "starting from the first step"
    return path, [f"{complaint}: {instead}" for complaint in complaints]


def _refuse_other(path: Path, position: Position, spec: str, classes: str) -> None:
    if position.spec_digest != spec:
        raise RunFolderError(f"{path} was saved under another spec.toml", "whaletui clone makes a new run of it")
    if position.classes_digest != classes:
        raise RunFolderError(
            f"{path} was saved with other whales: the data folder has changed since", "whaletui clone makes a new run"
        )
