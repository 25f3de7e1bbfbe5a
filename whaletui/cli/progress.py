"""How far the engine is, on one line of the terminal that is gone when it is done."""

from __future__ import annotations

import sys

from whaletui.jobs.asking import Progress
from whaletui.safe import safe


class Shown:
    """Shows the newest progress on standard error; nothing where nobody looks."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet or not sys.stderr.isatty()
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        """Show how far it is."""
        if not self._quiet:
            words = safe(progress.phase) + (f" {progress.done:,} of {progress.total:,}" if progress.done else "")
            print(f"\r{words:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = len(words)

    def end(self) -> None:
        """Leave an empty line behind."""
        if not self._quiet and self._width:
            print(f"\r{'':<{self._width}}\r", end="", file=sys.stderr, flush=True)
