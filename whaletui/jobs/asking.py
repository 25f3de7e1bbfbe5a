"""Asks the engine something outside of a run, in a process of its own, and hears how far it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.contract.errors import DataError, RunFolderError, SpecError, WeightsError, WhaleError
from whaletui.jobs.detach import environment

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
        hear: called when it tells how far it is.

    Raises:
        WhaleError: what it refused, or the last thing it said where it broke.
    """
    command = [sys.executable, "-m", module, *arguments]
    told = environment(os.environ)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=told, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                said = json.loads(line)
                if "phase" in said:
                    hear(Progress(said["phase"], said["done"], said["total"]))
                elif "error" in said:
                    raise KINDS.get(said["reason"], WhaleError)(said["error"], said["hint"])
                else:
                    return said["result"]
            last = (process.stderr.read().strip().splitlines() or ["no word of why"])[-1]
        except BaseException:
            process.terminate()
            raise
    raise WhaleError(f"the engine broke off: {last}", "whaletui doctor tells what is wrong with this machine")
