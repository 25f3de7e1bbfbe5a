"""Care for the database file: looked over when a program starts, copied once a day, made again where it is damaged."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from whaletui.records import sqlite
from whaletui.records.dbapi import dbapi
from whaletui.records.errors import RecordsError
from whaletui.records.records import Records
from whaletui.records.schema import back_up, backups
from whaletui.records.store import Store
from whaletui.workspace import Workspace

DAY_SECONDS = 86_400.0


def open_sound(workspace: Workspace) -> tuple[Records, str]:
    """Open the records, made again from the run folders where the file is damaged or was deleted.

    Returns:
        the records, and one sentence on what was mended, empty where all was well.

    Raises:
        RecordsError: they cannot be opened, nor made again.
    """
    told = mend(workspace)
    return Records.open(workspace), told


def mend(workspace: Workspace) -> str:
    """Make the database again where it is damaged or gone; returns what was done in one sentence, empty if nothing."""
    store = Store(workspace)
    if not store.is_file or not (trouble := what_is_wrong(workspace)):
        return ""
    with _only_one(workspace):
        if not (trouble := what_is_wrong(workspace)):
            return ""  # another program mended it meanwhile
        from whaletui.records.rebuild import rebuild  # which reads all run folders

        report = rebuild(workspace)
    left = f"; {len(report.damaged)} things were left out, whaletui rebuild names them" if report.damaged else ""
    where = f" (the old one is {report.moved_to})" if report.moved_to else ""
    return f"the database {trouble}: it was made again from runs/, {report.runs} runs{where}{left}"


def what_is_wrong(workspace: Workspace) -> str:
    """Return what is wrong with the database file as the end of "the database …", empty where it is sound."""
    path = workspace.database
    if not path.exists():
        return "was deleted" if any(workspace.runs.glob("[0-9]*/record.json")) else ""
    if not path.stat().st_size:
        return "has no bytes" if any(workspace.runs.glob("[0-9]*/record.json")) else ""
    try:
        with closing(sqlite.connect(path)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
    except dbapi.DatabaseError as error:
        return "" if _will_pass(str(error)) else f"is damaged ({error})"
    return "" if found == ("ok",) else f"is damaged ({str(found[0]).splitlines()[-1]})"


def daily_backup(workspace: Workspace) -> bool:
    """Copy the database if the newest copy is a day old; returns whether it was.

    Raises:
        RecordsError: it could not be copied, or the copy is not sound.
    """
    store = Store(workspace)
    if not store.is_file or not store.path.exists():
        return False
    copies = backups(store.path)
    if copies and time.time() - copies[-1].stat().st_mtime < DAY_SECONDS:
        return False
    back_up(store.path, "daily")
    return True


def _will_pass(words: str) -> bool:
    """Say whether an error of SQLite's is about the moment, not about what the file holds."""
    return any(word in words for word in ("locked", "busy", "full", "disk I/O", "unable to open", "readonly"))


@contextmanager
def _only_one(workspace: Workspace) -> Iterator[None]:
    path = workspace.root / "experiments.db.mend.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RecordsError(f"{path} cannot be written: {error.strerror}", "see who owns the workspace") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
