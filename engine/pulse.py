"""The pulse of a run: a file touched as long as it gets on, and how far its phases are."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path

from engine.contract.events import FULL, EventWriter, Phase

BEAT_SECONDS = 1.0


class Pulse:
    """Touches the heartbeat and tells of countable phases, each at most once a second."""

    def __init__(self, heartbeat: Path, events: EventWriter, clock: Callable[[], float] = time.monotonic) -> None:
        self._heartbeat, self._events, self._clock = heartbeat, events, clock
        self._beat_at = -math.inf

    def beat(self) -> bool:
        """Touch the heartbeat if it is due; tell whether it was."""
        now = self._clock()
        if now - self._beat_at < BEAT_SECONDS:
            return False
        self._beat_at = now
        self._write()
        return True

    def _write(self) -> None:
        """Write the time since the machine started over the one before, in place; a full disk is no reason to stop."""
        told = f"{time.clock_gettime(time.CLOCK_BOOTTIME):.3f}".rjust(20).encode()
        try:
            handle = os.open(self._heartbeat, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(handle, told, 0)
            finally:
                os.close(handle)
        except OSError as error:
            if error.errno not in FULL:
                raise

    def phase(self, name: str, total: int) -> Callable[[int], None]:
        """Announce a phase of `total` photos; return what is to be called with the number done."""
        self._events.write(Phase(name=name, total=total))

        def tick(done: int) -> None:
            if self.beat():
                self._events.write(Phase(name=name, done=done, total=total))

        return tick
