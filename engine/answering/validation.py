"""What a network is worth: loss and MAP@5 on the validation photos."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from engine.answering.scores import Tick, as_stored, score_photos
from engine.contract.events import Evaluated, EventWriter
from engine.contract.ranking import Score, score, top_five
from engine.data.loader import EvalLoader
from engine.models.device import Device
from engine.models.network import Network


@dataclass(frozen=True)
class Evaluation:
    """One look at the validation photos."""

    epoch: int
    score: Score
    loss: float  # mean cross-entropy, without label smoothing
    scores: NDArray[np.float16]  # (photos, classes)


class Validation:
    """Scores the validation photos after each epoch; remembers the last look and the best one's figures."""

    def __init__(
        self,
        loader: EvalLoader,
        targets: NDArray[np.int64],
        new_class: int,
        device: Device,
        events: EventWriter,
        tick: Tick,
    ) -> None:
        self._loader, self._targets, self._new_class = loader, targets, new_class
        self._device, self._events, self._tick = device, events, tick
        self.seconds = 0.0
        self.last: Evaluation | None = None
        self.best_epoch, self.best_map5 = 0, -1.0

    def __call__(self, network: Network, epoch: int, step: int) -> None:
        """Score the photos and tell of it. Guesses are ranked by the scores as they are stored (float16)."""
        started_at = time.monotonic()
        loss_sum, row = 0.0, 0
        stored: list[NDArray[np.float16]] = []
        guesses: list[NDArray[np.int64]] = []
        for scores in score_photos(network, self._loader, self._device, self._tick):
            targets = self._targets[row : row + len(scores)]
            row += len(scores)
            loss_sum += _summed_loss(scores, targets)
            stored.append(as_stored(scores))
            guesses.append(top_five(stored[-1]))
        figures = score(np.concatenate(guesses), self._targets, self._new_class)
        self.last = Evaluation(epoch, figures, loss_sum / row, np.concatenate(stored))
        if figures.map5 > self.best_map5:
            self.best_epoch, self.best_map5 = epoch, figures.map5
        seconds = time.monotonic() - started_at
        self.seconds += seconds
        self._events.write(
            Evaluated(
                epoch=epoch, step=step, loss=self.last.loss, map5=figures.map5, map5_low=figures.low,
                map5_high=figures.high, map5_known=figures.known, map5_new=figures.new, seconds=seconds,
            )
        )  # fmt: skip


def _summed_loss(scores: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    loss = functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(targets), reduction="sum")
    return loss.item()
