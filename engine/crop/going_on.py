"""A detector's training kept from epoch to epoch: one that is broken off goes on after its last whole epoch.

Beside the weights that answer (their moving average) a checkpoint holds those that are trained, the optimiser's state
and how far the average is, as safetensors. The last epoch's holds the weights alone. What is not kept: where the order
of the photos and their augmentations had got to. They begin anew with another seed, so a run that was broken off
equals an unbroken one in kind, not to the bit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.contract.errors import DiskError, RunFolderError
from engine.contract.events import FULL, Event, Phase, Saved, Warned
from engine.crop.job import Job
from engine.training.checkpoint import (
    KEPT,
    MODEL,
    TRAINING,
    Position,
    read_position,
    read_tensors,
    save_checkpoint,
    sound_checkpoint,
)
from engine.training.memory import optimiser_tensors, restore_optimiser
from engine.training.reporter import Listener

NETWORK, UPDATES = "network.", "average.updates"


class GoingOn:
    """Where a job's training begins: at its first epoch, or after the last one that was kept; `told` says so.

    Raises:
        RunFolderError: what was kept is of another spec.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._path: Path | None = None
        self.epoch, self.step = 0, 0
        path, complaints = sound_checkpoint(Path(job.checkpoint))
        self.told: list[Event] = [Warned(message=f"{complaint}: it is passed over") for complaint in complaints]
        if path is None:
            return
        position = read_position(path)
        if position.spec_digest != job.spec.digest:
            raise RunFolderError(f"{path} was saved under another spec.toml", "whaletui clone makes a new run of it")
        if not (path / TRAINING).exists() and position.epoch < job.spec.training.epochs:
            self.told.append(Warned(message=f"{path.name} holds weights only: training starts anew"))
            return
        self._path, self.epoch, self.step = path, int(position.epoch), position.step
        self.told.append(Phase(name=f"going on after epoch {self.epoch}, step {self.step:,}"))

    @property
    def is_begun(self) -> bool:
        """Whether an earlier attempt has trained a part."""
        return self._path is not None

    @property
    def is_trained(self) -> bool:
        """Whether only the measuring and the answers are missing."""
        return self.epoch >= self._job.spec.training.epochs

    def answer_with(self, network: nn.Module) -> None:
        """Give a network the weights that answer."""
        assert self._path is not None
        network.load_state_dict(read_tensors(self._path / MODEL))

    def restore(self, trainer: Any) -> None:
        """Give ultralytics' trainer back what it had after the last whole epoch."""
        assert self._path is not None
        tensors = read_tensors(self._path / TRAINING)
        kept = {name.removeprefix(NETWORK): value for name, value in tensors.items() if name.startswith(NETWORK)}
        trainer.model.load_state_dict(kept)
        self.answer_with(trainer.ema.ema)
        trainer.ema.updates = int(tensors[UPDATES])
        restore_optimiser(trainer.optimizer, tensors)
        trainer.start_epoch = self.epoch


def save(job: Job, trainer: Any, epoch: int, step: int, listener: Listener) -> None:
    """Keep what is needed to go on after an epoch; after the last one the weights alone.

    A full disk is warned of, and the checkpoint before stays, unless it is the last.

    Raises:
        DiskError: there is no room for the weights that answer.
    """
    last = epoch >= job.spec.training.epochs
    position = Position(step=step, epoch=epoch, spec_digest=job.spec.digest, classes_digest="")
    try:
        tensors, kept = (None, 1) if last else (_tensors(trainer), KEPT)
        path = save_checkpoint(Path(job.checkpoint), position, trainer.ema.ema, None, tensors, kept)
    except (OSError, RunFolderError) as error:
        full = isinstance(error, OSError) and error.errno in FULL
        if last and full:
            raise DiskError(
                f"{job.checkpoint} has no room for the weights", "make room, then whaletui resume the run"
            ) from error
        if last or not (full or isinstance(error, RunFolderError)):
            raise
        listener.write(
            Warned(message=f"the checkpoint of epoch {epoch} could not be written: {error}; see the one before")
        )
        return
    if last:
        size = sum(file.stat().st_size for file in path.iterdir())
        listener.write(Saved(path=f"checkpoint/{path.name}", bytes=size))


def _tensors(trainer: Any) -> dict[str, Tensor]:
    network = {f"{NETWORK}{name}": value for name, value in trainer.model.state_dict().items()}
    return {**network, **optimiser_tensors(trainer.optimizer), UPDATES: torch.tensor(trainer.ema.updates)}
