"""Backbones of timm: every classifier it lists, by name or by name and tag of weights."""

from __future__ import annotations

from typing import Any

import timm
from timm.models import PretrainedCfg
from torch import nn

from engine.contract.backbones import refuse_unknown
from engine.contract.errors import BackboneError, WeightsError
from engine.models.body import IMAGENET_MEAN, IMAGENET_STD, Body, wrong_size
from engine.models.downloads import hub_address, without_waiting
from engine.models.weights import load_file

# Licence names of timm's configurations that allow no commercial use, or research only.
_NON_COMMERCIAL = ("-nc", "noncommercial", "apple-amlr", "seer-license")


def build_timm(name: str, weights: str, height: int, width: int) -> Body:
    """Build a classifier of timm without its last layer.

    Args:
        name: as timm lists it, with or without the tag of its weights: "resnet50", "resnet50.a1_in1k".
        weights: "imagenet" (the tag's, or timm's default for the name), "none", or the path of a file.
        height: of the photos, in pixels; transformers are built for it.
        width: of the photos, in pixels.
    """
    refuse_unknown(f"timm/{name}", tuple(f"timm/{each}" for each in timm.list_models()))
    config = _config(name)
    # Transformers and mixers have one weight a place: they must be told the size when they are built.
    options: dict[str, Any] = {"img_size": (height, width)} if config.fixed_input_size else {}
    own_size = config.input_size[-2], config.input_size[-1]
    try:
        network = _network(name, weights, config, options)
    except (AssertionError, ValueError, TypeError, ZeroDivisionError) as error:
        raise wrong_size(f"timm/{name}", height, width, own_size) from error
    mean, std = config.mean or IMAGENET_MEAN, config.std or IMAGENET_STD
    return Body(network=network, mean=mean, std=std, own_size=own_size)


def _config(name: str) -> PretrainedCfg:
    """Return timm's notes about a model and its weights; a plain one where it has none."""
    try:
        config = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        plain, tag = name.split(".", 1)
        offered = ", ".join(_tagged(plain)[:8])
        raise BackboneError(
            f"timm/{plain} has no weights tagged {tag[:100]!r}",
            f"it has {offered}" if offered else f"name timm/{plain}",
        ) from error
    return config or PretrainedCfg()


def _network(name: str, weights: str, config: PretrainedCfg, options: dict[str, Any]) -> nn.Module:
    """Create the model without classifier (`num_classes=0`) and fill it with the weights asked for."""
    if weights == "imagenet":
        _refuse_licence(name, config)
        with without_waiting(hub_address(), f"timm/{name}"):
            network: nn.Module = timm.create_model(name, pretrained=True, num_classes=0, **options)
        return network
    network = timm.create_model(name, pretrained=False, num_classes=0, **options)
    if weights != "none":
        load_file(network, weights, f"timm/{name}")
    return network


def _refuse_licence(name: str, config: PretrainedCfg) -> None:
    """Refuse weights that may not be used commercially, unless their tag was asked for by name."""
    if not config.has_weights:
        raise WeightsError(f"timm has no pretrained weights for {name}", "set model.weights=none or to a local file")
    if "." in name or not _non_commercial(config.license):
        return
    free = [tagged for tagged in _tagged(name) if not _non_commercial(timm.get_pretrained_cfg(tagged).license)]
    other = f"or a freer one: model.backbone=timm/{free[0]}" if free else "or set model.weights=none"
    raise WeightsError(
        f"the weights of timm/{name} are under {config.license}, which allows no commercial use",
        f"ask for them by name, model.backbone=timm/{name}.{config.tag}, {other}",
    )


def _tagged(name: str) -> list[str]:
    """Return "NAME.TAG" for each set of weights of a model."""
    return [each for each in timm.list_pretrained(name + "*") if each.startswith(f"{name}.")]


def _non_commercial(licence: str | None) -> bool:
    return any(mark in (licence or "") for mark in _NON_COMMERCIAL)
