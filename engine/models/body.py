"""What a library hands over for a backbone: a network without classifier, and the photos it was made for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.contract.errors import BackboneError

Channels = tuple[float, float, float]

IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class Body:
    """A network whose output `pooled` understands.

    `mean` and `std` are of RGB channels scaled to 0..1; `own_size` is the (height, width) in pixels
    that its authors trained it at.
    """

    network: nn.Module
    mean: Channels
    std: Channels
    own_size: tuple[int, int]


def pooled(output: Tensor | tuple[Tensor, ...] | list[Tensor]) -> Tensor:
    """Return one vector a photo, (B, width), from whatever a network gives.

    A feature map (B, C, H, W) and tokens (B, N, C) are averaged over places; the several answers of a
    distilled network are averaged.
    """
    if isinstance(output, tuple | list):
        return torch.stack([pooled(each) for each in output]).mean(dim=0)
    if output.ndim == 4:
        return functional.adaptive_avg_pool2d(output, 1).flatten(1)
    return output.mean(dim=1) if output.ndim == 3 else output


def wrong_size(name: str, height: int, width: int, own_size: tuple[int, int]) -> BackboneError:
    """Return the error for a backbone that cannot look at photos of this size, naming one that it can."""
    own_height, own_width = own_size
    return BackboneError(
        f"{name} refuses photos of {height}x{width} pixels (height x width)",
        f"set image.height={own_height} and image.width={own_width}",
    )
