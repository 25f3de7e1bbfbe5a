"""What a resumed run must remember beside its weights: optimiser, scaler, random states, figures so far.

Tensors go to safetensors, the rest to JSON: Python's and NumPy's generators are whole numbers.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor

OPTIMISER, TORCH, CUDA, LOSSES = "optimiser.", "random.torch", "random.cuda.", "losses"


class Generators(msgspec.Struct, frozen=True, kw_only=True):
    """The states of Python's and NumPy's own generators (torch's are tensors)."""

    python: tuple[int, tuple[int, ...], float | None]
    numpy: dict[str, Any]


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """All of it that is no tensor."""

    generators: Generators
    average_steps: int
    scaler: dict[str, float]  # of float16; empty otherwise
    loss: float | None  # mean of the last whole epoch
    photos: int  # of the epoch at hand
    best_epoch: int
    best_map5: float
    seconds: dict[str, float]  # of the attempts so far: "total", "training", "validation"


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the state of an optimiser as named tensors; its settings are the spec's and are not kept."""
    state = optimiser.state_dict()["state"]
    return {
        f"{OPTIMISER}{number}.{name}": value if torch.is_tensor(value) else torch.tensor(value)
        for number, values in state.items()
        for name, value in values.items()
        if value is not None
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser its state back, laid out in memory as its parameters are."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(OPTIMISER):
            number, _, name = key.removeprefix(OPTIMISER).partition(".")
            parameter = parameters[int(number)]
            if value.shape == parameter.shape:
                value = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
            state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def random_tensors() -> dict[str, Tensor]:
    """Return the states of torch's generators, of the CPU and of every GPU in use."""
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    return {TORCH: torch.get_rng_state(), **{f"{CUDA}{number}": state for number, state in enumerate(devices)}}


def generators() -> Generators:
    """Return the states of the generators that torch knows nothing of."""
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    told = {
        "name": name, "keys": [int(key) for key in keys], "position": int(position),
        "has_gauss": int(has_gauss), "cached": float(cached),
    }  # fmt: skip
    return Generators(python=(version, tuple(words), gauss), numpy=told)


def restore_random(told: Generators, tensors: Mapping[str, Tensor]) -> None:
    """Set every generator to where it was."""
    random.setstate(told.python)
    numpy = told.numpy
    keys = np.array(numpy["keys"], dtype=np.uint32)
    np.random.set_state((numpy["name"], keys, numpy["position"], numpy["has_gauss"], numpy["cached"]))
    torch.set_rng_state(tensors[TORCH])
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        for number in range(torch.cuda.device_count()):
            if (state := tensors.get(f"{CUDA}{number}")) is not None:
                torch.cuda.set_rng_state(state, number)
