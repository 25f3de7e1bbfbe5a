"""Weights from a local file: tensors only, never code, and only where they fit the network."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file as load_safetensors
from torch import Tensor, nn

from engine.contract.errors import WeightsError

State = dict[str, Tensor]

# What training wrappers, other projects and our own checkpoints put before the names of a backbone.
_PREFIXES = ("module.", "backbone.", "body.", "network.", "model.")
_WRAPPINGS = ("state_dict", "model", "model_state_dict")


def load_file(network: nn.Module, path: str, backbone: str) -> None:
    """Fill a network, which has no classifier, with the weights of a file, which may have one.

    Raises:
        WeightsError: the file is missing, broken, holds more than tensors, or belongs to another network.
    """
    state = read_state(Path(path).expanduser())
    target = network.state_dict()
    stripped = {_without_prefix(name, target): value for name, value in state.items()}
    wanted = [name for name in target if not name.endswith("num_batches_tracked")]
    missing = [name for name in wanted if name not in stripped]
    misshapen = [name for name in wanted if name in stripped and stripped[name].shape != target[name].shape]
    if missing or misshapen:
        fitting = len(wanted) - len(missing) - len(misshapen)
        raise WeightsError(
            f"{path} does not fit {backbone}: {fitting} of {len(wanted)} tensors match; "
            + _example(missing, misshapen, stripped, target),
            "name the backbone that the file was made for in model.backbone",
        )
    network.load_state_dict({name: stripped[name] for name in target if name in stripped}, strict=False)


def read_state(path: Path) -> State:
    """Read the tensors of a .safetensors file or of a torch file, on the CPU; nothing in it is executed.

    Raises:
        WeightsError: the file is missing, cut short, damaged, or a pickle of more than tensors.
    """
    if not path.is_file():
        raise WeightsError(f"there is no file {path}", "model.weights is imagenet, none or the path of a file")
    try:
        loaded = (
            load_safetensors(path, device="cpu")
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds more than tensors, or is no torch file", "save its state_dict() alone, or as .safetensors"
        ) from error
    except (SafetensorError, RuntimeError, OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is damaged or cut short", "fetch it again") from error
    return _tensors(loaded, path)


def _tensors(loaded: object, path: Path) -> State:
    for key in _WRAPPINGS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    found = {str(k): v for k, v in loaded.items() if isinstance(v, Tensor)} if isinstance(loaded, Mapping) else {}
    if not found:
        raise WeightsError(f"{path} holds no named tensors", "save a state_dict() in it")
    return found


def _without_prefix(name: str, target: Mapping[str, Tensor]) -> str:
    """Strip known prefixes until the network knows the name; a name it never knows is given back bare."""
    while name not in target:
        prefix = next((each for each in _PREFIXES if name.startswith(each)), None)
        if prefix is None:
            break
        name = name.removeprefix(prefix)
    return name


def _example(missing: list[str], misshapen: list[str], state: State, target: Mapping[str, Tensor]) -> str:
    """Return up to two examples of what does not match, in words."""
    shapes = [f"{name} is {tuple(state[name].shape)}, not {tuple(target[name].shape)}" for name in misshapen[:2]]
    absent = [f"{name} is missing" for name in missing[: 2 - len(shapes)]]
    return " and ".join(shapes + absent)
