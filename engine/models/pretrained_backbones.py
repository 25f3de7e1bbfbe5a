"""Backbones of pretrainedmodels: 45 networks of 2014 to 2018, the talk's ResNet50 among them.

The library is imported only here and only when one of its names is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils import model_zoo

from engine.contract.backbones import refuse_unknown
from engine.models.body import Body, Channels
from engine.models.downloads import without_waiting
from engine.models.weights import load_file

# These leave the last activation to `logits()`, which we do without.
_NEEDS_RELU = ("alexnet", "vgg", "densenet", "nasnet", "pnasnet", "xception")


class Features(nn.Module):
    """Calls a network's `features`, with what its own `forward` would do to photos before and features after."""

    def __init__(self, network: nn.Module, *, relu: bool, bgr: bool) -> None:
        super().__init__()
        self.network = network
        self.relu, self.bgr = relu, bgr

    def forward(self, images: Tensor) -> Tensor:
        """Return the last features: a map (B, C, H, W), or (B, C) where the network flattens early."""
        features: Tensor = self.network.features(images.flip(1) if self.bgr else images)  # type: ignore[operator]
        return functional.relu(features) if self.relu else features


def build_pretrainedmodels(name: str, weights: str) -> Body:
    """Build a network of pretrainedmodels without its classifier.

    Args:
        name: one of `pretrainedmodels.model_names`.
        weights: "imagenet" (the library's own), "none", or the path of a file.
    """
    library = _library()
    refuse_unknown(f"pretrainedmodels/{name}", tuple(f"pretrainedmodels/{each}" for each in library.model_names))
    kind, settings = next(iter(library.pretrained_settings[name].items()))
    make = library.__dict__[name]
    if weights == "imagenet":
        with without_waiting(settings["url"], f"pretrainedmodels/{name}"), _only_tensors():
            network = _made(make, kind)
    else:
        network = _made(make, None)
    _drop_classifier(network)
    if weights not in ("imagenet", "none"):
        load_file(network, weights, f"pretrainedmodels/{name}")
    mean, std = _statistics(settings)
    features = Features(network, relu=name.startswith(_NEEDS_RELU), bgr=settings["input_space"] == "BGR")
    return Body(network=features, mean=mean, std=std, own_size=(settings["input_size"][1], settings["input_size"][2]))


def _library() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SyntaxWarning: its comparisons with literals, compiled at first import
        import pretrainedmodels
    library: ModuleType = pretrainedmodels
    return library


def _made(make: Callable[..., nn.Module], pretrained: str | None) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it calls torchvision by names that are out of fashion
        return make(num_classes=1000, pretrained=pretrained)


def _drop_classifier(network: nn.Module) -> None:
    """Take out the layers that `features` never reaches, so that they cost no memory and match no weights."""
    for layer in ("last_linear", "last_conv", "AuxLogits"):
        if isinstance(getattr(network, layer, None), nn.Module):
            setattr(network, layer, nn.Identity())
    if hasattr(network, "aux_logits"):
        network.aux_logits = False  # type: ignore[assignment]


def _statistics(settings: dict[str, Any]) -> tuple[Channels, Channels]:
    """Return mean and deviation of RGB channels in 0..1, from settings that may be BGR in 0..255.

    A deviation of 1 on 0..255 is one of 1/255 on 0..1, so the network sees the numbers it was trained on.
    """
    scale = float(settings["input_range"][1])
    order = -1 if settings["input_space"] == "BGR" else 1
    mean, std = ([value / scale for value in settings[key][::order]] for key in ("mean", "std"))
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])


@contextmanager
def _only_tensors() -> Iterator[None]:
    """Have the library's downloads read as tensors only, and their hash checked.

    Its builders unpickle whatever arrives, most of it over plain HTTP, which could run any code.
    """

    def load(url: str, **_: object) -> dict[str, Tensor]:
        state: dict[str, Tensor] = torch.hub.load_state_dict_from_url(
            url, map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
        return state

    zoo: Any = model_zoo
    unpickling, zoo.load_url = zoo.load_url, load
    try:
        yield
    finally:
        zoo.load_url = unpickling
