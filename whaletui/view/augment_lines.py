"""What of an augmentation is on, in words: a line a transform, in the order in which they are applied. Pure."""

from __future__ import annotations

from typing import Any

from engine.contract.augment import AugmentSpec
from whaletui.view.formats import plain

PAIR = tuple[str, str]


def augment_lines(augment: AugmentSpec) -> list[PAIR]:
    """Return name and settings of each transform that is on: ("rotate", "half of the photos, degrees 15")."""
    import msgspec

    values: dict[str, dict[str, Any]] = msgspec.to_builtins(augment)
    lines: list[PAIR] = []
    for name, part in values.items():
        if "enabled" in part:
            lines += _line(name, part, f"{part['p']:.0%}")
            continue
        choices = {inner: one for inner, one in part.items() if isinstance(one, dict) and one["enabled"]}
        weight = sum(one["p"] for one in choices.values())
        if not weight:
            continue
        for inner, one in choices.items():
            lines += _line(inner.replace("_", " "), one, f"{part['p'] * one['p'] / weight:.0%}") if part["p"] else []
    return lines


def _line(name: str, part: dict[str, Any], share: str) -> list[PAIR]:
    """Return the line of a transform, none where it is off."""
    if not part["enabled"] or not part["p"]:
        return []
    told = [
        f"{field.replace('_', ' ')} {plain(value)}" if not isinstance(value, bool) else field.replace("_", " ")
        for field, value in part.items()
        if field not in ("enabled", "p") and value is not False
    ]
    return [(name, ", ".join([share, *told]))]
