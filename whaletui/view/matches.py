"""What a filter means for one record: the plain-Python reading that the records' SQL must agree with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from engine.contract.fields import Plain
from whaletui.records.model import RunRecord
from whaletui.view.query import COLUMNS, WORD_COLUMNS, And, Not, Or, Query, Term, Word


def matches(query: Query, record: RunRecord) -> bool:
    """Say whether a record satisfies a filter; the rules are those of `query`."""
    match query:
        case Word(text):
            pattern = text if "*" in text else f"*{text}*"
            return any(_like(value, pattern) for column in WORD_COLUMNS for value in _texts(record, column))
        case Term():
            return _holds(query, record)
        case Not(inner):
            return not matches(inner, record)
        case And(parts):
            return all(matches(part, record) for part in parts)
        case Or(parts):
            return any(matches(part, record) for part in parts)


def _holds(term: Term, record: RunRecord) -> bool:
    if term.field == "tag":
        found = any(_like(tag, str(term.value)) for tag in record.tags)
        return found if term.operator == "=" else not found
    seen = _seen(term.field, record)
    if seen is None:
        return False
    if isinstance(term.value, str):
        return _like(str(seen), term.value) == (term.operator == "=")
    number = float(seen)
    compared = {
        "=": number == term.value, "!=": number != term.value, "<": number < term.value,
        "<=": number <= term.value, ">": number > term.value, ">=": number >= term.value,
    }  # fmt: skip
    return compared[term.operator]


def _seen(field: str, record: RunRecord) -> Plain | None:
    if field not in COLUMNS:
        node: object = record.spec.to_values()
        for step in field.split("."):
            node = node.get(step) if isinstance(node, dict) else None
        return node if isinstance(node, str | int | float | bool) else None
    value: Plain | None = getattr(record, {"created": "created_at"}.get(field, field))
    return value


def _texts(record: RunRecord, column: str) -> Iterable[str]:
    return record.tags if column == "tag" else (getattr(record, column),)


def _like(text: str, pattern: str) -> bool:
    escaped = re.sub(r"([\[?])", r"[\1]", pattern.lower())  # only * is a wildcard here
    return re.match(translate(escaped), text.lower(), re.DOTALL) is not None
