"""Training: epochs outside, steps inside, told in the order in which they happen."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.contract.spec import RunSpec
from engine.data.loader import TrainLoader
from engine.models.device import Device
from engine.models.network import Network
from engine.training.average import MovingAverage
from engine.training.optimiser import build_optimiser, clip_gradients, learning_rate, set_learning_rate
from engine.training.reporter import Reporter

Evaluate = Callable[[Network, int, int], None]
"""Scores the validation photos with a network, after an epoch and a step (both counted from 1)."""


class Training:
    """A network being trained: all that changes from step to step, and how a step is done."""

    def __init__(self, network: Network, spec: RunSpec, device: Device, steps_per_epoch: int) -> None:
        self.network, self.spec, self.device = network, spec, device
        self.steps_per_epoch = steps_per_epoch
        self.step = 0  # steps done
        self.looks = 0  # epochs that are over, the look at the validation photos included where one was due
        self.total_steps = spec.training.epochs * steps_per_epoch
        if spec.training.max_steps:  # a trial: the beginning of the whole run, learning rate included
            self.total_steps = min(self.total_steps, spec.training.max_steps)
        self.optimiser = build_optimiser(network, spec.optimiser)
        self.scaler = torch.amp.GradScaler(device.device.type, enabled=device.scales_loss)
        self.average = MovingAverage(network, spec.training.ema) if spec.training.ema else None

    @property
    def epoch(self) -> float:
        """How far training is: 2.5 in the middle of the third epoch."""
        return self.step / self.steps_per_epoch

    @property
    def done(self) -> bool:
        """Whether the last step was taken."""
        return self.step >= self.total_steps

    @property
    def rate(self) -> float:
        """The learning rate of the step that comes next."""
        return learning_rate(self.step, self.steps_per_epoch, self.spec.training.epochs, self.spec.optimiser)

    @property
    def answering(self) -> Network:
        """The network to answer with: the moving average where one is kept."""
        return self.average.network if self.average else self.network

    def learn(self, images: Tensor, targets: Tensor) -> Tensor:
        """Take one step on a batch and return its loss, a scalar that stays on the device."""
        images, targets = self.device.images(images), self.device.targets(targets)
        set_learning_rate(self.optimiser, self.rate)
        with self.device.autocast():
            loss: Tensor = self.network(images, targets)
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self.spec.optimiser.clip_norm:
            self.scaler.unscale_(self.optimiser)
            clip_gradients(self.network, self.spec.optimiser.clip_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.average:
            self.average.update()
        self.step += 1
        return loss.detach()


def train(
    training: Training, loader: TrainLoader, reporter: Reporter, evaluate: Evaluate, after_step: Callable[[], None]
) -> None:
    """Train until the last step, scoring the validation photos as often as the spec says, and at the end.

    It begins where `training` stands: at the first step, in the middle of an epoch, or between an epoch's last
    step and its look at the validation photos.

    Args:
        training: where to start from; holds the outcome.
        loader: the training photos.
        reporter: told of each step and epoch.
        evaluate: called after such epochs with the network to answer with.
        after_step: called after each step; may raise to end training there.
    """
    for epoch in range(training.looks + 1, training.spec.training.epochs + 1):
        done = training.step - (epoch - 1) * training.steps_per_epoch  # of this epoch, when it was gone on with
        training.network.train()
        reporter.begin_epoch()
        for images, targets in loader.epoch(epoch, done) if not training.done else ():
            rate = training.rate
            loss = training.learn(images, targets)
            reporter.step(training.step, loss, rate, len(targets))
            after_step()
            if training.done:
                break
        reporter.end_epoch(epoch)
        if training.done or epoch % training.spec.training.validate_every == 0:
            evaluate(training.answering, epoch, training.step)
        training.looks = epoch
        if training.done:
            return
