"""The command that a person wants run when a run ends: a mail, a message, anything. No shell is asked."""

from __future__ import annotations

import os
import shlex
import subprocess

from engine.contract.errors import WhaleError
from whaletui.records.model import RunRecord

COMMAND_VARIABLE = "WHALETUI_NOTIFY"
"""Environment variable: a command line; the sentence is its last argument, the run's figures are in its environment."""

LONGEST_SECONDS = 30.0


def announce(record: RunRecord, words: str) -> bool:
    """Run the command for a run that ended; returns whether there is one.

    Raises:
        WhaleError: it cannot be started, failed, or takes too long.
    """
    line = os.environ.get(COMMAND_VARIABLE, "")
    if not line.strip():
        return False
    told = {
        "WHALETUI_RUN": str(record.id), "WHALETUI_NAME": record.name.replace("\0", ""), "WHALETUI_STATE": record.state,
        "WHALETUI_MAP5": "" if record.map5 is None else f"{record.map5:.5f}",
    }  # fmt: skip
    try:
        done = subprocess.run(
            [*shlex.split(line), words], env={**os.environ, **told}, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=LONGEST_SECONDS,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise WhaleError(f"{COMMAND_VARIABLE} is {line!r}: {error}", "name a program and its arguments") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        told_last = f": {said[-1]}" if said else ""
        raise WhaleError(f"{COMMAND_VARIABLE} ended with {done.returncode}{told_last}", f"it was called as {line!r}")
    return True
