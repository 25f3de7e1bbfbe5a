"""Filters as SQL: the tree of `whaletui.view.query` becomes a condition with named parameters.

It means exactly what `whaletui.view.matches` says of one record. Only names from the list of known columns and
spec paths reach the text of the SQL; everything that a person typed travels as a parameter.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from engine.contract.errors import nearest
from engine.contract.fields import Plain, field_of
from whaletui.records.errors import RecordsError
from whaletui.records.text import storable
from whaletui.view.query import COLUMNS, WORD_COLUMNS, And, Not, Or, Query, Term, Word, kinds

Dialect = Literal["sqlite", "postgresql"]

SORTED_BESIDES = ("started_at", "ended_at", "seconds", "attempt", "position", "created_at", "uuid", "digest", "reason",
                  "baseline_constant", "baseline_duplicates")  # fmt: skip
"""Columns that can be sorted by but not filtered by."""

NEWEST = ("id", "created", "created_at", "age", "started_at", "ended_at")
"""Columns by which a family stands where its newest run would."""


class Condition(msgspec.Struct, frozen=True):
    """A condition on `runs` and the values of its parameters."""

    sql: str
    parameters: dict[str, Plain]


def condition(query: Query, dialect: Dialect) -> Condition:
    """Return a filter as SQL, true or false for every run, never unknown."""
    writer = _Writer(dialect)
    sql = writer.condition(query)
    return Condition(sql, writer.parameters)


def order(column: str, descending: bool, dialect: Dialect) -> Condition:
    """Return what follows ORDER BY: runs without a value come last either way, equal ones by id.

    Raises:
        RecordsError: there is no such column; the nearest are offered.
    """
    writer, value, descending, _ = _sorting(column, descending, dialect)
    direction = "DESC" if descending else "ASC"
    return Condition(f"({value}) IS NULL, {value} {direction}, runs.id {direction}", writer.parameters)


def order_of_families(column: str, descending: bool, dialect: Dialect) -> Condition:
    """Return what follows ORDER BY where rows are families: by the mean of numbers, the newest run, the first word.

    Raises:
        RecordsError: there is no such column; the nearest are offered.
    """
    writer, value, descending, kind = _sorting(column, descending, dialect)
    direction = "DESC" if descending else "ASC"
    if column in NEWEST:
        value = f"max({value})"
    elif column.startswith("map5"):  # as it is shown: the mean of finished runs, where there is one
        value = f"coalesce(avg(CASE WHEN runs.state = 'finished' THEN {value} END), avg({value}))"
    elif kind == "number":
        value = f"avg({value})"
    elif kind == "switch":
        value = f"max(CAST({value} AS INTEGER))"
    else:
        value = f"min({value})"
    return Condition(f"({value}) IS NULL, {value} {direction}, max(runs.id) {direction}", writer.parameters)


def family(dialect: Dialect) -> str:
    """Return the SQL of what runs share that differ only in name, seed and fold; a published result stands alone."""
    if dialect == "sqlite":
        same = "json_remove(runs.spec_json, '$.name', '$.seed', '$.data.fold')"
    else:
        without = "CAST(runs.spec_json AS jsonb) #- '{name}' #- '{seed}' #- '{data,fold}'"
        same = f"CAST({without} AS text)"
    return f"CASE WHEN runs.state = 'published' THEN CAST(runs.id AS text) ELSE {same} END"


def _sorting(column: str, descending: bool, dialect: Dialect) -> tuple[_Writer, str, bool, str]:
    if column == "age":
        column, descending = "created", not descending  # older was created earlier
    known = {**kinds(), **dict.fromkeys(SORTED_BESIDES, "number")}
    if column not in known or column == "tag":
        raise RecordsError(f"runs cannot be sorted by {column!r}", nearest(column, known) or ", ".join(COLUMNS))
    writer = _Writer(dialect, prefix="order")
    value = writer.value(column)
    if known[column] in ("text", "choice"):
        value = f"lower({value})"
        if dialect == "postgresql":
            value += ' COLLATE "C"'  # by letters, as SQLite does, whatever the server's language
    return writer, value, descending, known[column]


class _Writer:
    """Writes one condition and collects its parameters."""

    def __init__(self, dialect: Dialect, prefix: str = "where") -> None:
        self.dialect, self.prefix = dialect, prefix
        self.parameters: dict[str, Plain] = {}

    def condition(self, query: Query) -> str:
        match query:
            case Word(text):
                pattern = text if "*" in text else f"*{text}*"
                return "(" + " OR ".join(self.like(column, pattern) for column in WORD_COLUMNS) + ")"
            case Term():
                return self.term(query)
            case Not(inner):
                return f"NOT {self.condition(inner)}"
            case And(parts):
                return "(" + (" AND ".join(map(self.condition, parts)) or "1 = 1") + ")"
            case Or(parts):
                return "(" + (" OR ".join(map(self.condition, parts)) or "1 = 0") + ")"

    def term(self, term: Term) -> str:
        """Compare; what is not there compares false, whatever the operator."""
        if isinstance(term.value, str):
            alike = self.like(term.field, term.value)
            if term.operator == "=":
                return alike
            there = "1 = 1" if term.field == "tag" else f"({self.value(term.field)}) IS NOT NULL"
            return f"({there} AND NOT {alike})"
        if isinstance(term.value, float) and math.isnan(term.value):  # unequal to everything that is there
            return f"(({self.value(term.field)}) IS NOT NULL)" if term.operator == "!=" else "(1 = 0)"
        return f"(({self.value(term.field)} {term.operator} {self.bind(term.value)}) IS TRUE)"

    def like(self, field: str, pattern: str) -> str:
        """Compare text without regard to case, `*` standing for any text; never unknown."""
        if field == "tag":
            inner = self.alike("run_tags.tag", pattern)
            return f"EXISTS (SELECT 1 FROM run_tags WHERE run_tags.run_id = runs.id AND {inner})"
        return f"(({self.alike(self.value(field), pattern)}) IS TRUE)"

    def alike(self, value: str, pattern: str) -> str:
        text = storable(pattern).lower()
        if "*" not in text:
            return f"lower({value}) = {self.bind(text)}"
        for special in "\\%_":
            text = text.replace(special, "\\" + special)
        return f"lower({value}) LIKE {self.bind(text.replace('*', '%'))} ESCAPE '\\'"

    def value(self, field: str) -> str:
        """Return the SQL of a column, or of a setting within the spec; the default where an old spec lacks it."""
        if field in COLUMNS or field in SORTED_BESIDES:
            return f"runs.{'created_at' if field == 'created' else field}"
        setting = field_of(field)
        default = self.bind(setting.default) if not setting.kinds else "NULL"  # no other kind of method has it
        if self.dialect == "sqlite":
            return f"coalesce(json_extract(runs.spec_json, '$.{setting.path}'), {default})"
        steps = setting.path.replace(".", ",")
        inside = f"(CAST(runs.spec_json AS json) #>> '{{{steps}}}')"
        if setting.kind in ("integer", "number"):
            inside = f"CAST({inside} AS double precision)"
        elif setting.kind == "switch":
            inside = f"CAST({inside} AS boolean)"
        return f"coalesce({inside}, {default})"

    def bind(self, value: Plain) -> str:
        name = f"{self.prefix}_{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"
