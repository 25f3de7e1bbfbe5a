"""The names of every backbone the engine can build, as data: known without importing torch.

`backbones.txt` beside this file is written by `python -m engine.models.names`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from engine.contract.errors import BackboneError, nearest


@cache
def known_backbones() -> tuple[str, ...]:
    """Return all names, sorted: `pretrainedmodels/NAME` and `timm/NAME`."""
    return tuple(Path(__file__).with_name("backbones.txt").read_text(encoding="utf-8").split())


def check_backbone(name: str) -> None:
    """Refuse a backbone that no library offers.

    Args:
        name: `timm/NAME`, `timm/NAME.TAG` (one set of pretrained weights of it) or `pretrainedmodels/NAME`.

    Raises:
        BackboneError: it is unknown; the hint offers the nearest names.
    """
    refuse_unknown(name, known_backbones())


def refuse_unknown(name: str, known: tuple[str, ...]) -> None:
    """Raise `BackboneError` unless `name`, without the tag of its weights, is among `known`."""
    untagged = name.split(".", 1)[0] if name.startswith("timm/") else name
    if untagged not in known:
        close = nearest(untagged, known)
        raise BackboneError(
            f"there is no backbone {name[:200]!r}", close or "name one as timm/NAME or pretrainedmodels/NAME"
        )
