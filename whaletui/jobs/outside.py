"""Programs of other people, run to their end: what they print comes back, and what they know stays with them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from engine.contract.errors import WhaleError
from whaletui.jobs.detach import SECRET


class Said(NamedTuple):
    """How a program ended and what it printed."""

    code: int
    output: str
    errors: str

    @property
    def everything(self) -> str:
        """Both streams, one after the other."""
        return f"{self.output}\n{self.errors}".strip()


def ask(arguments: Sequence[str], seconds: float) -> Said:
    """Run a program with the caller's own environment, without a terminal to ask questions on.

    Secrets of the environment that it repeats are struck out of what it printed.

    Raises:
        WhaleError: it is not installed, cannot be started, or takes longer than `seconds`.
    """
    path = shutil.which(arguments[0])
    if path is None:
        raise WhaleError(f"there is no program {arguments[0]} on the path", f"install it: pip install {arguments[0]}")
    try:
        done = subprocess.run(
            [path, *arguments[1:]], stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise WhaleError(
            f"{arguments[0]} did not answer within {seconds:.0f} seconds",
            "does this machine reach the network?",
        ) from error
    except OSError as error:
        raise WhaleError(f"{path} cannot be started: {error.strerror}", "install it again") from error
    return Said(done.returncode, _clean(done.stdout), _clean(done.stderr))


def _clean(printed: bytes) -> str:
    text = printed.decode(errors="replace")
    for name, value in os.environ.items():
        if len(value) >= 8 and any(part in name.upper() for part in SECRET):
            text = text.replace(value, "***")
    return text
