"""Heads: what stands on a backbone, its loss and its scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.contract.spec import ClassifierMethod


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
