"""Embedding heads: photos of a whale near each other, of two whales apart. Losses in float32 whatever autocast says.

`TripletHead` and `SupConHead` judge pairs of photos and know no whales by name, so their answers come from the
training photos that look most alike. `ArcFaceHead` keeps a direction for each whale besides.
"""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from engine.contract.method import ArcFaceMethod, SupConMethod, TripletMethod
from engine.models.mining import batch_hard, related, semi_hard


class EmbeddingHead(nn.Module):
    """Dropout, one linear layer, and a BN neck where asked: features in, embeddings out, always in float32."""

    def __init__(self, width: int, dropout: float, embedding: int, neck: bool) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, embedding)
        self.neck = nn.BatchNorm1d(embedding) if neck else nn.Identity()
        if isinstance(self.neck, nn.BatchNorm1d):
            self.neck.bias.requires_grad_(False)  # directions are compared: a shift would tilt all of them

    def raw(self, features: Tensor) -> Tensor:
        """Return embeddings (B, embedding), float32, of any length."""
        with torch.autocast(features.device.type, enabled=False):
            embeddings: Tensor = self.neck(self.linear(self.dropout(features.float())))
        return embeddings

    def embed(self, features: Tensor) -> Tensor:
        """Return embeddings (B, embedding), float32, as they are compared: of length 1."""
        return functional.normalize(self.raw(features))


class TripletHead(EmbeddingHead):
    """A whale's own photos nearer to each other than to another whale's, by a margin (triplet margin loss)."""

    def __init__(self, width: int, dropout: float, method: TripletMethod, classes: int, new_class: int) -> None:
        super().__init__(width, dropout, method.width, method.neck)
        self.method, self.classes, self.new_class = method, classes, new_class

    def embed(self, features: Tensor) -> Tensor:
        """Return embeddings as they are compared: of length 1 if the method says so, else as they are."""
        return functional.normalize(self.raw(features)) if self.method.normalise else self.raw(features)

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch's triplets.

        Args:
            features: (B, width).
            targets: (B,) identities. With random mining the rows are anchors, positives, negatives in thirds.
        """
        embeddings, method = self.embed(features), self.method
        with torch.autocast(embeddings.device.type, enabled=False):
            if method.mining == "random":
                anchors, positives, negatives = embeddings.chunk(3)
            else:
                with torch.no_grad():
                    distances = torch.cdist(embeddings, embeddings, p=method.p)
                    pairs = related(targets, self.classes, self.new_class)
                    mine = batch_hard if method.mining == "batch-hard" else semi_hard
                    rows = mine(distances, *pairs)
                if not len(rows.anchors):
                    return embeddings.sum() * 0.0  # nothing to learn from, and a gradient all the same
                anchors, positives, negatives = (embeddings[part] for part in rows)
            return functional.triplet_margin_loss(anchors, positives, negatives, margin=method.margin, p=method.p)


class SupConHead(EmbeddingHead):
    """Every photo of a batch against every other (supervised contrastive loss, Khosla et al. 2020)."""

    def __init__(self, width: int, dropout: float, method: SupConMethod, classes: int, new_class: int) -> None:
        from pytorch_metric_learning.losses import SupConLoss  # imports half of scipy: only where it is used

        super().__init__(width, dropout, method.width, method.neck)
        self.contrast = SupConLoss(temperature=method.temperature)
        self.classes, self.new_class = classes, new_class

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of the photos that have another photo of their whale beside them."""
        embeddings = self.embed(features)
        with torch.autocast(embeddings.device.type, enabled=False):
            positive, negative = related(targets, self.classes, self.new_class)
            pairs = (*torch.nonzero(positive, as_tuple=True), *torch.nonzero(negative, as_tuple=True))
            loss: Tensor = self.contrast(embeddings, targets, indices_tuple=pairs)
        return loss


class ArcFaceHead(EmbeddingHead):
    """A direction (or several) for each identity; the angle to the right one is held to a margin.

    Sources: ArcFace (Deng et al. 2019), sub-centre ArcFace (Deng et al. 2020); a margin for each whale as the
    winners of Happywhale 2022 had it. The logit of a photo's own mirror image is left out of the softmax, and so are
    whales without training photos and `new_whale`, which is no whale.
    """

    trained: Tensor
    angles: Tensor

    def __init__(self, width: int, dropout: float, method: ArcFaceMethod, photos_of: ArrayLike, new_class: int) -> None:
        """Make a head. `photos_of` (classes,) counts the training photos of each class."""
        super().__init__(width, dropout, method.width, method.neck)
        counts = torch.as_tensor(photos_of)
        self.classes, self.scale = len(counts), method.scale
        sides = 2 if method.mirrored else 1
        self.directions = nn.Parameter(torch.empty(self.classes * sides, method.centres, method.width))
        nn.init.xavier_uniform_(self.directions)
        trained = (counts > 0) & (torch.arange(self.classes) != new_class)
        rarer = method.rare_angle * counts.clamp(min=1).float() ** -method.rare_power
        self.register_buffer("trained", trained.repeat(sides), persistent=False)
        self.register_buffer("angles", (method.angle + rarer).repeat(sides), persistent=False)

    def cosines(self, embeddings: Tensor) -> Tensor:
        """Return the cosine between embeddings (B, width) and the nearest centre of each identity, (B, identities)."""
        with torch.autocast(embeddings.device.type, enabled=False):
            centres = functional.normalize(self.directions.float(), dim=2).flatten(0, 1)
            cosines: Tensor = functional.normalize(embeddings.float()) @ centres.T
        nearest: Tensor = cosines.view(len(embeddings), *self.directions.shape[:2]).amax(dim=2)
        return nearest

    def forward(self, features: Tensor) -> Tensor:
        """Return scores (B, identities): scaled cosines; -1 for those without training photos."""
        return self.scale * self.cosines(self.raw(features)).masked_fill(~self.trained, -1.0)

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy of a batch with the margin on each photo's own identity, (B,) `targets`."""
        cosines = self.cosines(self.raw(features))
        with torch.autocast(cosines.device.type, enabled=False):
            rows = torch.arange(len(targets), device=targets.device)
            logits = cosines.masked_fill(~self.trained, -torch.inf)
            if len(self.trained) > self.classes:
                logits[rows, (targets + self.classes) % len(self.trained)] = -torch.inf
            logits[rows, targets] = with_margin(cosines[rows, targets], self.angles[targets])
            return functional.cross_entropy(self.scale * logits, targets)


def with_margin(cosines: Tensor, margins: Tensor) -> Tensor:
    """Return the cosines of angles widened by margins (radians), going on falling beyond a half turn."""
    safe = cosines.clamp(-1.0 + 1e-7, 1.0 - 1e-7)  # the gradient of acos is infinite at the ends
    angles = safe.acos()
    beyond = angles > torch.pi - margins
    return torch.where(beyond, safe - margins * margins.sin(), (angles + margins).cos())
