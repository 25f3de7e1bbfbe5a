"""Pretrained weights that cannot be had, refused before the seconds that importing torch and its libraries takes.

Only what is certain is refused here: no server answers and nothing fitting lies in a cache. All else is
left to the libraries (see `downloads`).
"""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path

from engine.contract.spec import ModelSpec
from engine.models import downloads


def refuse_hopeless(spec: ModelSpec) -> None:
    """Raise `WeightsError` where the weights a spec asks for are neither cached nor to be fetched; else do nothing."""
    if spec.weights != "imagenet":
        return
    library, _, name = spec.backbone.partition("/")
    address = downloads.hub_address() if library == "timm" else _published_address(name)
    if address is None:
        return  # an unknown name, or one whose weights carry another: refused where it is looked up
    cached = _anything_cached() if library == "timm" else (_torch_cache() / address.rsplit("/", 1)[1]).exists()
    if not cached and not downloads.reachable(address):
        raise downloads.no_weights(spec.backbone)


def _published_address(name: str) -> str | None:
    """Return where pretrainedmodels has a network's weights; its tables are read as text, not imported."""
    library = find_spec("pretrainedmodels")
    if library is None or not library.submodule_search_locations:
        return None
    pattern = re.compile(rf"['\"](https?://[^'\"]*/{re.escape(name)}-[0-9a-f]+\.pth)['\"]")
    for source in sorted(Path(library.submodule_search_locations[0]).glob("models/*.py")):
        found = pattern.search(source.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found.group(1)
    return None


def _anything_cached() -> bool:
    """Tell whether any model lies in a cache; which one belongs to which name, only timm knows."""
    from huggingface_hub import constants

    return any(Path(constants.HF_HUB_CACHE).glob("models--*")) or any(_torch_cache().glob("*"))


def _torch_cache() -> Path:
    """Return the folder of torch.hub's downloads, as `torch.hub.get_dir` finds it."""
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{caches}/torch")).expanduser() / "hub" / "checkpoints"
