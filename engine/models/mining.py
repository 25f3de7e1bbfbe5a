"""Which photos of a batch teach: pairs of one whale, pairs of two, and the hard triplets among them. Pure.

Whales are numbered by identity: class number, plus the number of classes where the photo is mirrored. Nothing is
said about a whale and its own mirror image: a symmetric fluke is hardly another whale's. Two photos of
`new_whale` are of one whale or of two, nobody knows: they are only ever the negatives of known whales.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Triplets(NamedTuple):
    """Rows of a batch: anchor, another photo of its whale, a photo of another whale; each int64 (triplets,)."""

    anchors: Tensor
    positives: Tensor
    negatives: Tensor


def related(identities: Tensor, classes: int, new_class: int) -> tuple[Tensor, Tensor]:
    """Return which pairs of rows (anchor, other) are of one known whale and which of two, bool (B, B) each.

    Args:
        identities: (B,) class numbers, plus `classes` where mirrored.
        classes: how many classes there are.
        new_class: the class of `new_whale`, -1 where it is not among them.
    """
    whales = identities % classes
    known = (whales != new_class)[:, None]
    same_whale = whales[:, None] == whales[None, :]
    itself = torch.eye(len(identities), dtype=torch.bool, device=identities.device)
    positive = known & (identities[:, None] == identities[None, :]) & ~itself
    return positive, known & ~same_whale


def batch_hard(distances: Tensor, positive: Tensor, negative: Tensor) -> Triplets:
    """Return a triplet for each anchor that has both: its farthest positive, its nearest negative.

    Whales may have any number of photos in the batch. Source: In Defense of the Triplet Loss (Hermans et al. 2017).

    Args:
        distances: (B, B).
        positive: (B, B), see `related`.
        negative: (B, B).
    """
    anchors = torch.nonzero(positive.any(dim=1) & negative.any(dim=1)).flatten()
    farthest = distances.masked_fill(~positive, -torch.inf)[anchors].argmax(dim=1)
    nearest = distances.masked_fill(~negative, torch.inf)[anchors].argmin(dim=1)
    return Triplets(anchors, farthest, nearest)


def semi_hard(distances: Tensor, positive: Tensor, negative: Tensor) -> Triplets:
    """Return a triplet for each positive pair: the nearest of the negatives that are farther than the positive.

    Where every negative is nearer, the farthest of them. Source: FaceNet (Schroff et al. 2015). Arguments as above.
    """
    anchors, positives = torch.nonzero(positive & negative.any(dim=1, keepdim=True), as_tuple=True)
    reach = distances[anchors, positives][:, None]
    candidates, away = negative[anchors], distances[anchors]
    farther = candidates & (away > reach)
    nearest = away.masked_fill(~farther, torch.inf).argmin(dim=1)
    farthest = away.masked_fill(~candidates, -torch.inf).argmax(dim=1)
    return Triplets(anchors, positives, torch.where(farther.any(dim=1), nearest, farthest))
