"""The filter language: `backbone=resnet* and (map5>0.4 or star=yes) fold=0,1 -tag=old`.

A text becomes a small tree that the records turn into SQL and `matches.matches` asks of one record. Words
without an operator are looked for in name, note, tags and backbone; neighbours without a connective
are joined by "and". The rules that every reader of the tree keeps:

- text is compared without regard to case; `*` stands for any run of characters, anything else for itself;
- a comparison with a value that is not there is false, whatever the operator; its negation is true;
- `tag=x` asks whether any tag is x, `tag!=x` whether none is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Literal

import msgspec

from engine.contract.errors import WhaleError, nearest
from engine.contract.fields import Plain, spec_fields
from whaletui.records.model import State

LONGEST_TEXT = 1000
DEEPEST = 40
Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Kind = Literal["number", "text", "choice", "switch"]

COLUMNS: dict[str, Kind] = {
    "id": "number", "name": "text", "state": "choice", "backbone": "text", "method": "text", "crop": "switch",
    "seed": "number", "fold": "number", "epoch": "number", "epochs": "number", "loss": "number", "map5": "number",
    "map5_low": "number", "map5_high": "number", "map5_known": "number", "map5_new": "number", "tag": "text",
    "note": "text", "star": "switch", "created": "number", "slot": "text",
}  # fmt: skip
"""What a term may name besides the dotted paths of a spec. `created` is in seconds since 1970."""

WORD_COLUMNS = ("name", "note", "tag", "backbone")
"""Where a bare word is looked for."""


class QueryError(WhaleError):
    """A filter that cannot be read. `column` is the field that was refused, or empty."""

    reason = "filter"

    def __init__(self, message: str, hint: str = "", column: str = "") -> None:
        super().__init__(message, hint)
        self.column = column


class Word(msgspec.Struct, frozen=True):
    """A piece of text looked for anywhere in `WORD_COLUMNS`; with `*` it must match one of them whole."""

    text: str


class Term(msgspec.Struct, frozen=True):
    """One comparison. `field` is one of `COLUMNS` or a dotted path of the spec; `value` has the field's type."""

    field: str
    operator: Operator
    value: Plain

    @property
    def is_pattern(self) -> bool:
        """Whether the value holds a `*` that stands for any text."""
        return isinstance(self.value, str) and "*" in self.value


class Not(msgspec.Struct, frozen=True):
    """The opposite of what it holds."""

    inner: Query


class And(msgspec.Struct, frozen=True):
    """All of its parts; of no part: everything."""

    parts: tuple[Query, ...]


class Or(msgspec.Struct, frozen=True):
    """At least one of its parts."""

    parts: tuple[Query, ...]


Query = Word | Term | Not | And | Or
EVERYTHING = And(())

_TERM = re.compile(r"""(?P<field>[A-Za-z_][\w.]*)\s*(?P<operator><=|>=|!=|=|<|>|:)\s*(?P<value>"[^"]*"?|[^\s()"]*)""")
_WORD = re.compile(r'"(?P<quoted>[^"]*)"?|(?P<bare>[^\s()"]+)')
_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse(text: str, now: Callable[[], float] = time.time) -> Query:
    """Read a filter; an empty one is `EVERYTHING`.

    `age<2h` is understood as `created` after two hours ago; `now` tells the time in seconds since 1970.

    Raises:
        QueryError: a field is unknown (nearest ones offered), a value is not of its type, an operator
            does not fit it, or a parenthesis has no partner.
    """
    if len(text) > LONGEST_TEXT:
        raise QueryError(f"the filter has {len(text)} characters", f"at most {LONGEST_TEXT} are read")
    reader = _Reader(text, now)
    query = reader.either(0)
    if reader.rest():
        raise QueryError(f"a ) at character {reader.position + 1} closes nothing", "open it with (")
    return query


def is_begun(text: str) -> bool:
    """Say whether the last word may be the beginning of a column's name: `map` on the way to `map5>0.4`."""
    last = re.search(r"(?:^|[\s(-])([A-Za-z_][\w.]*)$", text)
    return last is not None and any(name.startswith(last[1].lower()) for name in kinds())


