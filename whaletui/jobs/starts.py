"""How often a keeper was started that never came to work: those that die at once are started more and more seldom."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from typing import NamedTuple

from whaletui.jobs.processes import Process, identify, is_alive
from whaletui.safe import safe
from whaletui.view.formats import span
from whaletui.workspace import Workspace

FREE_STARTS = 3
"""So many are started one after another."""

ON_ITS_WAY_SECONDS = 60.0
"""One that lives is given so long to take its lock: a loaded machine takes seconds to start it."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 300.0
LOG_TAIL_BYTES = 4096


def boot_seconds() -> float:
    """Return the time since the machine started, which nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Start(NamedTuple):
    """A keeper that was started."""

    at: float
    process: Process


class Starts:
    """The starts since a keeper last worked, in a file that the first one to work deletes.

    Args:
        now: seconds on a clock that goes on from start to start of the machine.
    """

    def __init__(self, workspace: Workspace, now: Callable[[], float] | None = None) -> None:
        self._path, self._log, self._now = workspace.keeper_starts, workspace.keeper_log, now or boot_seconds

    @property
    def on_its_way(self) -> bool:
        """Whether the last one lives and has just not come to work yet."""
        starts = self._read()
        return bool(starts) and self._now() - starts[-1].at < ON_ITS_WAY_SECONDS and is_alive(starts[-1].process)

    def why_not_now(self) -> str:
        """Return why no keeper is to be started now, empty where one may be."""
        starts, now = self._read(), self._now()
        if len(starts) < FREE_STARTS:
            return ""
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(len(starts) - FREE_STARTS, 16), LONGEST_PAUSE_SECONDS)
        if now - starts[-1].at >= pause:
            return ""
        last = self._last_words()
        said = f": {last}" if last else ", and its log says nothing"
        return f"the keeper ended at once {len(starts)} times{said}; the next is started {span(pause)} after the last"

    def note(self, pid: int) -> None:
        """Write down that one was started; a full disk forgets it."""
        started = Start(round(self._now(), 3), identify(pid) or Process(pid, 0))
        told = json.dumps([*self._read(), started][-64:])
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}.partial")
        with contextlib.suppress(OSError):
            with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
                file.write(told)
            os.replace(partial, self._path)

    def forget(self) -> None:
        """One works: what was before is of no account."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _read(self) -> list[Start]:
        """Return the starts, without those before the machine's."""
        try:
            found = json.loads(self._path.read_bytes())
            starts = [Start(float(at), Process(*map(int, process))) for at, process in found]
        except (OSError, ValueError, TypeError):
            return []
        return [each for each in starts if each.at <= self._now()]

    def _last_words(self) -> str:
        try:
            with open(self._log, "rb") as file:
                file.seek(max(0, self._log.stat().st_size - LOG_TAIL_BYTES))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return safe(lines[-1].removeprefix("keeper: "), 200) if lines else ""
