"""How training goes, told about twice a second; reading the loss off the GPU only then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from engine.contract.events import Epoch, EventWriter, Step, Warned

STEP_SECONDS = 0.5
"""Between two `Step` events."""


class Reporter:
    """Gathers losses where they were computed and writes `Step` and `Epoch` events.

    The first and the last step of a run always get an event; one warning tells of a loss that is no number.
    """

    def __init__(
        self,
        events: EventWriter,
        epochs: int,
        steps_per_epoch: int,
        total_steps: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events, self._clock = events, clock
        self._epochs, self._steps_per_epoch, self._total_steps = epochs, steps_per_epoch, total_steps
        self._started_at = self._told_at = self._epoch_at = clock()
        self._losses: list[Tensor] = []
        self._photos = 0
        self._epoch_loss, self._epoch_steps, self._epoch_photos = 0.0, 0, 0
        self._warned = False
        self.loss = math.nan  # of the newest `Epoch`

    def begin_epoch(self) -> None:
        """Start counting anew: what lies between epochs (validation) is no training time."""
        self._told_at = self._epoch_at = self._clock()
        self._epoch_loss, self._epoch_steps, self._epoch_photos = 0.0, 0, 0

    def step(self, step: int, loss: Tensor, rate: float, photos: int) -> None:
        """Take note of a step (counted from 1): its loss, a scalar still on its device, and its photos."""
        self._losses.append(loss)
        self._photos += photos
        now = self._clock()
        if step == 1 or step == self._total_steps or now - self._told_at >= STEP_SECONDS:
            self._tell(step, rate, now)

    def end_epoch(self, epoch: int) -> None:
        """Tell how the epoch went."""
        self._gather()
        seconds = max(self._clock() - self._epoch_at, 1e-9)
        self.loss = self._epoch_loss / max(1, self._epoch_steps)
        self._events.write(
            Epoch(
                epoch=epoch, epochs=self._epochs, loss=self.loss,
                seconds=seconds, images_per_second=self._epoch_photos / seconds,
            )
        )  # fmt: skip

    def _tell(self, step: int, rate: float, now: float) -> None:
        photos = self._photos
        loss = self._gather()
        seconds = max(now - self._told_at, 1e-9)
        # Time for validation is within: from the second epoch on it is part of what is still to come.
        eta_seconds = (now - self._started_at) / step * (self._total_steps - step)
        self._events.write(
            Step(
                step=step, epoch=step / self._steps_per_epoch, loss=loss, learning_rate=rate,
                images_per_second=photos / seconds, eta_seconds=eta_seconds,
            )
        )  # fmt: skip
        self._told_at = now
        if not math.isfinite(loss) and not self._warned:
            self._warned = True
            self._events.write(
                Warned(message=f"the loss is {loss} at step {step}: try a lower learning rate or float32")
            )

    def _gather(self) -> float:
        """Return the mean of the losses since the last time and forget them; NaN where there were none."""
        if not self._losses:
            return math.nan
        # The one place where the host waits for the GPU: `.item()` needs every step so far to be done.
        mean = torch.stack(self._losses).mean().item()
        self._epoch_loss += mean * len(self._losses)
        self._epoch_steps += len(self._losses)
        self._epoch_photos += self._photos
        self._losses.clear()
        self._photos = 0
        return mean
