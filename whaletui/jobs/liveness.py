"""Whether an attempt lives, told by its kernel lock; what ended it is looked for only after the lock was seen free."""

from __future__ import annotations

import time
from enum import StrEnum
from itertools import pairwise
from statistics import median

import msgspec

from engine.contract.events import Step
from engine.contract.rundir import Attempt
from whaletui.jobs import locks, processes
from whaletui.jobs.traces import SupervisorFile, exit_of, final_event, recent_events, supervisor_of
from whaletui.view.formats import span

STALLED_SECONDS = 60.0
STALLED_STEPS = 20
"""Without a heartbeat for so long, and for as many steps, a run is called stalled; it is never killed for it."""


INTERRUPTED = "interrupted: the machine was restarted while it ran"
UNKNOWN_SINCE = "unknown since"


class Life(StrEnum):
    """How an attempt stands. The first four are all RUNNING: the lock is held, the slot is busy."""

    RUNNING = "running"
    STOPPED = "stopped"
    STALLED = "stalled"
    LINGERING = "lingering"
    ENDED = "ended"  # and left word of how
    LOST = "lost"  # gone without a word
    UNSTARTED = "unstarted"  # given a slot, but nothing was ever started
    UNKNOWN = "unknown"  # another machine's: only that machine can tell

    @property
    def holds_slot(self) -> bool:
        """Whether something of the attempt lives, so that its slot is busy."""
        return self in (Life.RUNNING, Life.STOPPED, Life.STALLED, Life.LINGERING)


class Liveness(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement on an attempt. `reason` is empty where all is well; `pids` are those that linger."""

    life: Life
    reason: str = ""
    pids: tuple[int, ...] = ()


def judge(attempt: Attempt) -> Liveness:
    """Judge an attempt by its lock, then by what it left."""
    told = supervisor_of(attempt)
    if told is not None and told.host != processes.host():
        return _elsewhere(attempt, told)
    if locks.is_held(attempt.lock):
        return _alive(attempt, told)
    if exit_of(attempt) is not None or final_event(attempt) is not None:
        return Liveness(life=Life.ENDED)
    if told is None and not attempt.events.exists():
        return Liveness(life=Life.UNSTARTED, reason="it was given a slot, but nothing was started")
    if told is not None and told.boot_id != processes.boot_id():
        return Liveness(life=Life.LOST, reason=INTERRUPTED)
    return Liveness(life=Life.LOST, reason="its processes are gone and left no word of why")


def _alive(attempt: Attempt, told: SupervisorFile | None) -> Liveness:
    if told is None or told.engine is None:
        return Liveness(life=Life.RUNNING)
    if processes.is_stopped(told.engine):
        return Liveness(life=Life.STOPPED, reason=f"stopped: kill -CONT {told.engine.pid} lets it go on")
    if not processes.is_alive(told.engine):
        left = tuple(each.pid for each in processes.holders(attempt.lock) if each != told.supervisor)
        if left:
            listed = ", ".join(map(str, left[:8]))
            reason = f"lingering: of the run are left pids {listed}; they are killed in a minute"
            return Liveness(life=Life.LINGERING, reason=reason, pids=left)
        return Liveness(life=Life.RUNNING)  # ended this instant; its supervisor is writing that down
    silent = _silent_seconds(attempt)
    if silent > STALLED_SECONDS and silent > STALLED_STEPS * _seconds_a_step(attempt):
        reason = f"stalled: no sign of life for {span(silent)}; its log may tell why, cancelling ends it"
        return Liveness(life=Life.STALLED, reason=reason)
    if attempt.cancel.exists():
        return Liveness(life=Life.RUNNING, reason="stopping, as asked")
    return Liveness(life=Life.RUNNING)


def _elsewhere(attempt: Attempt, told: SupervisorFile) -> Liveness:
    """Judge another machine's attempt, whose lock and processes cannot be seen from here: by its heartbeat alone."""
    try:
        beat = attempt.heartbeat.stat().st_mtime
    except FileNotFoundError:
        beat = told.started_at
    if time.time() - beat <= STALLED_SECONDS:
        return Liveness(life=Life.UNKNOWN)
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(beat))
    return Liveness(life=Life.UNKNOWN, reason=f"{UNKNOWN_SINCE} {since}: only {told.host}, where it runs, can tell")


def _silent_seconds(attempt: Attempt) -> float:
    """Return how long ago the engine touched its heartbeat; 0 where it never did.

    The engine writes the time since the machine started into it, so that a clock that is set changes nothing.
    """
    try:
        beat = float(attempt.heartbeat.read_bytes() or "nan")
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - beat
        return age if age == age else time.time() - attempt.heartbeat.stat().st_mtime
    except FileNotFoundError:
        return 0.0
    except ValueError:
        return time.time() - attempt.heartbeat.stat().st_mtime


def _seconds_a_step(attempt: Attempt) -> float:
    """Return the median time of the newest steps, 0 where too few were told."""
    steps = [event for event in recent_events(attempt) if isinstance(event, Step)]
    took = [
        (new.boot_seconds - old.boot_seconds) / (new.step - old.step)
        for old, new in pairwise(steps)
        if new.step > old.step
    ]
    return median(took) if took else 0.0
