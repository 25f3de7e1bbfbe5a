"""Brings the records up to what the run folders say. Anybody may call it at any time: twice is once."""

from __future__ import annotations

import time

from engine.contract.rundir import Attempt
from whaletui.jobs import locks, processes
from whaletui.jobs.liveness import UNKNOWN_SINCE, Life, Liveness, judge
from whaletui.jobs.outcome import again_words, given_up, lost, may_start_again, may_try_again, outcome
from whaletui.jobs.traces import supervisor_of
from whaletui.records.model import RunRecord, State
from whaletui.records.records import Records
from whaletui.workspace import Workspace


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
        if found.life is Life.UNKNOWN:  # the machine it runs on says how it stands, unless it has fallen silent
            ours = not record.reason or record.reason.startswith(UNKNOWN_SINCE)
            if ours and found.reason != record.reason:
                odd[record.id] = found.reason
            continue
        if found.life.holds_slot:
            if found.reason != record.reason:
                odd[record.id] = found.reason
        elif _end(records, workspace, record, attempt, found):
            changed.append(record.id)
    records.set_reasons(odd)
    return [*changed, *odd]


def _end(records: Records, workspace: Workspace, record: RunRecord, attempt: Attempt, found: Liveness) -> bool:
    """Write down the end of a running run whose lock is free."""
    run_dir = workspace.run_dir(record.folder)
    unstarted = found.life is Life.UNSTARTED
    if unstarted and may_start_again(run_dir) and not attempt.cancel.exists():
        return records.put_back(record.id, record.attempt, "its keeper ended before it could be started")
    ended = outcome(run_dir, attempt) or lost(run_dir, attempt, found.reason)
    if ended.state is State.LOST and not unstarted and may_try_again(run_dir):
        return records.put_back(record.id, record.attempt, again_words(ended), ended)
    if ended.state is State.LOST:
        ended = given_up(run_dir, ended)
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
    return ended is not None and ended.state is not State.LOST and records.settle(record.id, record.attempt, ended)
