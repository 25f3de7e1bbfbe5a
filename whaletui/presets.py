"""Presets and TOML files: where specs come from before a person changes them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from engine.contract.errors import SpecError, nearest
from engine.contract.fields import field_of
from engine.contract.spec import RunSpec


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A spec that ships with the engine, with one sentence about it."""

    name: str
    about: str
    spec: RunSpec
    text: str  # as written: its comments say what is faithful and what is mended


@cache
def presets() -> tuple[Preset, ...]:
    """Return the presets, by name."""
    folder = files("engine") / "presets"
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    return tuple(_preset(entry.name.removesuffix(".toml"), entry.read_text(encoding="utf-8")) for entry in found)


def preset(name: str) -> Preset:
    """Return a preset by name; raises `SpecError` offering the nearest names."""
    for entry in presets():
        if entry.name == name:
            return entry
    names = [entry.name for entry in presets()]
    raise SpecError(f"there is no preset {name!r}", nearest(name, names) or f"there are {', '.join(names)}")


def read_spec(source: str) -> RunSpec:
    """Return the spec of a preset's name or of a TOML file.

    Raises:
        SpecError: neither is there, or the file is refused; names the file and the field.
    """
    path = Path(source).expanduser()
    if source.endswith(".toml") or "/" in source:
        try:
            return RunSpec.from_toml(path.read_bytes())
        except OSError as error:
            raise SpecError(f"{source} cannot be read: {error.strerror}", "name a preset or a TOML file") from error
        except SpecError as error:
            raise SpecError(f"{source}: {error.message}", error.hint, error.field) from error
    return preset(source).spec


def grid(spec: RunSpec, settings: Sequence[str]) -> list[RunSpec]:
    """Return the spec with settings such as "training.epochs=8" applied.

    A setting with commas ("seed=0,1,2") is a list; several lists make every combination, the last
    one changing fastest. A field that takes text keeps commas when they are written `\\,`.

    Raises:
        SpecError: a setting is no `path=value`, or the spec refuses it.
    """
    axes: list[list[tuple[str, Any]]] = []
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals:
            raise SpecError(f"--set takes PATH=VALUE, not {setting!r}", "as in --set training.epochs=8")
        field = field_of(path.strip())
        values = [value.replace("\0", ",") for value in text.replace("\\,", "\0").split(",")]
        axes.append([(field.path, field.parse(value)) for value in values])
    return [spec.with_values(dict(combination)) for combination in itertools.product(*axes)]


def _preset(name: str, text: str) -> Preset:
    first = text.splitlines()[0] if text else ""
    spec = RunSpec.from_toml(text)
    if spec.name == RunSpec().name:
        spec = spec.with_values({"name": name})
    return Preset(name=name, about=first.removeprefix("# about:").strip(), spec=spec, text=text)
