"""What a keeper writes into its lock: who it is, on which machine, and when it was last alive."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from whaletui.jobs import processes
from whaletui.workspace import Workspace

ELSEWHERE_SECONDS = 60.0
"""A keeper of another machine that signed so lately is at work there."""

SIGNATURE_BYTES = 512


def keeper_elsewhere(workspace: Workspace) -> str:
    """Return the other machine whose keeper signed lately, empty where there is none.

    A lock may not be seen across machines, as on some network disks: then what is written in it tells.
    """
    host, _, signed_at = signature(workspace.keeper_lock)
    fresh = abs(time.time() - signed_at) < ELSEWHERE_SECONDS
    return host if host and host != processes.host() and fresh else ""


def sign(handle: int) -> None:
    """Write into the lock who holds it, and when; over and over, with as many bytes, in place even on a full disk."""
    own = processes.identify(os.getpid())
    told = {"host": processes.host(), "process": own, "signed_at": round(time.time(), 3)}
    os.pwrite(handle, json.dumps(told).ljust(SIGNATURE_BYTES).encode(), 0)
    os.ftruncate(handle, SIGNATURE_BYTES)


def signature(lock: Path) -> tuple[str, processes.Process | None, float]:
    """Return who wrote into the lock, and when; nobody where its holder has not come to it yet."""
    try:
        told = json.loads(lock.read_bytes())
        return str(told["host"]), processes.Process(*map(int, told["process"])), float(told["signed_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", None, 0.0
