"""A wish to stop: SIGTERM (or Ctrl-C) ends a run gently, once the step at hand is done."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """The run was asked to stop. No `Exception`, as `KeyboardInterrupt` is none: nothing may swallow it.

    `epoch` and `step` tell how far training had got.
    """

    def __init__(self, epoch: float, step: int) -> None:
        super().__init__(f"asked to stop at epoch {epoch:.2f}, step {step}")
        self.epoch, self.step = epoch, step


class StopWish:
    """Remembers that someone asked the run to stop.

    Outside of `held` the wish is granted at once, by raising `Stopped` wherever the program happens to
    be; inside, `check` raises it, where the program can stop well. `progress` gives the epoch and step
    to tell; the program sets it once it trains.
    """

    def __init__(self) -> None:
        self.asked = False
        self.progress: Callable[[], tuple[float, int]] = lambda: (0.0, 0)
        self._held = False
        self._process = os.getpid()

    def listen(self) -> None:
        """Take over SIGTERM and SIGINT. Main thread only."""
        signal.signal(signal.SIGTERM, self._hear)
        signal.signal(signal.SIGINT, self._hear)

    def check(self) -> None:
        """Raise `Stopped` where the wish was heard."""
        if self.asked:
            raise Stopped(*self.progress())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Grant the wish only where `check` is called, and when leaving."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.check()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            return  # a data worker, which Ctrl-C reaches too: the trainer lets it finish its batch
        self.asked = True
        if not self._held:
            self.check()
