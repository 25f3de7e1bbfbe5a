"""Fields that specs of earlier versions do not have: as by default they leave texts and digests as they were."""

from __future__ import annotations

from typing import Any

from engine.contract import augment

LATER = {"augment": augment.LATER, "model": ("frozen",), "training": ("validate_every",)}
"""Names of later fields, by part. A new field with a default that changes nothing belongs here."""


def as_first_written(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return a spec's plain values without later fields that are as by default: those that an older version wrote."""

    def kept(part: str, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: one for name, one in values[part].items() if name not in names or one != defaults[part][name]}

    return values | {part: kept(part, names) for part, names in LATER.items()}
