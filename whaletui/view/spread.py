"""What differs among the runs of a table: settings by path, read from the recorded specs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

import msgspec

from engine.contract.fields import KIND, Field, Plain, spec_fields
from engine.contract.method import DEFAULT_KIND
from whaletui.records.model import RunRecord, State
from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.explain import UNTOLD, short_names

__all__ = ["HELD", "UNTOLD", "differing", "fields", "setting", "settings", "short_names"]

HELD = {
    "model.backbone": "backbone", "method.kind": "method", "crop.enabled": "crop", "seed": "seed", "data.fold": "fold",
    "training.epochs": "epoch",
}  # fmt: skip
"""Settings that have a column of the records already, by path."""


@lru_cache(maxsize=4096)
def settings(spec_json: str) -> dict[str, Plain]:
    """Return a recorded spec's values by path; empty where it cannot be read any more."""
    try:
        values = msgspec.json.decode(spec_json)
    except msgspec.DecodeError:
        return {}
    found: dict[str, Plain] = {}
    _flatten("", values, found)
    return found


def _flatten(prefix: str, node: object, into: dict[str, Plain]) -> None:
    if isinstance(node, dict):
        for name, inner in node.items():
            _flatten(f"{prefix}.{name}" if prefix else str(name), inner, into)
    elif isinstance(node, str | int | float | bool):
        into[prefix] = node


def setting(record: RunRecord, path: str) -> str:
    """Return a setting of a run as it is shown; empty where its method has no such one."""
    return safe(formats.plain(_value(settings(record.spec_json), fields()[path])), 60)


def _value(values: dict[str, Plain], field: Field) -> Plain:
    """Return a setting; the default where an old spec lacks it, nothing where it belongs to another kind of method."""
    if not field.belongs(str(values.get(KIND, DEFAULT_KIND))):
        return ""
    return values.get(field.path, field.default)


@cache
def fields() -> dict[str, Field]:
    """Return every setting, by path."""
    return {field.path: field for field in spec_fields()}


def differing(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Return the paths whose values are not the same in all of these runs, in the order of the types.

    Published results say little of how they were made, and settings that have a column of their own are left out.
    """
    specs = [settings(record.spec_json) for record in records if record.state is not State.PUBLISHED]
    if not specs:
        return ()
    first = specs[0]
    touched = {path for values in specs if values != first for path, _ in values.items() ^ first.items()}
    if KIND in touched:  # then settings differ that a kind of method has and another lacks, whatever they hold
        touched |= fields().keys()
    return tuple(
        path for path, field in fields().items()
        if path in touched and path not in HELD and path not in UNTOLD
        and len({_value(values, field) for values in specs}) > 1
    )  # fmt: skip
