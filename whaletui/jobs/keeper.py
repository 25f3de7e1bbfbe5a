"""The keeper works a workspace's queue off: `python -m whaletui.jobs.keeper WORKSPACE`.

There is one, elected by a kernel lock, and none is needed for long: whoever queues a run starts one, every run
that ends starts one, and one with nothing to do leaves. Killed at any instant it leaves nothing undone that the
next does not find in the records and the run folders. It never touches a run except to start it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

from engine.contract.errors import WhaleError
from whaletui.jobs import locks, processes
from whaletui.jobs.detach import spawn_keeper
from whaletui.jobs.gpus import probe
from whaletui.jobs.liveness import Life, judge
from whaletui.jobs.local import kill, start, write_wish
from whaletui.jobs.placing import plan
from whaletui.jobs.progress import Progress
from whaletui.jobs.settle import reconcile
from whaletui.jobs.signing import keeper_elsewhere, sign, signature
from whaletui.jobs.starts import Starts
from whaletui.records.care import daily_backup, mend, open_sound
from whaletui.records.errors import UnreachableError
from whaletui.records.model import RunRecord, State
from whaletui.records.records import Records
from whaletui.safe import safe
from whaletui.workspace import Workspace

TICK_SECONDS = 0.5
IDLE_SECONDS = 2.0
LINGER_SECONDS = 60.0
"""What is left of a run whose engine and supervisor are gone is killed after so long."""

TAKEOVER_SECONDS = 5.0

RESERVE_BYTES = 32 << 20
"""Given up on a full disk, so that the end of a run can still be written down."""


class Keeper:
    """One pass over everything is a tick; between ticks it remembers only how far the runs' events were read."""

    def __init__(self, records: Records, workspace: Workspace) -> None:
        self.records, self.workspace = records, workspace
        self.progress = Progress(records, workspace)
        self.lingering_since: dict[int, float] = {}

    def tick(self) -> bool:
        """Settle, follow, start; returns whether anything is left to look after."""
        reconcile(self.records, self.workspace)
        active = self.records.active()
        running = [record for record in active if record.state is State.RUNNING]
        self._pass_on_wishes(running)
        self._end_lingering(running)
        self.progress.follow(running)
        self._place([record for record in active if record.state is State.QUEUED])
        return any(not record.held for record in active)

    def _place(self, queued: list[RunRecord]) -> None:
        if not queued:
            return
        here = processes.host()
        leased = {slot: run_id for (host, slot), run_id in self.records.leases().items() if host == here}
        slots = probe()
        planned = plan(queued, slots, leased, time.time())
        for record, slot in planned.starts:
            threads = len(os.sched_getaffinity(0)) // max(1, sum(each.is_gpu == slot.is_gpu for each in slots))
            start(self.records, self.workspace, record, slot, threads)
        told = {record.id: record.reason for record in queued}
        self.records.set_reasons({run: why for run, why in planned.reasons.items() if why != told[run]})

    def _pass_on_wishes(self, running: list[RunRecord]) -> None:
        """Write the wish to stop that only the records hold, as when a run was started while it was cancelled."""
        asked = self.records.asked_to_stop()
        for record in running:
            attempt = self.workspace.run_dir(record.folder).attempt(record.attempt)
            if record.id in asked and not attempt.cancel.exists():
                write_wish(attempt)

    def _end_lingering(self, running: list[RunRecord]) -> None:
        """Kill what a run left behind that has no supervisor any more to do it."""
        now = time.monotonic()
        lingering: dict[int, float] = {}
        for record in running:
            if not record.reason:
                continue
            attempt = self.workspace.run_dir(record.folder).attempt(record.attempt)
            found = judge(attempt)
            if found.life is Life.LINGERING:
                lingering[record.id] = self.lingering_since.get(record.id, now)
                if now - lingering[record.id] > LINGER_SECONDS:
                    kill(found.pids, attempt)
        self.lingering_since = lingering


class Wish:
    """Whether the keeper was told to leave. A flag, not an event: a signal may come while an event's lock is held."""

    asked = False

    def ask(self, *_: object) -> None:
        """Take a signal."""
        self.asked = True


def keep(workspace: Workspace, stop: Wish) -> None:
    """Be the keeper until there is nothing to do, or until told to stop; returns at once where another is."""
    while (handle := locks.take(workspace.keeper_lock)) is not None:
        try:
            if elsewhere := keeper_elsewhere(workspace):
                raise WhaleError(f"the keeper runs on {elsewhere}, which shares this workspace", "it starts the runs")
            sign(handle)
            left_over = _work(workspace, handle, stop)
        finally:
            os.close(handle)
        # Whoever queued a run just before the lock was given back took it for held: look once more.
        if left_over or stop.asked or all(record.held for record in Records.open(workspace).active()):
            return


