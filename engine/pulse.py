"""The pulse of a run: a file touched as long as it gets on, and how far its phases are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from engine.contract.events import EventWriter, Phase

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
        self._heartbeat.touch()
        return True

    def phase(self, name: str, total: int) -> Callable[[int], None]:
        """Announce a phase of `total` photos; return what is to be called with the number done."""
        self._events.write(Phase(name=name, total=total))

        def tick(done: int) -> None:
            if self.beat():
                self._events.write(Phase(name=name, done=done, total=total))

        return tick
