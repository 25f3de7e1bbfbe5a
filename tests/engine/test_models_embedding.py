"""Embedding heads: triplets by pencil, and losses equal to those of pytorch-metric-learning."""

from __future__ import annotations

import math

import pytest
import torch
from pytorch_metric_learning.losses import ArcFaceLoss, SubCenterArcFaceLoss, SupConLoss, TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from torch import Tensor, nn

from engine.contract.method import ArcFaceMethod, SupConMethod, TripletMethod
from engine.models.embedding import ArcFaceHead, SupConHead, TripletHead, with_margin
from engine.models.mining import batch_hard, related, semi_hard

CLASSES, NEW = 10, 0


def points(*places: float) -> Tensor:
    """Return distances between points on a line."""
    line = torch.tensor(places)
    return (line[:, None] - line[None, :]).abs()


def pairs(*identities: int) -> tuple[Tensor, Tensor]:
    return related(torch.tensor(identities), CLASSES, NEW)


# Pairs and triplets, by pencil


def test_pairs_are_of_known_whales_and_never_of_a_whale_and_its_mirror_image() -> None:
    positive, negative = pairs(1, 1, 11, 2, NEW, NEW + 10)
    assert positive.nonzero().tolist() == [[0, 1], [1, 0]]
    wanted = [[0, 3], [0, 4], [0, 5], [1, 3], [1, 4], [1, 5], [2, 3], [2, 4], [2, 5]]
    wanted += [[3, 0], [3, 1], [3, 2], [3, 4], [3, 5]]
    assert negative.nonzero().tolist() == wanted


def test_batch_hard_takes_the_farthest_of_the_whale_and_the_nearest_of_another() -> None:
    # whale 1 at 0, 1 and 5; whale 2 at 2 and 9; whale 3 alone at 6; a new whale at 1.5
    distances = points(0.0, 1.0, 5.0, 2.0, 9.0, 6.0, 1.5)
    found = batch_hard(distances, *pairs(1, 1, 1, 2, 2, 3, NEW))
    assert [row.tolist() for row in found] == [[0, 1, 2, 3, 4], [2, 2, 0, 4, 3], [6, 6, 5, 6, 5]]


def test_semi_hard_takes_the_nearest_negative_beyond_the_positive_else_the_farthest_one() -> None:
    distances = points(0.0, 3.0, 2.0, 4.0)
    found = semi_hard(distances, *pairs(1, 1, 2, 3))
    assert list(zip(*(row.tolist() for row in found), strict=True)) == [
        (0, 1, 3),  # the positive is 3 away, the negatives 2 and 4
        (1, 0, 2),  # the negatives are 1 away each, none beyond 3: the first of the farthest
    ]


def test_whales_alone_or_without_others_make_no_triplet() -> None:
    for identities in ((1, 2, 3), (1, 1, 1), (NEW, NEW)):
        found = batch_hard(points(*map(float, range(len(identities)))), *pairs(*identities))
        assert len(found.anchors) == 0


def identity_head(method: TripletMethod) -> TripletHead:
    """Return a head whose embeddings are the features."""
    head = TripletHead(2, 0.0, method, CLASSES, NEW)
    head.linear = nn.Identity()  # type: ignore[assignment]
    return head


def test_the_loss_of_random_triplets_by_pencil() -> None:
    head = identity_head(TripletMethod(mining="random", margin=1.0, normalise=False))
    anchors, positives, negatives = [[0.0, 0.0], [0.0, 0.0]], [[0.0, 3.0], [0.0, 1.0]], [[4.0, 0.0], [0.5, 0.0]]
    loss = head.loss(torch.tensor(anchors + positives + negatives), torch.tensor([1, 2, 1, 2, 3, 3]))
    assert loss.item() == pytest.approx((max(0.0, 3 - 4 + 1) + (1 - 0.5 + 1)) / 2, abs=1e-4)


@pytest.mark.parametrize("mining", ["batch-hard", "semi-hard"])
def test_a_batch_without_triplets_costs_nothing_and_can_be_learnt_from(mining: str) -> None:
    head = TripletHead(4, 0.0, TripletMethod(mining=mining, width=3), CLASSES, NEW)  # type: ignore[arg-type]
    loss = head.loss(torch.randn(3, 4), torch.tensor([1, 2, 3]))
    loss.backward()
    assert loss.item() == 0.0


# Equal to the library's


def batch(seed: int = 0, rows: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 6, generator=generator), torch.arange(rows) % 4 + 1


