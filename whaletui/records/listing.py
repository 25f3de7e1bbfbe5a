"""Reading the index: pages of the runs table, single runs, votes and submissions, by one set of SQL texts.

On a workspace's own file they run through the standard library's sqlite3: loading SQLAlchemy would cost more
than the whole listing. On another database the same texts run through SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from engine.contract.errors import nearest
from whaletui.records.errors import RecordsError
from whaletui.records.filters import condition, family, order, order_of_families
from whaletui.records.model import EnsembleRecord, MemberRecord, Page, RunRecord, State, SubmissionRecord
from whaletui.records.store import Row, Select, Store
from whaletui.records.text import storable
from whaletui.view.query import EVERYTHING, parse

COLUMNS = tuple(name for name in RunRecord.__struct_fields__ if name != "tags")
_RUNS = f"SELECT {', '.join(f'runs.{name}' for name in COLUMNS)} FROM runs"


def page(store: Store, query: str, sort: str, descending: bool, limit: int, offset: int) -> Page:
    """Return a stretch of the runs that a filter lets through.

    Raises:
        QueryError: the filter cannot be read.
        RecordsError: there is no such column to sort by, or the database cannot be read.
    """
    tree = parse(query)
    where, ordered = condition(tree, store.dialect), order(sort, descending, store.dialect)
    values = {**where.parameters, **ordered.parameters, "limit": max(limit, 0), "offset": max(offset, 0)}
    ids = f"SELECT runs.id FROM runs WHERE {where.sql} ORDER BY {ordered.sql} LIMIT :limit OFFSET :offset"
    with store.reading() as select:
        chosen = [_whole(row[0]) for row in select(ids, values)]
        counts = {str(state): _whole(count) for state, count in select(
            "SELECT state, count(*) FROM runs GROUP BY state ORDER BY state")}  # fmt: skip
        total = sum(counts.values())
        matching = total
        if tree != EVERYTHING:
            matching = _whole(select(f"SELECT count(*) FROM runs WHERE {where.sql}", where.parameters)[0][0])
        found = {record.id: record for record in _records(select, chosen)}
    return Page(rows=tuple(found[run_id] for run_id in chosen), matching=matching, total=total, counts=counts)


def folded(store: Store, query: str, sort: str, descending: bool, limit: int, offset: int) -> Page:
    """Return a stretch of the families that a filter's runs belong to: runs that differ only in name, seed and fold.

    Raises:
        QueryError: the filter cannot be read.
        RecordsError: there is no such column to sort by, or the database cannot be read.
    """
    where = condition(parse(query), store.dialect)
    ordered, same = order_of_families(sort, descending, store.dialect), family(store.dialect)
    together = "group_concat(runs.id)" if store.dialect == "sqlite" else "string_agg(CAST(runs.id AS text), ',')"
    values = {**where.parameters, **ordered.parameters}
    with store.reading() as select:
        found = select(f"SELECT {together} FROM runs WHERE {where.sql} GROUP BY {same} ORDER BY {ordered.sql}", values)
        families = [sorted(int(run_id) for run_id in str(row[0]).split(",")) for row in found]
        shown = families[max(offset, 0) :][: max(limit, 0)]
        counts = {str(state): _whole(count) for state, count in select(
            "SELECT state, count(*) FROM runs GROUP BY state ORDER BY state")}  # fmt: skip
        rows = _records(select, [run_id for members in shown for run_id in members])
    return Page(
        rows=tuple(rows), matching=sum(map(len, families)), total=sum(counts.values()), counts=counts,
        groups=tuple(map(len, shown)), families=len(families),
    )  # fmt: skip


def twins(store: Store, specs: Iterable[tuple[str, int]]) -> list[RunRecord]:
    """Return the runs of our own that have one of these (digest, seed), newest first."""
    wanted = set(specs)
    if not wanted:
        return []
    names = {f"digest_{number}": digest for number, digest in enumerate(sorted({digest for digest, _ in wanted}))}
    asked = ", ".join(f":{name}" for name in names)
    with store.reading() as select:
        found = select(
            f"SELECT id, digest, seed FROM runs WHERE state <> 'published' AND digest IN ({asked}) ORDER BY id DESC",
            names,
        )
        return _records(select, [_whole(row[0]) for row in found if (row[1], row[2]) in wanted])


def run(store: Store, run_id: int) -> RunRecord:
    """Return a run; raises `RecordsError` where there is none."""
    with store.reading() as select:
        found = _records(select, [run_id])
        if found:
            return found[0]
        highest = _whole(select("SELECT coalesce(max(id), 0) FROM runs")[0][0])
    raise RecordsError(f"there is no run {run_id}", f"the newest is {highest}; whaletui ls lists them")


def runs(store: Store, run_ids: Sequence[int]) -> list[RunRecord]:
    """Return those of some runs that are there, in the order asked for."""
    with store.reading() as select:
        return _records(select, list(run_ids))


def found(store: Store, run_id: int) -> RunRecord | None:
    """Return a run, or None where there is none."""
    with store.reading() as select:
        return next(iter(_records(select, [run_id])), None)


def find(store: Store, text: str) -> RunRecord:
    """Return the run of that id or exact name; raises `RecordsError` where there is none, or more than one."""
    text = storable(text).strip()
    if text.isascii() and text.isdigit() and len(text) < 19:
        return run(store, int(text))
    with store.reading() as select:
        ids = [_whole(row[0]) for row in select("SELECT id FROM runs WHERE name = :name ORDER BY id", {"name": text})]
        if len(ids) == 1:
            return _records(select, ids)[0]
        names = {str(row[0]) for row in select("SELECT DISTINCT name FROM runs ORDER BY name LIMIT 2000")}
    if ids:
        listed = ", ".join(map(str, ids[-8:]))
        raise RecordsError(f"{len(ids)} runs are called {text!r}", f"name one by its id: {listed}")
    raise RecordsError(f"there is no run {text!r}", nearest(text, names) or "whaletui ls lists ids and names")


def in_states(store: Store, states: Iterable[State]) -> list[RunRecord]:
    """Return the runs in some states, in the order of the queue."""
    listed = ", ".join(f"'{state.value}'" for state in states)
    with store.reading() as select:
        rows = select(f"SELECT id FROM runs WHERE state IN ({listed}) ORDER BY position, id")
        return _records(select, [_whole(row[0]) for row in rows])


def asked_to_stop(store: Store) -> set[int]:
    """Return the ids of running runs that somebody asked to stop."""
    with store.reading() as select:
        return {_whole(row[0]) for row in select("SELECT id FROM runs WHERE state = 'running' AND stop_asked")}


def setting(store: Store, name: str) -> str:
    """Return a choice of the workspace, empty where it was not made."""
    with store.reading() as select:
        rows = select("SELECT value FROM settings WHERE name = :name", {"name": name})
    return str(rows[0][0]) if rows else ""


def leases(store: Store) -> dict[tuple[str, str], int]:
    """Return which run holds each (host, slot id)."""
    with store.reading() as select:
        rows = select("SELECT host, slot_id, run_id FROM leases")
    return {(str(host), str(slot)): _whole(run_id) for host, slot, run_id in rows}


def ensembles(store: Store) -> list[EnsembleRecord]:
    """Return the votes that were written down, oldest first."""
    names = [name for name in EnsembleRecord.__struct_fields__ if name not in ("members", "tags")]
    with store.reading() as select:
        heads = select(f"SELECT {', '.join(names)} FROM ensembles ORDER BY id")
        members = _members(select)
        tags: dict[object, list[str]] = {}
        for ensemble, tag in select("SELECT ensemble_id, tag FROM ensemble_tags ORDER BY ensemble_id, tag"):
            tags.setdefault(ensemble, []).append(str(tag))
    found = []
    for row in heads:
        told: dict[str, object] = dict(zip(names, row, strict=True))
        told |= {"sources": msgspec.json.decode(str(told["sources"]) or "[]"), "members": members.get(row[0], [])}
        found.append(msgspec.convert({**told, "tags": tags.get(row[0], [])}, EnsembleRecord, strict=False))
    return found


def _members(select: Select) -> dict[object, list[MemberRecord]]:
    """Return the members of every ensemble in their order; rows of one place are one member."""
    joined: dict[tuple[int, int], MemberRecord] = {}
    for row in select(
        'SELECT ensemble_id, place, run_id, member_id, weight FROM ensemble_members ORDER BY ensemble_id, "row"'
    ):
        place = (_whole(row[0]), _whole(row[1]))
        before = joined[place].runs if place in joined else ()
        runs = before if row[2] is None else (*before, _whole(row[2]))
        told = {"runs": runs, "ensemble_id": row[3], "weight": row[4]}
        joined[place] = msgspec.convert(told, MemberRecord, strict=False)
    members: dict[object, list[MemberRecord]] = {}
    for (ensemble, _), member in joined.items():
        members.setdefault(ensemble, []).append(member)
    return members


def submissions(store: Store) -> list[SubmissionRecord]:
    """Return the submissions that were written, oldest first."""
    names = SubmissionRecord.__struct_fields__
    with store.reading() as select:
        rows = select(f"SELECT {', '.join(f'submissions.{name}' for name in names)} FROM submissions ORDER BY id")
    return [msgspec.convert(dict(zip(names, row, strict=True)), SubmissionRecord, strict=False) for row in rows]


def retrained(store: Store, run_ids: Iterable[int]) -> dict[int, int]:
    """Return, for runs that were trained again since, the newest finished run of the same spec and seed."""
    listed = ", ".join(map(str, run_ids))
    sql = (
        "SELECT old.id, max(new.id) FROM runs AS old JOIN runs AS new ON new.digest = old.digest "
        f"AND new.seed = old.seed AND new.id > old.id AND new.state = 'finished' WHERE old.id IN ({listed}) "
        "GROUP BY old.id"
    )
    with store.reading() as select:
        return {_whole(old): _whole(new) for old, new in select(sql)} if listed else {}


def _records(select: Select, ids: Sequence[int]) -> list[RunRecord]:
    """Return runs in the order of `ids`; unknown ones are left out."""
    if not ids:
        return []
    listed = ", ".join(map(str, ids))  # whole numbers of our own: there may be more than parameters allowed
    tags: dict[int, list[str]] = {}
    for run_id, tag in select(f"SELECT run_id, tag FROM run_tags WHERE run_id IN ({listed}) ORDER BY tag"):
        tags.setdefault(_whole(run_id), []).append(str(tag))
    rows = {_whole(row[0]): row for row in select(f"{_RUNS} WHERE runs.id IN ({listed})")}
    return [_record(rows[run_id], tags.get(run_id, ())) for run_id in ids if run_id in rows]


def _record(row: Row, tags: Iterable[str]) -> RunRecord:
    # not strict: SQLite keeps switches as 0 and 1
    return msgspec.convert({**dict(zip(COLUMNS, row, strict=True)), "tags": tuple(tags)}, RunRecord, strict=False)


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
