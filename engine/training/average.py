"""A moving average of the weights, which answers better than any single step's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from engine.models.network import Network


class MovingAverage:
    """Exponential moving average of a network's parameters and batch norm statistics.

    `network` is the averaged copy, in eval mode. The decay grows with the steps,
    min(decay, (1 + steps) / (10 + steps)), so that a short run is not answered by its starting point
    (the rule of TensorFlow's ExponentialMovingAverage).
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay
        self.steps = 0  # taken into the average
        self._pairs = list(zip(_tensors(self.network), _tensors(network), strict=True))

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights as they are after a step."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        floating = [pair for pair in self._pairs if pair[0].is_floating_point()]
        # One kernel for all tensors: hundreds of small ones would cost more than the step's own arithmetic.
        torch._foreach_lerp_([ours for ours, _ in floating], [theirs for _, theirs in floating], 1.0 - decay)
        for ours, theirs in self._pairs:
            if not ours.is_floating_point():
                ours.copy_(theirs)  # counters of batch norm


def _tensors(network: Network) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]