def test_batch_hard_equals_the_librarys() -> None:
    features, targets = batch()
    head = TripletHead(6, 0.0, TripletMethod(width=5, margin=0.4), CLASSES, NEW)
    embeddings = head.embed(features)
    hard = BatchHardMiner()(embeddings, targets)
    library = TripletMarginLoss(margin=0.4)(embeddings, targets, hard)
    ours = head.loss(features, targets)
    found = batch_hard(torch.cdist(embeddings, embeddings), *related(targets, CLASSES, NEW))
    assert sorted(zip(*(row.tolist() for row in found), strict=True)) == sorted(
        zip(*(row.tolist() for row in hard), strict=True)
    )
    positive = (ours > 0).item()
    assert positive
    # the library's mean leaves out triplets without loss, ours is the plain mean
    losses = torch.nn.functional.triplet_margin_loss(*(embeddings[row] for row in found), margin=0.4, reduction="none")
    assert library.item() == pytest.approx(losses[losses > 0].mean().item(), rel=1e-4)
    assert ours.item() == pytest.approx(losses.mean().item(), rel=1e-6)


def test_supcon_equals_the_librarys_where_all_whales_are_known() -> None:
    features, targets = batch()
    head = SupConHead(6, 0.0, SupConMethod(width=5, temperature=0.2), CLASSES, NEW)
    library = SupConLoss(temperature=0.2)(head.embed(features), targets)
    assert head.loss(features, targets).item() == pytest.approx(library.item(), rel=1e-5)


def test_supcon_takes_new_whales_for_negatives_and_lets_mirror_images_be() -> None:
    features, _ = batch(rows=4)
    head = SupConHead(6, 0.0, SupConMethod(width=5, temperature=1.0), CLASSES, NEW).eval()
    cosines = head.embed(features) @ head.embed(features).T

    def loss_of(anchor: int, positive: int, others: list[int]) -> Tensor:
        return torch.logsumexp(cosines[anchor, [positive, *others]], dim=0) - cosines[anchor, positive]

    with_new = (loss_of(0, 1, [2, 3]) + loss_of(1, 0, [2, 3])) / 2
    assert head.loss(features, torch.tensor([1, 1, NEW, NEW])).item() == pytest.approx(with_new.item(), rel=1e-4)
    with_twin = (loss_of(0, 1, [3]) + loss_of(1, 0, [3])) / 2
    assert head.loss(features, torch.tensor([1, 1, 11, 2])).item() == pytest.approx(with_twin.item(), rel=1e-4)


@pytest.mark.parametrize("centres", [1, 3])
@pytest.mark.parametrize("angle", [0.0, 0.3, 1.2])
def test_arcface_equals_the_librarys(centres: int, angle: float) -> None:
    features, targets = batch()
    photos_of = torch.ones(CLASSES, dtype=torch.int64)
    method = ArcFaceMethod(width=5, scale=16.0, angle=angle, centres=centres)
    head = ArcFaceHead(6, 0.0, method, photos_of, new_class=-1)
    settings = {"num_classes": CLASSES, "embedding_size": 5, "margin": math.degrees(angle), "scale": 16.0}
    library = SubCenterArcFaceLoss(sub_centers=centres, **settings) if centres > 1 else ArcFaceLoss(**settings)
    library.W.data = head.directions.detach().flatten(0, 1).T.clone()
    assert head.loss(features, targets).item() == pytest.approx(library(head.raw(features), targets).item(), rel=1e-4)


# ArcFace's own


def test_the_margin_makes_the_right_angle_wider_and_never_turns_back() -> None:
    angles = torch.linspace(0.01, math.pi - 0.01, 200)
    widened = with_margin(angles.cos(), torch.tensor(0.5))
    assert widened[0].item() == pytest.approx(math.cos(0.51), abs=1e-4)
    assert (widened < angles.cos()).all()
    assert (widened.diff() < 0).all()


def test_rare_whales_have_a_wider_margin() -> None:
    method = ArcFaceMethod(width=4, angle=0.05, rare_angle=0.271, rare_power=0.364)
    head = ArcFaceHead(4, 0.0, method, [3, 1, 10, 0], new_class=0)
    assert head.angles[1].item() == pytest.approx(0.321)
    assert head.angles[2].item() == pytest.approx(0.05 + 0.271 * 10**-0.364)


def test_whales_without_photos_new_whale_and_the_mirror_image_are_out_of_the_softmax() -> None:
    method = ArcFaceMethod(width=4, scale=1.0, angle=0.0, mirrored=True)
    head = ArcFaceHead(4, 0.0, method, [5, 2, 2, 0], new_class=0)  # new_whale, two whales, one that does not train
    features = torch.randn(1, 4)
    cosines = head.cosines(head.raw(features))[0]
    assert cosines.shape == (8,)
    wanted = torch.logsumexp(cosines[[1, 2, 6]], dim=0) - cosines[1]  # 5 is the mirror image of 1
    assert head.loss(features, torch.tensor([1])).item() == pytest.approx(wanted.item(), rel=1e-5)
    scores = head(features)[0]
    assert scores[[0, 3, 4, 7]].tolist() == [-1.0] * 4
    assert scores[1].item() == pytest.approx(cosines[1].item())


def test_the_neck_moves_no_direction() -> None:
    head = TripletHead(4, 0.0, TripletMethod(width=4, neck=True), CLASSES, NEW)
    assert isinstance(head.neck, nn.BatchNorm1d)
    assert not head.neck.bias.requires_grad
