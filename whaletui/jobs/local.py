"""Starting and stopping runs on this machine."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from engine.contract.rundir import ATTEMPT_VARIABLE, Attempt, RunDir, write_json
from whaletui.jobs import locks, processes
from whaletui.jobs.detach import START_VARIABLE, spawn
from whaletui.jobs.gpus import Slot
from whaletui.jobs.traces import CancelFile, cancel_of, supervisor_of
from whaletui.records.model import Outcome, RunRecord, State
from whaletui.records.records import Records
from whaletui.workspace import Workspace

ENGINE_VARIABLE = "WHALETUI_ENGINE"
"""Environment variable: a JSON list that stands for `python -m engine`; the run folder is added to it."""

SLOT_VARIABLE = "WHALETUI_SLOT"
EXHAUSTED = (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC)
LARGE_BYTES = str(1 << 30)


def start(records: Records, workspace: Workspace, record: RunRecord, slot: Slot, threads: int) -> bool:
    """Start a queued run on a slot; False where somebody else was first with either.

    The attempt's lock is taken before anything else is seen to happen and handed on to the supervisor: whoever
    finds the run running finds its lock held. A run that cannot be started is failed, with the reason.
    """
    run_dir = workspace.run_dir(record.folder)
    attempt = _next_attempt(run_dir, record)
    try:
        attempt.path.mkdir(mode=0o700, exist_ok=True)
        lock = locks.take(attempt.lock)
    except OSError as error:
        records.refuse(record.id, f"{attempt.path} cannot be made: {error.strerror}")
        return False
    if lock is None:
        return False
    try:
        now = time.time()
        claimed = records.claim(record.id, attempt.number, processes.host(), (slot.id, slot.label), now=now)
        if claimed:
            start_of = _start_of(workspace, record, attempt, slot, threads, now)
            _spawn(records, record, attempt, start_of, lock)
        return claimed
    finally:
        os.close(lock)  # the supervisor holds it now


def _next_attempt(run_dir: RunDir, record: RunRecord) -> Attempt:
    """Return the attempt after the last one, and after every folder in which something was started."""
    number = record.attempt + 1
    while (attempt := run_dir.attempt(number)).supervisor.exists():
        number += 1
    return attempt


def _start_of(
    workspace: Workspace, record: RunRecord, attempt: Attempt, slot: Slot, threads: int, now: float
) -> dict[str, object]:
    """Return what the supervisor is told."""
    own = {
        ATTEMPT_VARIABLE: str(attempt.number), processes.RUN_VARIABLE: record.uuid, SLOT_VARIABLE: slot.label,
    }  # fmt: skip
    return {
        "argv": [*engine_arguments(), str(attempt.path.parent)],
        "environment": {**engine_environment(slot, threads, os.environ), **own},
        "uuid": record.uuid, "slot": slot.label, "slot_id": slot.id, "started_at": now,
        "workspace": str(workspace.root),
    }  # fmt: skip


def _spawn(records: Records, record: RunRecord, attempt: Attempt, start_of: dict[str, object], lock: int) -> None:
    try:
        spawn(
            ["whaletui.jobs.supervise", str(attempt.path), str(lock)], attempt.path.parent, attempt.log,
            variables={START_VARIABLE: json.dumps(start_of)}, keep_open=(lock,),
        )  # fmt: skip
    except OSError as error:
        told = f"its supervisor could not be started: {error.strerror}"
        if error.errno in EXHAUSTED:  # that may pass: it is tried again, later each time
            ended = Outcome(state=State.LOST, ended_at=time.time())
            records.put_back(record.id, attempt.number, f"{told}; tried again", ended)
        else:
            records.refuse(record.id, told)


def engine_arguments() -> list[str]:
    """Return what starts the engine, without the run folder."""
    prefix = os.environ.get(ENGINE_VARIABLE)
    return [str(word) for word in json.loads(prefix)] if prefix else [sys.executable, "-m", "engine"]


def engine_environment(slot: Slot, threads: int, seen: Mapping[str, str]) -> dict[str, str]:
    """Return what an engine gets besides what is passed on to everybody: its GPU alone, or memory and threads.

    The allocator's settings make training on a CPU nearly twice as fast, for memory that is given back stays
    mapped; they must be there before the process starts. Threads that wait asleep, not spinning, cost nothing on
    cores of their own, and make a run on shared cores three times as fast. Threads that a person set win.
    """
    variables = {"OMP_NUM_THREADS": seen.get("OMP_NUM_THREADS") or str(max(1, threads))}
    if slot.is_gpu:
        return {**variables, "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": slot.id}
    return {
        **variables, "CUDA_VISIBLE_DEVICES": "", "MALLOC_MMAP_THRESHOLD_": LARGE_BYTES,
        "MALLOC_TRIM_THRESHOLD_": LARGE_BYTES, "MALLOC_TOP_PAD_": str(256 << 20),
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "OMP_WAIT_POLICY": "PASSIVE",
    }  # fmt: skip


def cancel(
    records: Records, workspace: Workspace, record: RunRecord, now: bool = False, grace_seconds: float = 60.0
) -> str:
    """Stop a run and return what was done, in words.

    A queued run is cancelled. A running one is asked to save and end, and killed after the grace; asked again, or
    with `now`, it is killed at once. Works on a running run while the database is locked.
    """
    if record.state is State.RUNNING:
        return _stop(records, workspace, record, now, grace_seconds)
    if record.state is State.QUEUED:
        before = records.request_cancel(record.id)
        if before is State.QUEUED:
            return f"{record.name} was waiting and is cancelled"
        if before is State.RUNNING:  # it was started while the person looked
            return _stop(records, workspace, records.run(record.id), now, grace_seconds)
    return f"{record.name} is {records.run(record.id).state.value} already"


def resume(records: Records, workspace: Workspace, record: RunRecord) -> str:
    """Queue a lost, failed or cancelled run again, see that a keeper runs, and return in words where it goes on.

    Raises:
        WhaleError: it is in another state, or no keeper can be started.
    """
    from whaletui.jobs.keeper import ensure_keeper  # the keeper needs this module

    records.resume(record.id)
    ensure_keeper(workspace)
    saved = sorted(workspace.run_dir(record.folder).checkpoint.glob("step-*"))
    if not saved:
        return f"{record.name} was never saved: it starts from its first step"
    return f"{record.name} goes on after step {int(saved[-1].name.removeprefix('step-')):,}"


def _stop(records: Records, workspace: Workspace, record: RunRecord, now: bool, grace_seconds: float) -> str:
    attempt = workspace.run_dir(record.folder).attempt(record.attempt)
    now = write_wish(attempt, now, grace_seconds)
    told = supervisor_of(attempt)
    if told and told.engine and told.host == processes.host() and not processes.is_alive(told.supervisor):
        processes.send(told.engine, signal.SIGKILL if now else signal.SIGTERM)  # nobody is left to pass it on
    records.request_cancel(record.id)
    if now:
        return f"{record.name} is being killed"
    return f"{record.name} is being stopped: it saves and ends, within {grace_seconds:.0f} s; ask again to kill it"


def write_wish(attempt: Attempt, now: bool = False, grace_seconds: float = 60.0) -> bool:
    """Write `cancel.json`, where the supervisor looks for it; returns whether the run is killed at once."""
    before = cancel_of(attempt)
    now = now or before is not None
    asked_at = before.asked_at if before else time.time()
    write_json(attempt.cancel, CancelFile(asked_at=asked_at, grace_seconds=grace_seconds, now=now))
    return now


def kill(pids: Sequence[int], attempt: Attempt) -> int:
    """Kill what lingers of an attempt, if it still holds the lock; returns how many processes were killed."""
    left = [each for each in processes.holders(attempt.lock) if each.pid in pids]
    return sum(processes.send(each, signal.SIGKILL) for each in left)
