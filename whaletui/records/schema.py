"""Brings a database to the schema of this program. Alembic is loaded only when there is something to do."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from whaletui.records import owner, sqlite
from whaletui.records.dbapi import dbapi
from whaletui.records.errors import RecordsError
from whaletui.records.store import Store

REVISIONS = ("0001", "0002")
"""Every step of the schema, oldest first; the newest migration script is the last of them."""

HEAD = REVISIONS[-1]
BACKUPS_KEPT = 7


def ensure_schema(store: Store) -> None:
    """See that the database exists and has this program's schema.

    An existing one is copied to `experiments.db.backups/` first. Two programs never migrate at once, and a step is
    done whole or not at all.

    One that a newer program wrote is left as it is, and `store` reads it only.

    Raises:
        RecordsError: the database cannot be read or written.
    """
    _bring(store)
    if store.dialect == "postgresql":
        owner.see_owner(store)


def _bring(store: Store) -> None:
    found = _revision(store)
    if found and found not in REVISIONS:
        store.read_only = RecordsError(
            f"the records were written by a newer whaletui (schema {found}, this one knows {HEAD})",
            "use the newer program to change anything; this one only reads them",
        )
    if found == HEAD or store.read_only:
        return
    with only_one(store):
        found = _revision(store)
        if found == HEAD:
            return  # another program was first
        if store.is_file:
            _make_or_backup(store.path, found)
        _migrate(store, is_new=not found)
        if store.is_file:
            sqlite.choose_journal(store.path)


def _revision(store: Store) -> str:
    """Return the schema that a database has, empty where it has none."""
    if store.is_file:
        return _file_revision(store)
    if store.dialect == "postgresql":
        return _server_revision(store)
    from sqlalchemy import inspect

    if not inspect(store.engine()).has_table("alembic_version"):
        return ""
    return _selected_revision(store)


def _file_revision(store: Store) -> str:
    if not store.path.exists() or not store.path.stat().st_size:
        return ""
    with store.reading() as select:
        tables = {row[0] for row in select("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "alembic_version" in tables:
        return _selected_revision(store)
    if tables:
        raise RecordsError(
            f"{store.path} is a database of another program: it holds the table {min(map(str, tables))}",
            "choose another folder as the workspace",
        )
    return ""


def _server_revision(store: Store) -> str:
    with store.reading() as select:
        tables = ", ".join(f"CAST(to_regclass('{name}') AS text)" for name in ("alembic_version", "runs"))
        ((version, runs),) = select(f"SELECT {tables}")
        if version and runs:
            return str(select("SELECT version_num FROM alembic_version")[0][0])
        ((encoding,),) = select("SELECT current_setting('server_encoding')")
    if version or runs:
        raise RecordsError(
            f"the database is another program's: it holds the table {version or runs}", "createdb makes a new one"
        )
    if encoding != "UTF8":
        raise RecordsError(
            f"the database keeps texts as {encoding}, which has no place for every letter",
            "createdb -T template0 -E UTF8 makes one that does",
        )
    return ""


def _selected_revision(store: Store) -> str:
    with store.reading() as select:
        rows = select("SELECT version_num FROM alembic_version")
    return str(rows[0][0]) if rows else ""


def make(store: Store) -> None:
    """Make a new database with the talk's six results, where there is none."""
    sqlite.create(store.path)
    _migrate(store, is_new=True)


@contextmanager
def only_one(store: Store) -> Iterator[None]:
    """Keep other programs from making or migrating the database meanwhile: they wait."""
    path = store.workspace.root / "experiments.db.lock"
    try:
        store.workspace.prepare()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RecordsError(
            f"{path} cannot be written: {error.strerror}", "a workspace is a folder of your own: whaletui -w DIR"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _make_or_backup(path: Path, found: str) -> None:
    sqlite.create(path)
    if found:
        back_up(path, found)


def back_up(path: Path, label: str) -> Path:
    """Copy a database whole, in use or not, to `experiments.db.backups/`, where the newest few are kept.

    Returns:
        the path of the copy.
    """
    folder = path.with_name(f"{path.name}.backups")
    folder.mkdir(mode=0o700, exist_ok=True)
    copy = folder / f"{path.stem}-{label}-{time.strftime('%Y%m%d-%H%M%S')}.db"
    copy.unlink(missing_ok=True)
    try:
        with closing(sqlite.connect(path)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        with closing(sqlite.connect(copy)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise dbapi.DatabaseError(found)
    except dbapi.Error as error:
        copy.unlink(missing_ok=True)
        raise RecordsError(f"{path} could not be copied to {copy}: {error}", "make room, then try again") from error
    copy.chmod(0o600)
    for old in backups(path)[:-BACKUPS_KEPT]:
        old.unlink()
    return copy


def backups(path: Path) -> list[Path]:
    """Return the copies of a database, oldest first."""
    copies = path.with_name(f"{path.name}.backups").glob(f"{path.stem}-*.db")
    return sorted(copies, key=lambda entry: entry.stat().st_mtime)


def _migrate(store: Store, is_new: bool) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import inspect

    from whaletui.records.published import published_rows

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with store.writing() as session:
        connection = session.connection()
        # only now is it sure that no other machine is about to make it, too
        is_new = is_new and not inspect(connection).has_table("runs")
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
        if is_new:
            session.add_all(published_rows())
