"""The update rule, and the learning rate as a function of the step."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from engine.contract.spec import OptimiserSpec
from engine.models.network import Network


def build_optimiser(network: Network, spec: OptimiserSpec) -> torch.optim.Optimizer:
    """Return the optimiser of a network that already lies on its device.

    Each group of parameters carries `factor`: its learning rate is the schedule's times that.
    """
    groups = parameter_groups(network, spec)
    # One kernel for all parameters instead of several for each; on a CPU it gains nothing.
    fused = next(network.parameters()).is_cuda
    if spec.kind == "sgd":
        return torch.optim.SGD(groups, lr=spec.learning_rate, momentum=spec.momentum, fused=fused)
    rule = torch.optim.AdamW if spec.kind == "adamw" else torch.optim.Adam
    return rule(groups, lr=spec.learning_rate, fused=fused)


def parameter_groups(network: Network, spec: OptimiserSpec) -> list[dict[str, Any]]:
    """Deal the parameters into backbone and head, decayed and not; empty groups are left out.

    AdamW decays no bias and no scale of a norm, as is usual since they are few and no source of
    overfitting. Adam and SGD decay all, as their plain forms (and the talk) do.
    """
    groups: list[dict[str, Any]] = []
    for part, factor in ((network.backbone, 1.0), (network.head, spec.head_factor)):
        trained = [parameter for parameter in part.parameters() if parameter.requires_grad]
        spared = [parameter for parameter in trained if spec.kind == "adamw" and parameter.ndim <= 1]
        spared_ids = {id(parameter) for parameter in spared}
        decayed = [parameter for parameter in trained if id(parameter) not in spared_ids]
        groups.append({"params": decayed, "factor": factor, "weight_decay": spec.weight_decay})
        groups.append({"params": spared, "factor": factor, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]


def learning_rate(step: int, steps_per_epoch: int, epochs: int, spec: OptimiserSpec) -> float:
    """Return the learning rate of a step, counted from 0 over the whole run.

    It rises linearly over the warm-up and reaches its height with the warm-up's last step, then stays
    or falls along half a cosine, to 0 just after the last step (SGDR, Loshchilov and Hutter 2017,
    without restarts).
    """
    warmup_steps = round(spec.warmup_epochs * steps_per_epoch)
    if step < warmup_steps:
        return spec.learning_rate * (step + 1) / warmup_steps
    if spec.schedule == "constant":
        return spec.learning_rate
    falling_steps = max(1, epochs * steps_per_epoch - warmup_steps)
    progress = min(1.0, (step - warmup_steps) / falling_steps)
    return spec.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give each group of parameters its learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]


def clip_gradients(network: nn.Module, longest: float) -> None:
    """Shorten the gradient of all parameters together to `longest`; 0 leaves it as it is."""
    if longest > 0.0:
        nn.utils.clip_grad_norm_(network.parameters(), longest)