class _Reader:
    """Recursive descent over the text, one method a level: or, and, not, primary."""

    def __init__(self, text: str, now: Callable[[], float]) -> None:
        self.text, self.position, self.now = text, 0, now

    def rest(self) -> str:
        """Return what is still to be read, blanks skipped."""
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1
        return self.text[self.position :]

    def either(self, depth: int) -> Query:
        """Read alternatives joined by "or"."""
        parts = [self.all_of(depth)]
        while self.take("or"):
            parts.append(self.all_of(depth, after="or"))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def all_of(self, depth: int, after: str = "") -> Query:
        """Read neighbours, joined by "and" or by nothing."""
        parts: list[Query] = []
        while (rest := self.rest()) and not rest.startswith(")") and not _starts_with(rest, "or"):
            if self.take("and") and not parts:
                raise QueryError('"and" has nothing before it', "put a condition on either side")
            parts.append(self.negated(depth))
        if not parts and (after or _starts_with(self.rest(), "or")):
            raise QueryError(f'"or" has nothing {"after" if after else "before"} it', "put a condition on either side")
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def negated(self, depth: int) -> Query:
        """Read one condition and what turns it round: "not" or a minus sign."""
        if depth > DEEPEST:
            raise QueryError(f"the filter is nested more than {DEEPEST} deep", "write it flatter")
        rest = self.rest()
        if self.take("not"):
            return Not(self.negated(depth + 1))
        if len(rest) > 1 and rest[0] == "-" and not rest[1].isspace():
            self.position += 1
            return Not(self.negated(depth + 1))
        return self.primary(depth)

    def primary(self, depth: int) -> Query:
        """Read a parenthesis, a comparison or a bare word."""
        rest = self.rest()
        if rest.startswith("("):
            self.position += 1
            inside = self.either(depth + 1)
            if not self.rest().startswith(")"):
                raise QueryError("a ( is not closed", "close it with )")
            self.position += 1
            return inside
        if term := _TERM.match(rest):
            self.position += term.end()
            return _comparison(term["field"].lower(), term["operator"], term["value"], self.now)
        if word := _WORD.match(rest):
            self.position += word.end()
            return Word(word["quoted"] if word["bare"] is None else word["bare"])
        raise QueryError("the filter ends too early", "a condition is missing, as in map5>0.4")

    def take(self, connective: str) -> bool:
        """Step over a connective if it is next."""
        if not _starts_with(self.rest(), connective):
            return False
        self.position += len(connective)
        return True


def _starts_with(rest: str, connective: str) -> bool:
    return re.match(rf"{connective}(?=[\s()]|$)", rest, re.IGNORECASE) is not None


@lru_cache(maxsize=1)
def kinds() -> dict[str, Kind]:
    """Return every field that a term may name, with the kind of its values."""
    of_spec: dict[str, Kind] = {
        field.path: "number" if field.kind in ("integer", "number") else "switch" if field.kind == "switch" else "text"
        for field in spec_fields()
    }
    return {**of_spec, **COLUMNS, "age": "number"}


def _comparison(field: str, written: str, value: str, now: Callable[[], float]) -> Query:
    kind = kinds().get(field)
    if kind is None:
        offered = nearest(field, kinds()) or f"known are {', '.join(COLUMNS)} and spec paths like model.backbone"
        raise QueryError(f"there is no column {field!r}", offered, field)
    operator: Operator = "=" if written == ":" else written  # type: ignore[assignment]
    if kind != "number" and operator not in ("=", "!="):
        raise QueryError(f"{field} is not a number, so {operator} means nothing", "it takes = and !=", field)
    quoted = value.startswith('"')  # then commas are text, and "" asks for none at all
    values = [value.strip('"')] if quoted else [part for part in value.split(",") if part]
    if not values:
        raise QueryError(f"{field} is compared with nothing", f'write what it should be, or {field}="" for none', field)
    if len(values) > 1 and operator not in ("=", "!="):
        raise QueryError(f"{field} is compared with {len(values)} values", f"{operator} takes one", field)
    terms = tuple(_term(field, kind, operator, one, now) for one in values)
    if len(terms) == 1:
        return terms[0]
    return Or(terms) if operator == "=" else And(terms)


def _term(field: str, kind: Kind, operator: Operator, text: str, now: Callable[[], float]) -> Term:
    if field == "age":  # older is created earlier: the operator turns round
        turned: dict[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
        return Term("created", turned.get(operator, operator), now() - _age_seconds(text))
    if field == "created":
        return Term(field, operator, _moment(text))
    if kind == "number":
        return Term(field, operator, _number(field, text))
    if kind == "switch":
        return Term(field, operator, _switch(field, text))
    if kind == "choice" and "*" not in text and text.lower() not in list(State):
        raise QueryError(f"{field} is never {text!r}", f"it is one of {', '.join(State)}", field)
    if field in ("backbone", "model.backbone") and text and "/" not in text:
        text = f"*/{text}"  # timm's or pretrainedmodels' alike
    return Term(field, operator, text)


def _number(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise QueryError(f"{field} is compared with {text!r}", "it takes a number, as in 0.4", field) from None


def _switch(field: str, text: str) -> bool:
    words = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}
    if text.lower() not in words:
        raise QueryError(f"{field} is compared with {text!r}", "it takes yes or no", field)
    return words[text.lower()]


def _age_seconds(text: str) -> float:
    if not (match := _AGE.fullmatch(text.lower())):
        raise QueryError(f"age is compared with {text!r}", "it takes a span, as in 30m, 2h, 3d or 1w", "age")
    return float(match[1]) * _UNIT_SECONDS[match[2]]


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise QueryError(f"created is compared with {text!r}", "it takes a date, as in 2026-11-30", "created") from None
