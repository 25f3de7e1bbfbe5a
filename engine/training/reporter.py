"""How training goes, told about twice a second; reading the loss off the GPU only then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from engine.contract.events import Epoch, Event, Step, Warned

STEP_SECONDS = 0.5
"""Between two `Step` events."""


class Listener(Protocol):
    """Whoever takes events: the file of a run, or the process that asked."""

    def write(self, event: Event) -> object:
        """Take an event."""


class Reporter:
    """Gathers losses where they were computed and writes `Step` and `Epoch` events.

    The first and the last step of a run always get an event; one warning tells of a loss that is no number.
    """

    def __init__(
        self,
        events: Listener,
        epochs: int,
        steps_per_epoch: int,
        total_steps: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events, self._clock = events, clock
        self._epochs, self._steps_per_epoch, self._total_steps = epochs, steps_per_epoch, total_steps
        self._started_at = self._told_at = self._epoch_at = clock()
        self._first_step = 0  # done before this attempt
        self._unread: list[Tensor] = []  # losses that are still on their device
        self._untold: list[float] = []  # losses since the last `Step`
        self._photos = 0  # since the last `Step`
        self._of_epoch: list[float] = []  # every loss of the epoch at hand
        self._photos_before = 0
        self.epoch_photos = 0  # seen in the epoch at hand
        self._warned = False
        self.loss = math.nan  # of the newest `Epoch`

    def begin_epoch(self) -> None:
        """Start counting anew: what lies between epochs (validation) is no training time."""
        self._told_at = self._epoch_at = self._clock()
        self._photos_before = self.epoch_photos  # some, where the epoch was begun by an earlier attempt

    def restore(self, step: int, loss: float, losses: Sequence[float], photos: int) -> None:
        """Go on after `step`, in an epoch of which some losses and photos are known."""
        self._first_step, self.loss = step, loss
        self._of_epoch, self.epoch_photos = list(losses), photos

    def epoch_losses(self) -> list[float]:
        """Return the loss of each step of the epoch at hand."""
        self._read()
        return self._of_epoch

    def step(self, step: int, loss: Tensor, rate: float, photos: int) -> None:
        """Take note of a step (counted from 1): its loss, a scalar still on its device, and its photos."""
        self._unread.append(loss)
        self._photos += photos
        self.epoch_photos += photos
        now = self._clock()
        if step == 1 or step == self._total_steps or now - self._told_at >= STEP_SECONDS:
            self._tell(step, rate, now)

    def end_epoch(self, epoch: int) -> None:
        """Tell how the epoch went; nothing where an earlier attempt told it and only its look was missing."""
        self._read()
        if not self._of_epoch:
            return
        seconds = max(self._clock() - self._epoch_at, 1e-9)
        # Summed exactly: the same to the last bit however often it was told and gone on with.
        self.loss = _sum(self._of_epoch) / len(self._of_epoch)
        self._events.write(
            Epoch(
                epoch=epoch, epochs=self._epochs, loss=self.loss, seconds=seconds,
                images_per_second=(self.epoch_photos - self._photos_before) / seconds,
            )
        )  # fmt: skip
        self._of_epoch, self.epoch_photos = [], 0
        self._untold, self._photos = [], 0

    def _tell(self, step: int, rate: float, now: float) -> None:
        self._read()
        loss = _sum(self._untold) / len(self._untold)
        seconds = max(now - self._told_at, 1e-9)
        # Time for validation is within: from the second epoch on it is part of what is still to come.
        eta_seconds = (now - self._started_at) / (step - self._first_step) * (self._total_steps - step)
        self._events.write(
            Step(
                step=step, epoch=step / self._steps_per_epoch, loss=loss, learning_rate=rate,
                images_per_second=self._photos / seconds, eta_seconds=eta_seconds,
            )
        )  # fmt: skip
        self._told_at, self._untold, self._photos = now, [], 0
        if not math.isfinite(loss) and not self._warned:
            self._warned = True
            self._events.write(
                Warned(message=f"the loss is {loss} at step {step}: try a lower learning rate or float32")
            )

    def _read(self) -> None:
        """Fetch the losses since the last time, each as the number it is."""
        if not self._unread:
            return
        # The one place where the host waits for the GPU: `.tolist()` needs every step so far to be done.
        losses = torch.stack(self._unread).tolist()
        self._unread.clear()
        self._untold += losses
        self._of_epoch += losses


def _sum(losses: Sequence[float]) -> float:
    """Return the exact sum, rounded once; NaN where it is none or infinities cancel out."""
    try:
        return math.fsum(losses)
    except (OverflowError, ValueError):
        return math.nan
