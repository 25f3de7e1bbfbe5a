"""Heads: what stands on a backbone, its loss, its scores and its embeddings."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from engine.contract.errors import SpecError
from engine.contract.method import ArcFaceMethod, ClassifierMethod, SupConMethod, TripletMethod
from engine.contract.spec import RunSpec
from engine.models.embedding import ArcFaceHead, SupConHead, TripletHead


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

    def embed(self, features: Tensor) -> Tensor:
        """Return the features themselves as embeddings (B, width) of length 1, float32."""
        return functional.normalize(features.float())

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy of a batch; `targets` (B,) are class numbers."""
        return functional.cross_entropy(self(features), targets, label_smoothing=self.label_smoothing)


Head = ClassifierHead | TripletHead | SupConHead | ArcFaceHead


def build_head(spec: RunSpec, width: int, photos_of: ArrayLike, new_class: int) -> Head:
    """Return the head of a spec's method.

    Args:
        spec: the run's.
        width: of the features.
        photos_of: (classes,) training photos of each class.
        new_class: the class of `new_whale`.

    Raises:
        SpecError: the kind of method has no head: it trains elsewhere.
    """
    method, dropout = spec.method, spec.model.dropout
    classes = len(torch.as_tensor(photos_of))
    match method:
        case ClassifierMethod():
            return ClassifierHead(width, classes, dropout, method)
        case TripletMethod():
            return TripletHead(width, dropout, method, classes, new_class)
        case SupConMethod():
            return SupConHead(width, dropout, method, classes, new_class)
        case ArcFaceMethod():
            return ArcFaceHead(width, dropout, method, photos_of, new_class)
    kind = spec.to_values()["method"]["kind"]
    raise SpecError(f"method.kind is {kind}, for which there is no head", "set method.kind=classifier", "method.kind")
