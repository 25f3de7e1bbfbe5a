"""The network of a run: a backbone, and a head that knows how to be trained and what to answer."""

from __future__ import annotations

from torch import Tensor, nn

from engine.models.backbones import Backbone
from engine.models.heads import ClassifierHead, Head


class Network(nn.Module):
    """Backbone and head as one module, so that one call does a step whatever wraps it."""

    def __init__(self, backbone: Backbone, head: Head) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    @property
    def width(self) -> int:
        """Numbers in an embedding."""
        return self.backbone.width if isinstance(self.head, ClassifierHead) else self.head.linear.out_features

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings (B, embedding), float32, of photos (B, 3, height, width), as they are compared."""
        return self.head.embed(self.backbone(images))

    def forward(self, images: Tensor, targets: Tensor | None = None) -> Tensor:
        """Return the loss of a batch where targets are given, else its scores (B, classes) in float32.

        Scores are those of a head that knows the whales by name; the others only `embed`.

        Args:
            images: (B, 3, height, width), normalised.
            targets: (B,) class numbers.
        """
        features = self.backbone(images)
        scores: Tensor = self.head(features) if targets is None else self.head.loss(features, targets)
        return scores
