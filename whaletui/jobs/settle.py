"""Brings the records up to what the run folders say. Anybody may call it at any time: twice is once."""

from __future__ import annotations

import time

from engine.contract.rundir import Attempt
from whaletui.jobs import locks, processes
from whaletui.jobs.liveness import Life, Liveness, judge
from whaletui.jobs.outcome import lost, outcome
from whaletui.jobs.traces import supervisor_of
from whaletui.records.model import RunRecord, State
from whaletui.records.records import Records
from whaletui.workspace import Workspace

FALSE_STARTS = 3
"""A run whose attempts never came to life is queued again so often, then given up."""


def reconcile(records: Records, workspace: Workspace) -> list[int]:
    """Settle the runs that ended, say what is odd about those that run; returns the ids that changed."""
    changed: list[int] = []
    odd: dict[int, str] = {}
    for record in records.in_states(State.RUNNING, State.LOST):
        attempt = workspace.run_dir(record.folder).attempt(record.attempt)
        if record.state is State.LOST:
            if _speaks_again(records, record, attempt) or _left_word_late(records, workspace, record, attempt):
                changed.append(record.id)
            continue
        found = judge(attempt)
        if found.life is Life.UNKNOWN:
            continue  # the machine it runs on says how it stands
        if found.life.holds_slot:
            if found.reason != record.reason:
                odd[record.id] = found.reason
        elif _end(records, workspace, record, attempt, found):
            changed.append(record.id)
    records.set_reasons(odd)
    return [*changed, *odd]


def _end(records: Records, workspace: Workspace, record: RunRecord, attempt: Attempt, found: Liveness) -> bool:
    """Write down the end of a running run whose lock is free."""
    if found.life is Life.UNSTARTED and record.attempt < FALSE_STARTS and not attempt.cancel.exists():
        return records.put_back(record.id, record.attempt, "its keeper ended before it could be started")
    ended = outcome(workspace.run_dir(record.folder), attempt) or lost(attempt, found.reason)
    return records.settle(record.id, record.attempt, ended)


def _speaks_again(records: Records, record: RunRecord, attempt: Attempt) -> bool:
    """Make a lost run running again whose lock is held after all."""
    told = supervisor_of(attempt)
    if told is None or told.host != processes.host() or not locks.is_held(attempt.lock):
        return False
    return records.revive(record.id, record.attempt, told.host, (told.slot_id, told.slot), now=time.time())


def _left_word_late(records: Records, workspace: Workspace, record: RunRecord, attempt: Attempt) -> bool:
    """Settle a lost run whose last word came to light later, as on a slow network disk."""
    if judge(attempt).life is not Life.ENDED:
        return False
    ended = outcome(workspace.run_dir(record.folder), attempt)
    return ended is not None and records.settle(record.id, record.attempt, ended)
