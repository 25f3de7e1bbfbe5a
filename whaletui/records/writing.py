"""Everything that changes the index, as short transactions of SQLAlchemy; loaded at a program's first change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from whaletui.records.errors import RecordsError
from whaletui.records.model import Outcome, RunRecord, State
from whaletui.records.store import Store
from whaletui.records.tables import Lease, Run, RunTag, Setting
from whaletui.records.text import storable
from whaletui.view.runview import RunView

PROGRESS = ("epoch", "loss", "map5", "map5_low", "map5_high", "map5_known", "map5_new")


class Writer:
    """One method, one transaction. Those that return bool say whether they changed anything: another may be first."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def reserve_id(self) -> int:
        """Return an id that no run has or will ever have."""
        with self.store.writing() as session:
            row = Run(**_blank())
            session.add(row)
            session.flush()
            reserved = row.id
            session.delete(row)  # the counter stays where it is
        return reserved

    def insert(self, records: Sequence[RunRecord]) -> None:
        """Add runs whose folders are there."""
        with self.store.writing() as session:
            session.add_all(Run(**record.columns()) for record in records)
            session.flush()
            session.add_all(RunTag(run_id=record.id, tag=tag) for record in records for tag in record.tags)

    def change(self, run_id: int, **columns: Any) -> None:
        """Set columns of a run."""
        with self.store.writing() as session:
            _set(_row(session, run_id), columns)

    def tag(self, run_id: int, tag: str) -> None:
        """Put a tag on a run; twice is once."""
        with self.store.writing() as session:
            _row(session, run_id)
            session.merge(RunTag(run_id=run_id, tag=storable(tag)))

    def untag(self, run_id: int, tag: str) -> None:
        """Take a tag off a run."""
        with self.store.writing() as session:
            _row(session, run_id)
            session.execute(delete(RunTag).where(RunTag.run_id == run_id, RunTag.tag == storable(tag)))

    def delete(self, run_id: int) -> None:
        """Remove a run that is neither queued nor running; raises `RecordsError` where it is."""
        with self.store.writing() as session:
            row = _row(session, run_id)
            if State(row.state).is_active:
                raise RecordsError(f"run {run_id} is {row.state}", f"whaletui cancel {run_id} first")
            session.delete(row)

    def claim(self, run_id: int, attempt: int, host: str, slot: tuple[str, str], now: float) -> bool:
        """Give a queued run a slot (its id and label) and make it running, both or neither."""
        slot_id, label = slot
        with self.store.writing() as session:
            row = _row(session, run_id)
            if row.state != State.QUEUED or row.attempt >= attempt or session.get(Lease, (host, slot_id)) is not None:
                return False
            _set(row, {"state": State.RUNNING.value, "attempt": attempt, "slot": label, "reason": "",
                       "started_at": now, "ended_at": None, "stop_asked": False})  # fmt: skip
            session.add(Lease(host=host, slot_id=slot_id, run_id=run_id, taken_at=now))
        return True

    def put_back(self, run_id: int, attempt: int, reason: str, ended: Outcome | None) -> bool:
        """Queue a run again whose attempt never came to life, or was lost: then with what it had told."""
        known = msgspec.structs.asdict(ended) if ended else {}
        figures = {name: value for name, value in known.items() if value is not None}
        told = {**figures, "state": "queued", "reason": reason}
        return self._end(run_id, attempt, (State.RUNNING,), told if ended else {**told, "slot": ""})

    def queue_again(self, run_id: int, states: Sequence[State], reason: str) -> None:
        """Queue a run again that ended; raises `RecordsError` where its state is none of these."""
        with self.store.writing() as session:
            row = _row(session, run_id)
            if State(row.state) not in states:
                raise RecordsError(
                    f"run {run_id} is {row.state}", "lost, failed and cancelled runs can be resumed; clone copies any"
                )
            _set(row, {"state": State.QUEUED.value, "reason": reason, "ended_at": None, "stop_asked": False})

    def arrange(self, change: Callable[[list[tuple[int, float]]], dict[int, float]]) -> dict[int, float]:
        """Give queued runs new places: `change` gets (id, position) in the order of the queue, returns what moves."""
        with self.store.writing() as session:
            query = select(Run).where(Run.state == State.QUEUED.value).order_by(Run.position, Run.id)
            rows = {row.id: row for row in session.scalars(query.with_for_update())}
            moved = change([(row.id, row.position) for row in rows.values()])
            for run_id, position in moved.items():
                rows[run_id].position = position
        return moved

    def settle(self, run_id: int, attempt: int, outcome: Outcome) -> bool:
        """Write down how an attempt ended, over what its progress had told, and free its slot."""
        told = {**msgspec.structs.asdict(outcome), "state": outcome.state.value, "epoch": outcome.epoch or 0.0}
        return self._end(run_id, attempt, (State.RUNNING, State.LOST), told)

    def refuse(self, run_id: int, reason: str, now: float) -> bool:
        """Let a run fail that cannot be started, whether it was given a slot already or not."""
        with self.store.writing() as session:
            row = _row(session, run_id)
            if not State(row.state).is_active:
                return False
            session.execute(delete(Lease).where(Lease.run_id == run_id))
            _set(row, {"state": State.FAILED.value, "reason": reason, "ended_at": now})
        return True

    def revive(self, run_id: int, attempt: int, host: str, slot: tuple[str, str], now: float) -> bool:
        """Make a lost run running again: it spoke, or its lock is held after all."""
        with self.store.writing() as session:
            row = _row(session, run_id)
            if row.state != State.LOST or row.attempt != attempt:
                return False
            _set(row, {"state": State.RUNNING.value, "reason": "", "ended_at": None})
            if session.get(Lease, (host, slot[0])) is None:
                session.add(Lease(host=host, slot_id=slot[0], run_id=run_id, taken_at=now))
        return True

    def ask_to_stop(self, run_id: int, now: float) -> State:
        """Cancel a queued run, mark a running one; returns the state it had."""
        with self.store.writing() as session:
            row = _row(session, run_id)
            before = State(row.state)
            if before is State.QUEUED:
                told = "cancelled before it started"
                _set(row, {"state": State.CANCELLED.value, "reason": told, "ended_at": now})
            elif before is State.RUNNING:
                row.stop_asked = True
        return before

    def progress(self, views: Mapping[int, RunView]) -> None:
        """Note how far running runs are."""
        with self.store.writing() as session:
            for run_id, view in views.items():
                row = session.get(Run, run_id, with_for_update=True)
                if row is not None and row.state == State.RUNNING:
                    _set(row, {name: value for name in PROGRESS if (value := getattr(view, name)) is not None})

    def set_reasons(self, reasons: Mapping[int, str]) -> None:
        """Say why queued runs wait, or what is odd about running ones."""
        with self.store.writing() as session:
            for run_id, reason in reasons.items():
                row = session.get(Run, run_id, with_for_update=True)
                if row is not None and State(row.state).is_active:
                    row.reason = reason

    def set_setting(self, name: str, value: str) -> None:
        """Note a choice of the workspace."""
        with self.store.writing() as session:
            session.merge(Setting(name=name, value=value))

    def _end(self, run_id: int, attempt: int, states: Sequence[State], columns: Mapping[str, Any]) -> bool:
        with self.store.writing() as session:
            row = session.get(Run, run_id, with_for_update=True)
            if row is None or State(row.state) not in states or row.attempt != attempt:
                return False
            _set(row, {**columns, "stop_asked": False})
            session.execute(delete(Lease).where(Lease.run_id == run_id))
        return True


def _row(session: Session, run_id: int) -> Run:
    row = session.get(Run, run_id, with_for_update=True)
    if row is None:
        raise RecordsError(f"there is no run {run_id}", "whaletui ls lists them; it may just have been deleted")
    return row


def _set(row: Run, columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        setattr(row, name, value)


def _blank() -> dict[str, Any]:
    """Return the columns of a run that will not stay."""
    import uuid

    from engine.contract.spec import RunSpec

    blank = RunRecord.of_spec(RunSpec.of({}), id=0, uuid=str(uuid.uuid4()), folder="", created_at=0.0)
    return {name: value for name, value in blank.columns().items() if name != "id"}
