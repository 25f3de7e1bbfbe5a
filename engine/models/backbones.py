"""Backbones: networks that turn a batch of photos into one feature vector each, whatever library they come from."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.contract.spec import ModelSpec
from engine.models.body import Body, pooled, wrong_size
from engine.models.frozen import freeze

# What the libraries raise at a photo size they were not made for: asserts, matrix shapes, empty pools.
_WRONG_SIZE = (AssertionError, RuntimeError, ValueError, TypeError, IndexError, ZeroDivisionError)


class Backbone(nn.Module):
    """A network without its classifier: photos (B, 3, height, width) in, pooled features (B, width) out.

    `mean` and `std` are those its pretrained weights expect, of RGB channels scaled to 0..1. Layers that are held
    (`engine.models.frozen`) stay in eval mode whatever the rest does.
    """

    def __init__(self, body: Body, width: int, held: tuple[nn.Module, ...] = ()) -> None:
        super().__init__()
        self.body = body.network
        self.width = width
        self.mean, self.std = body.mean, body.std
        self._held = held  # in a tuple, so that they are not registered twice
        self.train(self.training)

    def forward(self, images: Tensor) -> Tensor:
        """Return the pooled features of each photo."""
        return pooled(self.body(images))

    def train(self, mode: bool = True) -> Backbone:
        """Set training or eval mode for all but the layers that are held."""
        super().train(mode)
        for layer in self._held:
            layer.eval()
        return self


def build_backbone(spec: ModelSpec, height: int, width: int) -> Backbone:
    """Build the backbone a spec names, with the weights it names, for photos of `height` x `width` pixels.

    Raises:
        BackboneError: the name is unknown (nearest ones offered), or the network refuses the photo size.
        SpecError: it has fewer stages than are to be frozen.
        WeightsError: the weights cannot be had, read or fitted.
    """
    body = _body(spec, height, width)
    held = freeze(body.network, spec.frozen, spec.backbone) if spec.frozen else ()
    return Backbone(body, _measured_width(body, spec.backbone, height, width), held)


def _body(spec: ModelSpec, height: int, width: int) -> Body:
    """Have the network built by its library, importing only that one: either costs seconds."""
    library, _, name = spec.backbone.partition("/")
    if library == "timm":
        from engine.models.timm_backbones import build_timm

        return build_timm(name, spec.weights, height, width)
    from engine.models.pretrained_backbones import build_pretrainedmodels

    return build_pretrainedmodels(name, spec.weights)


def _measured_width(body: Body, name: str, height: int, width: int) -> int:
    """Return the number of features, found by looking at one black photo; the earliest test of the photo size."""
    training = body.network.training
    body.network.eval()  # batch norm needs more than one photo in training mode
    try:
        with torch.no_grad():
            features = pooled(body.network(torch.zeros(1, 3, height, width)))
    except _WRONG_SIZE as error:
        raise wrong_size(name, height, width, body.own_size) from error
    finally:
        body.network.train(training)
    return features.shape[1]
