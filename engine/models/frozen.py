"""The first stages of a backbone, held as they were pretrained: edges and textures need no relearning from few photos.

What a stage is, timm says (`group_matcher`): the stem is the first, then come the blocks in the order in which a photo
meets them. Held stages learn nothing and their batch norms keep their statistics; a step need not go back through them.
"""

from __future__ import annotations

from torch import nn

from engine.contract.errors import SpecError


def freeze(network: nn.Module, stages: int, name: str) -> tuple[nn.Module, ...]:
    """Hold the first stages of a backbone; returns their layers, which are to stay in eval mode.

    Raises:
        SpecError: the backbone has fewer stages, or its library does not say what its stages are.
    """
    matcher = getattr(network, "group_matcher", None)
    if matcher is None:
        raise SpecError(
            f"model.frozen is {stages}, but nothing says what the stages of {name} are",
            "set model.frozen=0, or take one of timm's convolutional networks or transformers",
            "model.frozen",
        )
    from timm.models import group_modules, group_parameters

    weights, layers = (group(network, matcher(coarse=True)) for group in (group_parameters, group_modules))
    if stages > len(weights):
        raise SpecError(
            f"model.frozen is {stages}, but {name} has {len(weights)} stages", "hold fewer of them", "model.frozen"
        )
    held = sorted(weights)[:stages]
    for stage in held:
        for weight in weights[stage]:
            network.get_parameter(weight).requires_grad_(False)
    return tuple(network.get_submodule(layer) for stage in held for layer in layers.get(stage, ()))
