"""Frozen stages: they keep weights and statistics while the others learn, and what cannot be frozen is refused."""

from __future__ import annotations

import pytest
import torch

from engine.contract.errors import SpecError
from engine.contract.method import ClassifierMethod
from engine.contract.spec import ModelSpec, OptimiserSpec, RunSpec
from engine.models.backbones import Backbone, build_backbone
from engine.models.heads import ClassifierHead
from engine.models.network import Network
from engine.training.optimiser import build_optimiser


def backbone(frozen: int, name: str = "timm/test_resnet") -> Backbone:
    return build_backbone(ModelSpec(backbone=name, weights="imagenet", frozen=frozen), 32, 32)


@pytest.fixture(autouse=True)
def own_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let weights be drawn where pretrained ones would be fetched."""
    import timm

    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained=False, **options: create(name, **options))


def stage_of(name: str) -> int:
    """Return the stage of a tensor of timm/test_resnet: the stem, then four layers."""
    layer = name.split(".")[1]
    return int(layer.removeprefix("layer")) if layer.startswith("layer") else 0


@pytest.mark.parametrize("frozen", [0, 1, 3])
def test_a_step_moves_neither_weights_nor_statistics_of_frozen_stages_and_all_others(frozen: int) -> None:
    torch.manual_seed(0)
    body = backbone(frozen)
    network = Network(body, ClassifierHead(body.width, 4, 0.0, ClassifierMethod()))
    network.eval().train()
    before = {name: tensor.clone() for name, tensor in network.backbone.state_dict().items()}
    optimiser = build_optimiser(network, OptimiserSpec(kind="sgd", learning_rate=0.1))
    network(torch.randn(4, 3, 32, 32), torch.arange(4)).backward()
    optimiser.step()
    after = network.backbone.state_dict()
    moved = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert {stage_of(name) for name in moved} == set(range(frozen, 5))
    assert {stage_of(name) for name in moved if "running_mean" in name} == set(range(frozen, 5))


def test_more_stages_than_there_are_and_networks_without_known_stages_are_refused() -> None:
    with pytest.raises(SpecError, match=r"model\.frozen is 9, but timm/test_resnet has 5 stages"):
        backbone(9)
    with pytest.raises(SpecError, match=r"nothing says what the stages of pretrainedmodels/resnet18 are"):
        build_backbone(ModelSpec(backbone="pretrainedmodels/resnet18", weights="none", frozen=1), 32, 32)


def test_noise_is_not_frozen() -> None:
    with pytest.raises(SpecError, match=r"model\.frozen is 2, but model\.weights is none"):
        RunSpec.of({"model": {"frozen": 2, "weights": "none"}})
