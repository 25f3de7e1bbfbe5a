"""Heads: what stands on a backbone, its loss and its scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.contract.errors import SpecError
from engine.contract.method import ClassifierMethod
from engine.contract.spec import RunSpec


class ClassifierHead(nn.Module):
    """One output per whale: dropout, then one linear layer, always in float32.

    Out of autocast, because logits rounded to bfloat16 (8 bits) tie by the dozen among thousands of
    whales, and a tie is a coin thrown for a place among the five guesses.
    """

    def __init__(self, width: int, classes: int, dropout: float, method: ClassifierMethod) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, classes)
        self.label_smoothing = method.label_smoothing

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (B, classes), float32, of features (B, width) of any precision."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.linear(self.dropout(features.float()))
        return logits

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy of a batch; `targets` (B,) are class numbers."""
        return functional.cross_entropy(self(features), targets, label_smoothing=self.label_smoothing)


def build_head(spec: RunSpec, width: int, classes: int) -> ClassifierHead:
    """Return the head of a spec's method for features (B, width); raises `SpecError` for a kind without one."""
    if isinstance(spec.method, ClassifierMethod):
        return ClassifierHead(width, classes, spec.model.dropout, spec.method)
    kind = spec.to_values()["method"]["kind"]
    raise SpecError(f"method.kind is {kind}, for which there is no head", "set method.kind=classifier", "method.kind")
