"""Presets and TOML files: where specs come from before a person changes them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec

from engine.contract.errors import SpecError, nearest
from engine.contract.fields import field_of
from engine.contract.spec import RunSpec, toml_values


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A spec that ships with the engine, with one sentence about it.

    A vote has `members` instead, each a spec of its own, and `blend` says how to blend them; its `spec` is that of
    the first member.
    """

    name: str
    about: str
    spec: RunSpec
    text: str  # as written: its comments say what is faithful and what is mended
    members: tuple[RunSpec, ...] = ()
    blend: str = ""

    @property
    def specs(self) -> tuple[RunSpec, ...]:
        """The runs that it stands for."""
        return self.members or (self.spec,)


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member of a vote as its file names it: another preset, and what is changed of it."""

    preset: str
    set: dict[str, Any] = {}


class Vote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of a vote."""

    blend: Literal["logits", "probabilities"]
    members: list[Member]


@cache
def presets() -> tuple[Preset, ...]:
    """Return the presets, by name."""
    folder = files("engine") / "presets"
    entries = [entry for entry in folder.iterdir() if entry.name.endswith(".toml")]
    texts = {entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8") for entry in entries}
    votes = {name for name, text in texts.items() if "members" in toml_values(text)}
    alone = {name: _preset(name, text) for name, text in texts.items() if name not in votes}
    found = alone | {name: _vote(name, texts[name], alone) for name in votes}
    return tuple(found[name] for name in sorted(found))


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
    named = preset(source)
    if named.members:
        names = ", ".join(spec.name for spec in named.members)
        raise SpecError(f"{source} is a vote of {len(named.members)} runs, not one", f"its members are {names}")
    return named.spec


def read_specs(source: str) -> tuple[RunSpec, ...]:
    """Return the specs that a source stands for: the members of a vote, else one; raises as `read_spec` does."""
    if source.endswith(".toml") or "/" in source:
        return (read_spec(source),)
    return preset(source).specs


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


def _vote(name: str, text: str, alone: Mapping[str, Preset]) -> Preset:
    vote = msgspec.convert(toml_values(text), Vote)
    members = tuple(alone[member.preset].spec.with_values(member.set) for member in vote.members)
    return Preset(name=name, about=_about(text), spec=members[0], text=text, members=members, blend=vote.blend)


def _about(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first.removeprefix("# about:").strip()


def _preset(name: str, text: str) -> Preset:
    spec = RunSpec.from_toml(text)
    if spec.name == RunSpec().name:
        spec = spec.with_values({"name": name})
    return Preset(name=name, about=_about(text), spec=spec, text=text)
