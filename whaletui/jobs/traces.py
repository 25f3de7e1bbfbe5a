"""What supervisors and cancellers leave in an attempt's folder, typed; `supervise` writes it with plain JSON."""

from __future__ import annotations

import msgspec

from engine.contract.errors import RunFolderError
from engine.contract.events import FINAL, AnyEvent, EventTail
from engine.contract.rundir import Attempt, read_json
from whaletui.jobs.processes import Process

TAIL_BYTES = 1 << 16


class SupervisorFile(msgspec.Struct, frozen=True, kw_only=True):
    """`supervisor.json`: who watches over an attempt, where, and who its engine is (pid 0 until it is started)."""

    host: str
    boot_id: str
    pid: int
    start_time: int
    engine_pid: int
    engine_start_time: int
    uuid: str
    slot: str
    slot_id: str
    started_at: float

    @property
    def supervisor(self) -> Process:
        """The supervisor's process."""
        return Process(self.pid, self.start_time)

    @property
    def engine(self) -> Process | None:
        """The engine's process, None before it is started."""
        return Process(self.engine_pid, self.engine_start_time) if self.engine_pid else None


class ExitFile(msgspec.Struct, frozen=True, kw_only=True):
    """`exit.json`: how the engine's process ended, as its parent saw it. One of `code` and `signal` is None."""

    code: int | None
    signal: int | None
    peak_memory_bytes: int
    ended_at: float
    boot_seconds: float
    oom_kills: int = 0  # processes that the kernel killed for want of memory meanwhile, anybody's
    told_to_stop: bool = False  # the supervisor itself was told to end, as when the machine goes down
    error: str = ""  # why the engine could not even be started


class CancelFile(msgspec.Struct, frozen=True, kw_only=True):
    """`cancel.json`: a wish to stop; `now` kills at once."""

    asked_at: float
    grace_seconds: float = 60.0
    now: bool = False


def supervisor_of(attempt: Attempt) -> SupervisorFile | None:
    """Return who watches over an attempt; None where nobody wrote it down, or not readably."""
    try:
        return read_json(attempt.supervisor, SupervisorFile)
    except RunFolderError:
        return None


def exit_of(attempt: Attempt) -> ExitFile | None:
    """Return how the engine's process ended; None where nobody wrote it down, or not readably."""
    try:
        return read_json(attempt.exit, ExitFile)
    except RunFolderError:
        return None


def cancel_of(attempt: Attempt) -> CancelFile | None:
    """Return the wish to stop an attempt; one that cannot be read is a gentle one."""
    try:
        return read_json(attempt.cancel, CancelFile)
    except RunFolderError:
        return CancelFile(asked_at=0.0)


def final_event(attempt: Attempt) -> AnyEvent | None:
    """Return the last word of an attempt's engine, or None; reads only the end of the events."""
    said = [event for event in recent_events(attempt) if isinstance(event, FINAL)]
    return said[-1] if said else None


def recent_events(attempt: Attempt) -> list[AnyEvent]:
    """Return what the end of an attempt's events holds."""
    tail = EventTail(attempt.events)
    try:
        tail.offset = max(0, attempt.events.stat().st_size - TAIL_BYTES)
    except FileNotFoundError:
        return []
    return tail.read_all()