def _work(workspace: Workspace, handle: int, stop: Wish) -> bool:
    """Tick until idle; returns whether the workspace was taken away meanwhile."""
    keeper: Keeper | None = None
    _reserve(workspace)
    busy_at, complaint, starts = time.monotonic(), "", Starts(workspace)
    while not stop.asked:
        if not locks.is_same(handle, workspace.keeper_lock) or not workspace.root.is_dir():
            return True
        _reap()
        try:
            sign(handle)
            keeper = keeper or _open(workspace)
            if keeper.tick():
                busy_at = time.monotonic()
            starts.forget()  # this one works
            complaint = ""
        except (WhaleError, OSError) as error:  # the database is locked, the disk is full: runs and keeper go on
            if keeper is None and not isinstance(error, UnreachableError):
                raise
            if str(error) != complaint:  # told once, however often it happens
                complaint = str(error)
                _say(complaint)
            if isinstance(error, UnreachableError):
                busy_at = time.monotonic()  # what waits cannot be seen: nobody else would start it later
            elif mended := _mended(workspace):
                _say(mended)
        if time.monotonic() - busy_at > IDLE_SECONDS:
            return False
        time.sleep(TICK_SECONDS)
    return False


def _open(workspace: Workspace) -> Keeper:
    """Open the records, which are looked over and copied once a day here."""
    records, mended = open_sound(workspace)
    if mended:
        _say(mended)
    if records.store.read_only is not None:
        raise records.store.read_only
    try:
        daily_backup(workspace)
    except WhaleError as error:
        _say(str(error))
    return Keeper(records, workspace)


def _mended(workspace: Workspace) -> str:
    try:
        return mend(workspace)
    except (WhaleError, OSError) as error:
        return str(error)


def _say(words: str) -> None:
    """Write a line to the keeper's log; a full disk leaves it out."""
    with contextlib.suppress(OSError):
        os.write(2, f"keeper: {safe(words, 2000)}\n".encode())


def ensure_keeper(workspace: Workspace) -> bool:
    """Start a keeper where there is none; returns whether one was started. It outlives whoever calls this.

    Raises:
        WhaleError: no process can be started, or those that were started lately ended at once.
    """
    if locks.is_held(workspace.keeper_lock) and not _end_stopped(workspace):
        return False
    if keeper_elsewhere(workspace):
        return False
    starts = Starts(workspace)
    if starts.on_its_way:
        return False
    if why := starts.why_not_now():
        raise WhaleError(why, "runs go on, the queue waits; whaletui doctor may tell what is wrong")
    try:
        starts.note(spawn_keeper(workspace.root).pid)
    except OSError as error:
        raise WhaleError(f"no keeper can be started: {error.strerror}", "the queue waits; runs go on") from error
    return True


def stop_keeper(workspace: Workspace, patience_seconds: float = 10.0) -> bool:
    """Tell the keeper to leave and wait until it has; returns whether there was one. Runs go on.

    Raises:
        WhaleError: it runs on another machine, or does not leave.
    """
    if not locks.is_held(workspace.keeper_lock):
        return False
    deadline = time.monotonic() + patience_seconds
    while locks.is_held(workspace.keeper_lock):  # another may have waited to be next: it leaves, too
        host, keeper, _ = signature(workspace.keeper_lock)
        if keeper is not None and host != processes.host():
            raise WhaleError(f"the keeper runs on {host}", "stop it there")
        if time.monotonic() > deadline:
            named = f"pid {keeper.pid}" if keeper else "nobody knows its pid"
            raise WhaleError(f"the keeper ({named}) does not leave", "kill it; runs go on")
        if keeper is not None:
            processes.send(keeper, signal.SIGTERM)
        time.sleep(0.05)
    return True


def _end_stopped(workspace: Workspace) -> bool:
    """Kill a keeper that was halted (SIGSTOP), which loses nothing; returns whether its lock is free now."""
    host, keeper, _ = signature(workspace.keeper_lock)
    if keeper is None or host != processes.host() or not processes.is_stopped(keeper):
        return False
    processes.send(keeper, signal.SIGKILL)
    deadline = time.monotonic() + TAKEOVER_SECONDS
    while locks.is_held(workspace.keeper_lock) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not locks.is_held(workspace.keeper_lock)


def _reserve(workspace: Workspace) -> None:
    path = workspace.root / "reserve.bin"
    try:
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
    except OSError as error:
        path.unlink(missing_ok=True)
        _say(f"{path} could not be kept in reserve: {error}")


def _reap() -> None:
    """Bury supervisors that ended: they are children of whichever keeper started them."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def main(arguments: list[str]) -> int:
    """Keep one workspace."""
    stop = Wish()
    signal.signal(signal.SIGTERM, stop.ask)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        keep(Workspace(arguments[0]), stop)
    except WhaleError as error:  # the records are of a newer program, or damaged
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
