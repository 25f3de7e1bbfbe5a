"""The traps of whale re-identification, each with a test of its name: known mistakes that are not made here.

Numbers are those of the list of traps that the recipes were made by. Where the talk's own recipe walks into a trap,
its faithful preset does so too, and the test says that the mended one does not.
"""

from __future__ import annotations

from pathlib import Path

import albumentations as A
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.answering.answers import OutputsAnswer
from engine.answering.embeddings import both_sides, embed_photos, see_batch
from engine.answering.nearest import Gallery, TalkNeighbours
from engine.answering.newness import fit
from engine.contract.augment import AugmentSpec
from engine.contract.events import EventWriter
from engine.contract.method import ArcFaceMethod, ClassifierMethod, TripletMethod
from engine.contract.predictions import ClassList
from engine.contract.ranking import average_precision, top_five
from engine.contract.spec import DataSpec, OptimiserSpec, RunSpec, TrainingSpec
from engine.crop.apply import Box, cut
from engine.data.augment import IMAGENET_MEAN, IMAGENET_STD, TrainingTransform, evaluation_transform
from engine.data.decode import decode
from engine.data.folds import mended, split
from engine.data.resize import resized
from engine.data.sampling import BalancedBatches, TripletBatches, WhaleBatches
from engine.data.tables import load_tables
from engine.models.device import Device, choose_device
from engine.models.embedding import ArcFaceHead, TripletHead
from engine.models.heads import build_head
from engine.models.mining import batch_hard, related
from engine.models.network import Network
from engine.training.average import MovingAverage
from engine.training.loop import Training
from engine.training.optimiser import build_optimiser

NEW = 0
CPU = choose_device(TrainingSpec(device="cpu", precision="float32"))
BF16 = Device(torch.device("cpu"), torch.bfloat16, "CPU in bfloat16")


