"""Asks the engine something outside of a run, in a process of its own, and hears how far it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.contract.errors import DataError, RunFolderError, SpecError, WeightsError, WhaleError
from whaletui.jobs.detach import environment, without_records

KINDS = {kind.reason: kind for kind in (DataError, RunFolderError, SpecError, WeightsError)}


class Progress(NamedTuple):
    """How far the engine is: what it does, how much is done, of how much (0: not countable)."""

    phase: str
    done: int
    total: int


def ask(module: str, arguments: Sequence[str], hear: Callable[[Progress], object] = lambda progress: None) -> Any:
    """Run `python -m MODULE ARGUMENTS` and return its answer.

    Args:
        module: one whose main answers as `engine.asked` says.
        arguments: its command line.
        hear: called when it tells how far it is; may raise to have it stop.

    Raises:
        WhaleError: what it refused, or the last thing it said where it broke.
    """
    command = [sys.executable, "-m", module, *arguments]
    told = without_records(environment(os.environ))
    with tempfile.TemporaryFile() as complaints:  # a pipe that nobody reads meanwhile would fill up and stop it
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, env=told, text=True
        )
        try:
            answer = _listen(process, hear)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()
        if answer is not None:
            return answer["result"]
        complaints.seek(0)
        last = (complaints.read().decode(errors="replace").strip().splitlines() or ["no word of why"])[-1]
    raise WhaleError(f"the engine broke off: {last}", "whaletui doctor tells what is wrong with this machine")


def _listen(process: subprocess.Popen[str], hear: Callable[[Progress], object]) -> dict[str, Any] | None:
    """Return the line that holds the answer, None where it ended without one; raises what it refused."""
    assert process.stdout is not None
    for line in process.stdout:
        said: dict[str, Any] = json.loads(line)
        if "phase" in said:
            hear(Progress(said["phase"], said["done"], said["total"]))
        elif "error" in said:
            raise KINDS.get(said["reason"], WhaleError)(said["error"], said["hint"])
        else:
            return said
    return None
