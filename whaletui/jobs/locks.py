"""Kernel locks (flock) on files: held as long as any process that inherited the open file lives, gone with the last.

Whoever only asks takes a shared lock for an instant, so that askers do not disturb each other; whoever takes
tries for a moment, so that an asker does not turn it away. A lock file is never deleted: another would then be free.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

PATIENCE_SECONDS = 0.5


def is_held(path: Path) -> bool:
    """Say whether somebody holds the lock; a file that is not there is held by nobody."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def take(path: Path, patience_seconds: float = PATIENCE_SECONDS) -> int | None:
    """Take the lock and return its open file, or None where it is held; closing the file gives it back."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(handle)
                return None
            time.sleep(0.01)
            continue
        if is_same(handle, path):
            return handle
        os.close(handle)  # the file was deleted and made again meanwhile: what we hold guards nothing
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def is_same(handle: int, path: Path) -> bool:
    """Say whether an open file is still the one that lies at a path."""
    ours = os.fstat(handle)
    try:
        theirs = os.stat(path)
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)
