"""How a SQLite file is opened, whoever opens it: the pragmas, and no write-ahead log on a network disk."""

from __future__ import annotations

import os
from pathlib import Path

from whaletui.records.dbapi import dbapi

BUSY_MILLISECONDS = 30_000

PRAGMAS = (
    "synchronous = FULL",  # NORMAL may lose the last commits when the power fails
    f"busy_timeout = {BUSY_MILLISECONDS}",
    "foreign_keys = ON",
    "trusted_schema = OFF",  # the file may come from a stranger
    "cell_size_check = ON",  # finds damage early
)

NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "lustre",
    "gpfs",
    "fuse",
    "ceph",
    "beegfs",
    "afs",
    "gluster",
    "9p",
    "virtiofs",
    "ocfs2",
)
"""Kinds of file systems, by the start of their names, whose shared memory or locks a write-ahead log cannot trust."""


def sqlite_version() -> tuple[str, bool]:
    """Return SQLite's own version, and whether it is free of the write-ahead log's reset bug (sqlite.org/wal.html)."""
    fixed_in = ((3, 44, 6), (3, 50, 7), (3, 51, 3))  # the mend and its backports
    found = dbapi.sqlite_version_info
    return dbapi.sqlite_version, any(
        found[:2] == fixed[:2] and found >= fixed for fixed in fixed_in
    ) or found >= fixed_in[-1]


def connect(path: Path) -> dbapi.Connection:
    """Open an existing database; raises `dbapi.Error`."""
    connection = dbapi.connect(
        f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_MILLISECONDS / 1000
    )
    try:
        prepare(connection)
    except dbapi.Error:
        connection.close()
        raise
    return connection


def connect_unmoved(path: Path) -> dbapi.Connection:
    """Open a database for reading only, as a file that nobody changes: on a full disk no other way may be left.

    What its write-ahead log holds and the file does not is not seen. Raises `sqlite3.Error`.
    """
    connection = dbapi.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    connection.create_function("lower", 1, _lower, deterministic=True)
    return connection


def prepare(connection: dbapi.Connection) -> None:
    """Set what every connection needs; transactions are begun and ended by hand from here on."""
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    # SQLite's own lower() knows only A to Z; filters compare as Python does
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: str | int | float | None) -> str | int | float | None:
    return value.lower() if isinstance(value, str) else value


def create(path: Path) -> None:
    """Make an empty file that only its owner may read, where there is none; its journals inherit the mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def choose_journal(path: Path) -> str:
    """Set the journal that suits the disk and return its name, "wal" or "delete"."""
    wanted = "delete" if on_network(path) else "wal"
    if _has_wal(path) == (wanted == "wal"):
        return wanted
    connection = connect(path)
    try:
        (now,) = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    finally:
        connection.close()
    return str(now)


def _has_wal(path: Path) -> bool:
    """Read from the file's header, without opening it as a database, whether it keeps a write-ahead log."""
    with open(path, "rb") as file:
        header = file.read(20)
    return header[18:20] == b"\x02\x02"


def on_network(path: Path) -> bool:
    """Say whether a path lies on a file system of another machine, or on one that may."""
    return filesystem(path).startswith(NETWORK)


def filesystem(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the name of the file system that holds a path, as in "ext4" or "nfs4"; empty where unknown."""
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    best, kind = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(before.split(" ")[4].replace("\\040", " "))
        depth = len(point.parts)
        if depth >= best and path.is_relative_to(point):  # of equal ones the later mount hides the earlier
            best, kind = depth, after.split(" ")[0]
    return kind
