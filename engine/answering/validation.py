"""What a network is worth: loss and MAP@5 on the validation photos."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from engine.answering.answers import Answer, OutputsAnswer
from engine.answering.nearest import LEFT_OUT
from engine.answering.newness import Calibration, fit, fit_crosswise, sweep
from engine.answering.scores import Tick, as_stored
from engine.contract.events import Evaluated, EventWriter, Warned
from engine.contract.newness import NewWhale
from engine.contract.ranking import Score, score, top_five
from engine.contract.spec import PredictionSpec
from engine.contract.summary import Figures
from engine.data.loader import EvalLoader
from engine.models.device import Device
from engine.models.network import Network


@dataclass(frozen=True)
class Evaluation:
    """One look at the validation photos. What is calibrated is so crosswise, so that its figures are honest."""

    epoch: int
    score: Score
    loss: float  # mean cross-entropy, without label smoothing; NaN where the answer leaves whales out
    scores: NDArray[np.float16]  # (photos, classes), as they are answered with
    plain: NDArray[np.float32]  # before calibration; the same where there is none


class Validation:
    """Scores the validation photos after epochs; remembers the last look and the best one's figures."""

    def __init__(
        self,
        loader: EvalLoader,
        targets: NDArray[np.int64],
        new_class: int,
        device: Device,
        events: EventWriter,
        tick: Tick,
        answer: Answer | None = None,
        prediction: PredictionSpec | None = None,
    ) -> None:
        """Make one for the photos of a loader; `answer` is the network's outputs where none is given."""
        self._loader, self._targets, self._new_class = loader, targets, new_class
        self._events, self._tick = events, tick
        self.answer = answer or OutputsAnswer(device)
        self._prediction = prediction or PredictionSpec()
        self._warned = False
        self.seconds = 0.0
        self.last: Evaluation | None = None
        self.best_epoch, self.best_map5 = 0, -1.0

    def __call__(self, network: Network, epoch: int, step: int) -> None:
        """Score the photos and tell of it. Guesses are ranked by the scores as they are stored (float16)."""
        started_at = time.monotonic()
        self.answer.look(network, self._tick)
        plain = np.concatenate(list(self.answer.scores(network, self._loader, self._tick)))
        scores = self._calibrated(plain)
        stored = as_stored(scores)
        figures = score(top_five(stored), self._targets, self._new_class)
        self.last = Evaluation(epoch, figures, _mean_loss(scores, self._targets), stored, plain)
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

    def _calibrated(self, plain: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return chances where the spec asks for them and there are photos enough to fit them, else the scores."""
        if not self._prediction.calibrate:
            return plain
        chances = fit_crosswise(plain, self._targets, self._new_class, self._prediction.new_share)
        if chances is None and not self._warned:
            self._warned = True
            self._events.write(
                Warned(
                    message="too few validation photos of known or of new whales to calibrate by, or scores that are "
                    "no numbers: scores stay plain"
                )
            )
        return plain if chances is None else chances

    def calibration(self) -> tuple[Calibration, NewWhale] | None:
        """Return what the last look's scores are calibrated by, fitted on all its photos, with its honest figures."""
        assert self.last is not None, "calibrated after a look"
        last, truth, share = self.last, self._targets, self._prediction.new_share
        if not self._prediction.calibrate:
            return None
        fitted = fit(last.plain, truth, self._new_class, share)
        chances = fit_crosswise(last.plain, truth, self._new_class, share)
        if fitted is None or chances is None:
            return None
        before = score(top_five(as_stored(last.plain)), truth, self._new_class)
        told = NewWhale(
            temperature=fitted.temperature, fitted_share=float((truth == self._new_class).mean()), stated_share=share,
            before=Figures.of(before), after=Figures.of(last.score),
            sweep=sweep(chances, truth, self._new_class, share),
        )  # fmt: skip
        return fitted, told


def _mean_loss(scores: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """Return the mean cross-entropy; NaN of a table that names a few whales only, as the talk's neighbours do."""
    if (scores <= LEFT_OUT).any():
        return float("nan")
    return functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(targets)).item()
