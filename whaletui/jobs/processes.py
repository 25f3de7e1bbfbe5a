"""Processes by pid AND start time, so that a number that was given again is never taken for the old one.

Standard library only: the supervisor, which must be small and start fast, needs it.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

RUN_VARIABLE = "WHALETUI_RUN"
"""Environment variable that holds the run's uuid in everything that a run starts."""


class Process(NamedTuple):
    """A process for ever: its pid and when it started, in clock ticks since the machine did."""

    pid: int
    start_time: int


class Status(NamedTuple):
    """What the kernel says of a process now. `state` is its letter: R, S, D, T (stopped), Z (dead, not buried) …."""

    process: Process
    state: str
    parent: int
    session: int


def host() -> str:
    """Return the name of this machine."""
    return os.uname().nodename


def boot_id() -> str:
    """Return what names this start of the machine, empty where it cannot be told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def status(pid: int) -> Status | None:
    """Return what the kernel says of a pid, None where there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name before it may hold anything
    return Status(Process(pid, int(fields[19])), fields[0], int(fields[1]), int(fields[3]))


def identify(pid: int) -> Process | None:
    """Return who a pid is now."""
    found = status(pid)
    return found.process if found else None


def is_alive(process: Process | None) -> bool:
    """Say whether exactly that process lives; one that nobody has buried yet is dead."""
    found = status(process.pid) if process else None
    return found is not None and found.process == process and found.state not in "ZX"


def is_stopped(process: Process | None) -> bool:
    """Say whether exactly that process was halted (SIGSTOP, ctrl+z)."""
    found = status(process.pid) if process else None
    return found is not None and found.process == process and found.state in "Tt"


def send(process: Process, number: signal.Signals) -> bool:
    """Signal exactly that process; False where it is gone or not ours."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:  # the handle is of one process: if that is the one we mean now, it is the one we mean below
        if identify(process.pid) != process:
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError as error:
        if error.errno not in (errno.ESRCH, errno.EPERM):
            raise
        return False
    finally:
        os.close(handle)
    return True


def every_process() -> Iterator[Status]:
    """Yield the processes of this machine that can be seen."""
    for name in os.listdir("/proc"):
        if name.isdecimal() and (found := status(int(name))):
            yield found


def holders(lock: Path) -> list[Process]:
    """Return the processes of ours that have a file open, zombies left out."""
    found = []
    try:
        wanted = os.stat(lock)
    except FileNotFoundError:
        return []
    for each in every_process():
        if each.state not in "ZX" and _has_open(each.process.pid, wanted):
            found.append(each.process)
    return found


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        for name in os.listdir(folder):
            seen = os.stat(f"{folder}/{name}")
            if (seen.st_dev, seen.st_ino) == (wanted.st_dev, wanted.st_ino):
                return True
    except OSError:  # ended meanwhile, or somebody else's
        return False
    return False