class Body(nn.Module):
    """A backbone of one layer, with batch norm and dropout, for photos of 2 x 4 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm, self.dropout = nn.Linear(24, 6), nn.BatchNorm1d(6), nn.Dropout(0.5)
        self.width = 6

    def forward(self, images: Tensor) -> Tensor:
        return self.dropout(self.norm(self.linear(images.flatten(1))))


def network(method: object = None, photos_of: list[int] | None = None) -> Network:
    torch.manual_seed(0)
    spec = RunSpec(method=method or TripletMethod(width=4))  # type: ignore[arg-type]
    return Network(Body(), build_head(spec, 6, photos_of or [3, 2, 1, 1], NEW))  # type: ignore[arg-type]


def images(count: int = 5) -> Tensor:
    return torch.randn(count, 3, 2, 4, generator=torch.Generator().manual_seed(1))


def small(data: Path) -> RunSpec:
    return RunSpec().with_values({"data.folder": str(data), "data.folds": 2, "image.height": 32, "image.width": 32})


# Data and split


def test_trap_01_no_copy_of_a_photo_is_on_both_sides() -> None:
    targets = np.array([1, 1, 1, 2, 2, 3, 3, 4, NEW])
    groups = np.array([0, 0, 1, 2, 3, 4, 5, 0, 6])
    for fold in range(2):
        sides = split(targets, groups, NEW, DataSpec(folds=2, fold=fold))
        assert not set(groups[sides.train]) & set(groups[sides.valid])


def test_trap_02_a_new_whale_photo_that_copies_a_known_whales_is_that_whales() -> None:
    targets = np.array([1, NEW, NEW, 2, 3, NEW])
    groups = np.array([0, 0, 1, 2, 2, 2])  # the last group names two known whales: nobody knows
    assert mended(targets, groups, NEW).tolist() == [1, 1, NEW, 2, 3, NEW]


def test_trap_03_a_whale_that_training_lacks_is_new_in_validation() -> None:
    targets = np.array([1, 1, 2, 2, 3, 4, 5, 6])
    sides = split(targets, np.arange(8), NEW, DataSpec(folds=2, new_share=0.4))
    assert (sides.truth == NEW).sum() > 0
    assert all(truth in (NEW, *targets[sides.train]) for truth in sides.truth)


def test_trap_04_new_whale_is_no_whale_to_be_learnt() -> None:
    targets = np.array([1, 1, 2, 2, NEW, NEW])
    assert all(
        targets[place.row] != NEW for batch in BalancedBatches(targets, NEW, 2, 0, 0.5, False) for place in batch
    )
    positive, negative = related(torch.from_numpy(targets), 3, NEW)
    assert not positive[4:].any()
    assert not positive[:, 4:].any()
    assert negative[:4, 4:].all()
    assert not negative[4:].any()


def test_trap_05_and_26_new_whale_is_placed_by_a_chance_for_a_stated_share_not_by_a_fixed_threshold() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat([NEW, 1, 2, 3], 50)
    scores = random.normal(size=(200, 4)).astype(np.float32)
    scores[np.arange(50, 200), truth[50:]] += 3.0
    rare, common = (fit(scores, truth, NEW, share) for share in (0.05, 0.6))
    assert rare is not None
    assert common is not None
    first = [float((top_five(one(scores))[:, 0] == NEW).mean()) for one in (rare, common)]
    assert first[0] < first[1]


def test_trap_06_one_crop_serves_training_validation_and_test(tiny_data: Path, tmp_path: Path) -> None:
    paths = [path for part in ("train", "test") for path in sorted((tiny_data / part).iterdir())]
    boxes = {path.name: Box(1, 2, decode(path).shape[0] - 3, decode(path).shape[1] // 2) for path in paths}
    lines = [f"{name},{box.left},{box.top},{box.right},{box.bottom}" for name, box in boxes.items()]
    (tiny_data / "all.csv").write_text("\n".join(["fn,x0,y0,x1,y1", *lines]) + "\n")
    spec = small(tiny_data).with_values({"crop.enabled": True, "crop.source": "all.csv", "crop.margin": 0.1})
    events = EventWriter(tmp_path / "events.jsonl")
    tables = load_tables(spec, events)
    events.close()
    assert tables.test is not None
    for part in (tables.train, tables.valid, tables.test):
        for photo, path, seen in zip(part.photos, part.paths, part.images, strict=True):
            assert (seen == resized(cut(decode(path), boxes[photo], 0.1), 32, 32)).all(), photo


def test_trap_08_photos_are_joined_by_name_in_the_tables_order(tiny_data: Path, tmp_path: Path) -> None:
    spec = small(tiny_data)
    sample = tiny_data / "sample_submission.csv"
    header, *rows = sample.read_text().splitlines()
    sample.write_text("\n".join([header, *reversed(rows)]) + "\n")
    events = EventWriter(tmp_path / "events.jsonl")
    tables = load_tables(spec, events)
    events.close()
    assert tables.test is not None
    assert tables.test.photos == ("t3.jpg", "t2.jpg", "t1.jpg")
    assert [path.name for path in tables.test.paths] == list(tables.test.photos)


# Augmentation


def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def test_trap_10_grey_after_normalising_is_a_choice_and_never_happens_at_test() -> None:
    plain = {"augment.flip.enabled": False, "augment.tone.p": 0.0, "augment.rotate.enabled": False}
    plain |= {"augment.degrade.p": 0.0, "augment.gray.p": 1.0}
    for after, equal in ((True, True), (False, False)):
        spec = RunSpec().with_values(plain | {"augment.gray.after_normalise": after}).augment
        seen = TrainingTransform(spec, IMAGENET_MEAN, IMAGENET_STD, seed=0)(photo(), 0, 0)
        assert np.allclose(seen[..., 0], seen[..., 1], atol=1e-3) == equal
    test = evaluation_transform(IMAGENET_MEAN, IMAGENET_STD)
    assert np.array_equal(test(photo()), test(photo()))


def test_trap_11_a_mirrored_photo_is_another_whales_where_the_method_says_so() -> None:
    targets = np.array([1, 1, 2, 2, 3])
    batches = BalancedBatches(targets, NEW, 4, 0, 0.5, mirrored=True)
    assert {place.mirrored for number in range(5) for batch in _epoch(batches, number) for place in batch} == {
        True,
        False,
    }
    head = ArcFaceHead(6, 0.0, ArcFaceMethod(width=4, mirrored=True), [0, 2, 2, 1], NEW)
    assert len(head.directions) == 8


def test_trap_12_a_transform_that_would_go_on_with_defaults_is_an_error() -> None:
    pipeline = TrainingTransform(AugmentSpec(), IMAGENET_MEAN, IMAGENET_STD, seed=0).pipeline
    groups = [outer for outer in pipeline.transforms if isinstance(outer, A.OneOf)]
    (downscale,) = [one for group in groups for one in group.transforms if isinstance(one, A.Downscale)]
    assert downscale.scale_range == (0.4, 0.8)  # unknown names would have left it at (0.25, 0.25)


# Training


def test_trap_14_anchor_and_positive_are_two_photos_or_two_views() -> None:
    targets = np.array([1] * 4 + [2, 3, 4])
    pairs = {
        same: [
            (batch[row], batch[len(batch) // 3 + row])
            for number in range(40)
            for batch in _epoch(
                TripletBatches(targets, NEW, 9, 0, TripletMethod(mining="random", same_photo=same)), number
            )
            for row in range(len(batch) // 3)
        ]
        for same, method in ((same, TripletMethod(mining="random", same_photo=same)) for same in (True, False))
    }
    repeated = [anchor.row == positive.row for anchor, positive in pairs[True] if targets[anchor.row] == 1]
    assert np.mean(repeated) == pytest.approx(1 / 4, abs=0.08)  # the talk's: with replacement
    assert not any(anchor.row == positive.row for anchor, positive in pairs[False] if targets[anchor.row] == 1)
    assert all(anchor[:3] != positive[:3] for anchor, positive in pairs[False])  # a lone photo shows two views


def test_trap_15_hard_triplets_still_teach_where_random_ones_have_ceased_to() -> None:
    torch.manual_seed(0)
    centres = torch.eye(8)
    targets = torch.arange(8).repeat_interleave(2) + 1
    features = centres.repeat_interleave(2, dim=0) + 0.35 * torch.randn(16, 8)

    def loss(mining: str, batch: Tensor, whales: Tensor) -> float:
        head = TripletHead(8, 0.0, TripletMethod(mining=mining, margin=0.3, width=8), 10, NEW)  # type: ignore[arg-type]
        head.linear = nn.Identity()  # type: ignore[assignment]
        return head.loss(batch, whales).item()

    easy = torch.cat([features[0::2], features[1::2], features[0::2].roll(3, 0)])
    assert loss("batch-hard", features, targets) > loss("random", easy, torch.zeros(24, dtype=torch.long))


def test_trap_16_whales_may_have_any_number_of_photos_in_a_batch() -> None:
    distances = torch.rand(7, 7)
    found = batch_hard(distances, *related(torch.tensor([1, 1, 1, 2, 2, 3, NEW]), 4, NEW))
    assert found.anchors.tolist() == [0, 1, 2, 3, 4]


def test_trap_17_the_margin_is_there_in_training_and_gone_in_answers() -> None:
    features, targets = torch.randn(6, 6), torch.tensor([1, 1, 2, 2, 3, 3])
    losses = {}
    for angle in (0.0, 0.5):
        torch.manual_seed(0)
        head = ArcFaceHead(6, 0.0, ArcFaceMethod(width=4, angle=angle), [0, 2, 2, 2], NEW)
        losses[angle] = head.loss(features, targets).item()
        scores = head(features) / head.scale
        assert torch.allclose(scores[:, 1:], head.cosines(head.raw(features))[:, 1:], atol=1e-6)
    assert losses[0.5] > losses[0.0] + 1.0


def test_trap_18_and_23_embeddings_are_taken_in_eval_mode_from_photos_as_they_are() -> None:
    trained = network().train()
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    first = embed_photos(trained, [images(), images(3)], CPU, lambda done: None, mirrored=False)  # type: ignore[arg-type]
    again = embed_photos(trained.train(), [images(), images(3)], CPU, lambda done: None, mirrored=False)  # type: ignore[arg-type]
    assert torch.equal(first, again)  # dropout would differ
    assert torch.equal(first[0, :3], embed_photos(trained, [images(5)[:3]], CPU, lambda done: None, mirrored=False)[0])  # type: ignore[arg-type]
    assert all(
        torch.equal(value, before[name]) for name, value in trained.state_dict().items()
    )  # nor did batch norm learn


@pytest.mark.parametrize("method", [TripletMethod(width=4, whales=2), ArcFaceMethod(width=4), ClassifierMethod()])
def test_trap_19_losses_are_computed_in_float32_under_autocast(method: object) -> None:
    net = network(method)
    targets = torch.tensor([1, 1, 2, 2, 3])
    features = net.backbone(images()).detach()
    with BF16.autocast():
        loss = net.head.loss(features, targets)
        embeddings = net.head.embed(features)
    assert loss.dtype == embeddings.dtype == torch.float32
    net.head.eval()
    with BF16.autocast():
        mixed = net.head.embed(features)
    assert torch.equal(mixed, net.head.embed(features))
    assert all(parameter.dtype == torch.float32 for parameter in net.head.parameters())


def test_trap_19_the_gradient_of_a_perfect_angle_is_a_number() -> None:
    head = ArcFaceHead(2, 0.0, ArcFaceMethod(width=2), [0, 2, 2], NEW)
    head.linear = nn.Identity()  # type: ignore[assignment]
    with torch.no_grad():
        head.directions[1, 0] = torch.tensor([1.0, 0.0])
    features = torch.tensor([[2.0, 0.0], [-2.0, 0.0]], requires_grad=True)
    head.loss(features, torch.tensor([1, 1])).backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()
    assert head.directions.grad is not None
    assert torch.isfinite(head.directions.grad).all()


def test_trap_20_the_optimiser_moves_the_directions_of_the_whales() -> None:
    net = network(ArcFaceMethod(width=4))
    assert isinstance(net.head, ArcFaceHead)
    moved = {
        id(parameter) for group in build_optimiser(net, OptimiserSpec()).param_groups for parameter in group["params"]
    }
    assert {id(parameter) for parameter in net.parameters() if parameter.requires_grad} == moved
    assert id(net.head.directions) in moved


def test_trap_21_the_moving_average_follows_batch_norm_too() -> None:
    net = network(ArcFaceMethod(width=4, neck=True))
    average = MovingAverage(net, 0.9)
    net.train()(images(), torch.tensor([1, 1, 2, 2, 3]))
    before = average.network.state_dict()["head.neck.running_mean"].clone()
    average.update()
    assert not torch.equal(average.network.state_dict()["head.neck.running_mean"], before)


def test_trap_14_whales_with_one_photo_train_as_two_views() -> None:
    targets = np.array([1, 2, 3, 4])
    (batch,) = list(WhaleBatches(targets, NEW, 8, 0, whales=4, views=2, mirrored=False))
    assert len({(place.row, place.view) for place in batch}) == 8


def test_trap_22_the_last_weights_answer_and_their_average_where_there_is_one() -> None:
    net = network(ArcFaceMethod(width=4))
    for ema in (0.0, 0.9):
        training = Training(net, RunSpec().with_values({"training.ema": ema}), CPU, steps_per_epoch=2)
        assert (training.answering is net) == (ema == 0.0)


# Inference and metric


def test_trap_24_a_whale_holds_one_place_and_five_guesses_are_five_whales() -> None:
    known = torch.eye(8)[[0, 0, 0, 1, 2, 3, 4, 5]] + 0.01 * torch.randn(8, 8)
    targets = np.array([1, 1, 1, 2, 3, 4, 5, 6])
    guesses = top_five(Gallery(known, targets, 7).best(torch.eye(8)[:1]).numpy())
    assert guesses[0, 0] == 1
    assert len(set(guesses[0].tolist())) == 5


def test_trap_25_the_talks_fixed_distance_is_a_setting_and_no_part_of_our_answer() -> None:
    known, targets = np.eye(4, dtype=np.float32), np.array([1, 2, 3, 4])
    near, far = (TalkNeighbours(known, targets, NEW, 4, new).scores(known[:1] * 0.5, 5) for new in (0.1, 9.0))
    assert (top_five(near)[0, 0], top_five(far)[0, 0]) == (NEW, 1)
    assert RunSpec().with_values({"method.kind": "triplet"}).answer == "cosine"


def test_trap_28_the_class_list_has_a_digest_that_knows_its_order() -> None:
    assert ClassList(("a", "b")).digest != ClassList(("b", "a")).digest


def test_trap_29_repeats_keep_their_rank_and_fewer_guesses_are_fine() -> None:
    assert average_precision(np.array([[1, 1, 2]]), np.array([2])) == 1 / 3
    assert average_precision(np.array([[1, 2]]), np.array([3])) == 0.0
    assert average_precision(np.array([[1, 2, 3, 4, 5, 6]]), np.array([6])) == 0.0


def test_trap_30_a_mirrored_photo_is_asked_for_the_mirrored_whales() -> None:
    net = network(ArcFaceMethod(width=4, mirrored=True), photos_of=[0, 1, 1, 1]).eval()
    upright, turned = net(images()), net(images().flip(-1))
    both = both_sides(see_batch(net, images(), CPU, mirrored=True, outputs=True)[1], 4)
    assert torch.allclose(both, (upright[:, :4] + turned[:, 4:]) / 2, atol=1e-5)
    (table,) = OutputsAnswer(CPU, 4, mirrored=True).scores(net, [images()], lambda done: None)  # type: ignore[arg-type]
    assert np.allclose(table, both.numpy())


def test_trap_31_and_32_nothing_of_the_test_photos_reaches_training_unasked(tiny_data: Path, tmp_path: Path) -> None:
    spec = small(tiny_data)
    events = EventWriter(tmp_path / "events.jsonl")
    tables = load_tables(spec, events)
    events.close()
    assert not set(tables.train.photos) & {"t1.jpg", "t2.jpg", "t3.jpg"}


def _epoch(batches: object, number: int) -> list:
    batches.epoch = number  # type: ignore[attr-defined]
    return list(batches)  # type: ignore[call-overload]
