"""The parent of one run: `python -m whaletui.jobs.supervise ATTEMPT_DIR LOCK_FD`, standard library only.

Starts the engine, passes a wish to stop on, waits, writes `exit.json`, buries what the engine left behind and starts
a keeper, so that the queue goes on. The attempt's lock is inherited: it is free when all of the run is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from whaletui.jobs.detach import START_VARIABLE, spawn_keeper, without_records
from whaletui.jobs.processes import boot_id, every_process, host, identify, send

POLL_SECONDS = 0.2
GRACE_SECONDS = 60.0
LINGER_SECONDS = 10.0
UNKILLABLE_SECONDS = 30.0
SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36  # of prctl(2)

_libc = ctypes.CDLL(None, use_errno=True)


class Supervisor:
    """Watches over one engine.

    Args:
        attempt: the attempt's folder.
        lock: the open lock file.
        start: argv, environment (what the engine gets besides ours), uuid, slot, slot_id, workspace.
    """

    def __init__(self, attempt: Path, lock: int, start: dict[str, Any]) -> None:
        self.attempt, self.lock, self.start = attempt, lock, start
        self.engine, self.told_to_stop, self.oom_kills = 0, False, _oom_kills()
        self.ended: tuple[int, int] | None = None  # (wait status, peak memory in KiB)
        self.kill_at: float | None = None

    def run(self) -> None:
        """See one run through."""
        self._write_supervisor()
        try:
            self._start_engine()
        except OSError as error:
            self._write_exit({"code": 127, "signal": None, "peak_memory_bytes": 0, "error": str(error)})
            return
        self._write_supervisor()
        handle = os.pidfd_open(self.engine)
        while self._reap() and self.ended is None:
            self._pass_on_cancel()
            select.select([handle], [], [], POLL_SECONDS)
        os.close(handle)
        status, peak = self.ended or (0, 0)
        self._write_exit({
            "code": os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "peak_memory_bytes": peak * 1024, "error": "",
        })  # fmt: skip
        self._bury()

    def _start_engine(self) -> None:
        variables = {**without_records(os.environ), **self.start["environment"]}
        process = subprocess.Popen(
            self.start["argv"], cwd=self.attempt.parent, env=variables,
            stdin=subprocess.DEVNULL, pass_fds=(self.lock,), start_new_session=True, preexec_fn=_die_with(os.getpid()),
        )  # fmt: skip
        self.engine = process.pid
        process.returncode = 0  # we wait for it ourselves, to learn its peak memory

    def _reap(self) -> bool:
        """Bury the dead; False where no child is left. Orphans of the engine become ours."""
        try:
            while (dead := os.wait4(-1, os.WNOHANG))[0]:
                if dead[0] == self.engine:
                    self.ended = (dead[1], dead[2].ru_maxrss)
        except ChildProcessError:
            return False
        return True

    def _pass_on_cancel(self) -> None:
        """SIGTERM to the engine alone (its workers are needed to save), SIGKILL to all when the grace is over."""
        wish = _read(self.attempt / "cancel.json")
        if wish is None and not self.told_to_stop:
            return
        now = time.monotonic()
        if self.kill_at is None:
            os.kill(self.engine, signal.SIGTERM)
            self.kill_at = now + float((wish or {}).get("grace_seconds", GRACE_SECONDS))
        if now >= self.kill_at or (wish or {}).get("now"):
            self._kill_all()

    def _kill_all(self) -> None:
        """Kill the engine's session, and what left that session but fell to us as an orphan."""
        for found in every_process():
            if found.session == self.engine or found.parent == os.getpid():
                send(found.process, signal.SIGKILL)

    def _bury(self) -> None:
        """Wait for what the engine left behind, data workers most likely; kill it when it stays too long."""
        began = time.monotonic()
        while self._reap():
            waited = time.monotonic() - began
            if waited > LINGER_SECONDS or self.kill_at is not None:
                self._kill_all()
            if waited > LINGER_SECONDS + UNKILLABLE_SECONDS:
                return  # stuck in the kernel: it holds the lock, so its slot stays busy
            time.sleep(0.05)

    def _write_supervisor(self) -> None:
        own, engine = identify(os.getpid()), identify(self.engine) if self.engine else None
        self._write("supervisor.json", {
            "host": host(), "boot_id": boot_id(), "started_at": self.start["started_at"],
            "pid": os.getpid(), "start_time": own.start_time if own else 0,
            "engine_pid": self.engine, "engine_start_time": engine.start_time if engine else 0,
            **{name: self.start[name] for name in ("uuid", "slot", "slot_id")},
        })  # fmt: skip

    def _write_exit(self, told: dict[str, Any]) -> None:
        told |= {"ended_at": time.time(), "boot_seconds": time.clock_gettime(time.CLOCK_BOOTTIME)}
        told |= {"oom_kills": _oom_kills() - self.oom_kills, "told_to_stop": self.told_to_stop}
        self._write("exit.json", told)

    def _write(self, name: str, value: dict[str, Any]) -> None:
        """Write a file whole or not at all; on a full disk, give up the workspace's reserve for it."""
        path, partial = self.attempt / name, self.attempt / f".{name}.partial"
        for last_try in (False, True):
            try:
                with open(partial, "w") as file:
                    json.dump(value, file)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(partial, path)
                return
            except OSError as error:
                _say(f"{path} could not be written: {error}")
                if not last_try:
                    Path(self.start["workspace"], "reserve.bin").unlink(missing_ok=True)


def _die_with(parent: int) -> Callable[[], None]:
    """Return what the child does before it becomes the engine: ask the kernel for SIGTERM when its parent dies."""

    def ask() -> None:
        _libc.prctl(SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask


def _say(words: str) -> None:
    """Write a line to the log; a full disk leaves it out."""
    with contextlib.suppress(OSError):
        os.write(2, f"supervisor: {words}\n".encode(errors="replace"))


def _read(path: Path) -> dict[str, Any] | None:
    """Return a JSON object, None where there is no file; one that cannot be read is an empty object."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _oom_kills() -> int:
    """Return how many processes the kernel has killed for want of memory since the machine started."""
    for line in Path("/proc/vmstat").read_text().splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def main(arguments: list[str]) -> int:
    """Supervise one attempt."""
    lock, start = int(arguments[1]), json.loads(os.environ.pop(START_VARIABLE))
    _libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    supervisor = Supervisor(Path(arguments[0]), lock, start)

    def stop(*_: object) -> None:
        supervisor.told_to_stop = True  # as gently as by cancel.json

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    supervisor.run()
    os.close(lock)
    try:
        spawn_keeper(Path(start["workspace"]))
    except OSError as error:  # the workspace was moved: whoever opens it next starts one
        _say(f"no keeper could be started: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
