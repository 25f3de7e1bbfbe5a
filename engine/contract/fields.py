"""The fields of a spec as a flat list: what forms, `--set` and error messages are made from."""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from engine.contract.errors import SpecError, nearest
from engine.contract.method import DEFAULT_KIND
from engine.contract.spec import RunSpec

Plain = str | int | float | bool

KIND = "method.kind"
"""The field that decides which others a spec has."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of a spec.

    `path` is dotted ("model.backbone"); `kind` is "text", "integer", "number", "switch" or
    "choice"; `choices` is empty but for a choice; `low` and `high` are None where open;
    `low_open` and `high_open` say that the bound itself is refused. `kinds` names the kinds of method that
    have the field, and is empty where it does not depend on the kind.
    """

    path: str
    kind: str
    default: Plain
    help: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    kinds: tuple[str, ...] = ()

    def belongs(self, kind: str) -> bool:
        """Whether a spec of this kind of method has the field."""
        return not self.kinds or kind in self.kinds

    @property
    def allowed(self) -> str:
        """What the field takes, in words: "a whole number from 1 to 100"."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "switch":
            return "true or false"
        if self.kind == "text":
            return "text"
        words = ["a whole number" if self.kind == "integer" else "a number"]
        if self.low is not None:
            words.append(f"{'above' if self.low_open else 'from'} {self.low:.12g}")
        if self.high is not None:
            words.append(f"{'below' if self.high_open else 'to'} {self.high:.12g}")
        return " ".join(words)

    def parse(self, text: str) -> Plain:
        """Read what a person typed; raises `SpecError` naming the field and what it takes."""
        text = text.strip()
        try:
            if self.kind == "switch":
                return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}[text.lower()]
            if self.kind == "integer":
                return int(text)
            if self.kind == "number":
                return float(text)
        except (KeyError, ValueError):
            raise SpecError(f"{self.path} is {text!r}, but takes {self.allowed}", field=self.path) from None
        return text


@cache
def spec_fields() -> tuple[Field, ...]:
    """Return every setting of `RunSpec`, in the order of the types; those of all kinds of method, each once."""
    found: dict[str, Field] = {}
    for field in _walk("", inspect.type_info(RunSpec)):
        known = found.get(field.path)
        kinds = (known.kinds if known else ()) + field.kinds
        found[field.path] = msgspec.structs.replace(known or field, kinds=kinds)
    return tuple(found.values())


def kind_of(values: dict[str, Any]) -> str:
    """Return the kind of method that plain values name, or the default one."""
    method = values.get("method")
    return str(method.get("kind", DEFAULT_KIND)) if isinstance(method, dict) else DEFAULT_KIND


@cache
def field_of(path: str) -> Field:
    """Return the field at a dotted path; raises `SpecError` offering the nearest ones."""
    for field in spec_fields():
        if field.path == path:
            return field
    known = [field.path for field in spec_fields()]
    inside = [name for name in known if name.startswith(path + ".")]
    hint = f"it holds {', '.join(inside[:8])}" if inside else nearest(path, known) or "see whaletui spec show PRESET"
    raise SpecError(f"a spec has no field {path!r}", hint, field=path)


def get_value(values: dict[str, Any], path: str) -> Plain:
    """Return the plain value at a dotted path of `RunSpec.to_values()`; empty for a field of another kind of method."""
    if not field_of(path).belongs(kind_of(values)):
        return ""
    node: Any = values
    for step in path.split("."):
        node = node[step]
    found: Plain = node
    return found


def set_values(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of nested plain values with dotted paths replaced; a text is read by its field.

    Another `method.kind` takes the fields away that it does not have. A field that the kind lacks is left in,
    to be refused where the values become a spec.
    """
    changed = copy.deepcopy(values)
    for path, value in sorted(changes.items(), key=lambda change: change[0] != KIND):  # the kind first
        field = field_of(path)
        node = changed
        *parents, last = path.split(".")
        for step in parents:
            node = node.setdefault(step, {})
        node[last] = field.parse(value) if isinstance(value, str) else value
        if path == KIND:
            _drop_others(changed)
    return changed


def _drop_others(values: dict[str, Any]) -> None:
    """Take away the method's fields that belong to other kinds than the one it names. In place."""
    kind, method = kind_of(values), values["method"]
    for field in spec_fields():
        if not field.belongs(kind):
            method.pop(field.path.removeprefix("method."), None)


def differences(ours: RunSpec, theirs: RunSpec) -> dict[str, tuple[Plain, Plain]]:
    """Return the dotted paths at which two specs differ, with both values.

    A field that only one of them has differs where it is not at its default; the other's value is empty.
    """
    left, right = ours.to_values(), theirs.to_values()
    kinds = kind_of(left), kind_of(right)
    found = {}
    for field in spec_fields():
        pair = get_value(left, field.path), get_value(right, field.path)
        compared = [value if field.belongs(kind) else field.default for value, kind in zip(pair, kinds, strict=True)]
        if compared[0] != compared[1]:
            found[field.path] = pair
    return found


def explain(complaint: str, values: object) -> SpecError:
    """Turn msgspec's complaint into an error that names the field, what was seen and what it takes."""
    where = re.search(r" - at `\$\.?(.*)`$", complaint)
    path = where.group(1) if where else ""
    text = complaint[: where.start()] if where else complaint
    unknown = re.search(r"contains unknown field `(.*)`", text)
    if unknown:
        path = f"{path}.{unknown.group(1)}".strip(".")
        if other := _of_another_kind(path, values):
            return other
        known = [field.path for field in spec_fields()]
        return SpecError(
            f"a spec has no field {path!r}", nearest(path, known) or "see whaletui spec show PRESET", field=path
        )
    fields = {field.path: field for field in spec_fields()}
    if path in fields:
        return SpecError(f"{path} is {_seen(values, path)!r}, but takes {fields[path].allowed}", field=path)
    if path:
        return SpecError(
            f"{path} is {_seen(values, path)!r}, but holds fields of its own", "see whaletui spec show PRESET", path
        )
    named = re.match(r"([a-z_.]+) is ", text)
    return SpecError(text, field=named.group(1) if named else "")


def _of_another_kind(path: str, values: object) -> SpecError | None:
    """Return the refusal of a field that exists, but not for the kind of method that the values name."""
    if not isinstance(values, dict):
        return None
    for field in spec_fields():
        if field.path == path and field.kinds:
            kind, owners = kind_of(values), " or ".join(field.kinds)
            return SpecError(
                f"{path} belongs to the kind {owners}, but {KIND} is {kind}",
                f"set {KIND}={field.kinds[0]}, or leave it out", path,
            )  # fmt: skip
    return None


def _seen(values: object, path: str) -> object:
    for step in path.split("."):
        values = values.get(step) if isinstance(values, dict) else None
    return values


def _walk(prefix: str, info: inspect.Type, kinds: tuple[str, ...] = ()) -> list[Field]:
    assert isinstance(info, inspect.StructType)
    found = []
    for entry in info.fields:
        found += _leaf_or_part(f"{prefix}{entry.name}", entry)
    return [msgspec.structs.replace(field, kinds=kinds) for field in found] if kinds else found


def _one_of_kinds(prefix: str, choices: list[inspect.StructType]) -> list[Field]:
    """Return the field that names the kind, then the fields of each kind."""
    tags = tuple(str(info.tag) for info in choices)
    help_line = "what is learnt; each kind has settings of its own"
    found = [Field(path=f"{prefix}kind", kind="choice", default=DEFAULT_KIND, help=help_line, choices=tags)]
    for info, tag in zip(choices, tags, strict=True):
        found += _walk(prefix, info, (tag,))
    return found


def _leaf_or_part(path: str, entry: inspect.Field) -> list[Field]:
    kind = entry.type
    if isinstance(kind, inspect.UnionType):
        return _one_of_kinds(path + ".", [one for one in kind.types if isinstance(one, inspect.StructType)])
    help_line = ""
    if isinstance(kind, inspect.Metadata):
        help_line = str((kind.extra_json_schema or {}).get("description", ""))
        kind = kind.type
    if isinstance(kind, inspect.StructType):
        return _walk(path + ".", kind)
    if isinstance(kind, inspect.LiteralType):
        choices = tuple(str(value) for value in kind.values)
        return [Field(path=path, kind="choice", default=entry.default, help=help_line, choices=choices)]
    if isinstance(kind, inspect.BoolType):
        return [Field(path=path, kind="switch", default=entry.default, help=help_line)]
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        name = "integer" if isinstance(kind, inspect.IntType) else "number"
        low, high = (kind.gt if kind.ge is None else kind.ge), (kind.lt if kind.le is None else kind.le)
        return [
            Field(
                path=path, kind=name, default=entry.default, help=help_line,
                low=low, high=high, low_open=kind.gt is not None, high_open=kind.lt is not None,
            )
        ]  # fmt: skip
    return [Field(path=path, kind="text", default=entry.default, help=help_line)]
