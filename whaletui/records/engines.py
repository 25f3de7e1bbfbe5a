"""The SQLAlchemy engine: our own transactions on SQLite, a connection a transaction everywhere."""

from __future__ import annotations

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from whaletui.records import postgres, sqlite
from whaletui.records.dbapi import dbapi
from whaletui.records.errors import RecordsError

SHAPE = "postgresql://USER@HOST:5432/DATABASE, its password in ~/.pgpass"


def make_engine(url: str) -> Engine:
    """Make an engine for a database URL; nothing is connected yet.

    Raises:
        RecordsError: the URL cannot be read, or what it asks for is not installed. It is never repeated: it may
            hold a password.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, poolclass=NullPool, module=dbapi)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return engine
    try:
        return create_engine(parsed, poolclass=NullPool, connect_args=postgres.connect_arguments(parsed))
    except ImportError as error:
        raise RecordsError(
            f"the driver for PostgreSQL is not installed ({error.name or 'psycopg'})",
            "uv pip install 'whaletui[postgres]'",
        ) from None


def _parsed(url: str) -> URL:
    """Read a URL; "postgresql" alone means the one driver that we know."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise RecordsError("WHALETUI_DATABASE_URL cannot be read", SHAPE) from None
    if "@" in (parsed.host or ""):
        raise RecordsError("WHALETUI_DATABASE_URL holds two @", f"one in a password is written %40; better {SHAPE}")
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("postgresql+psycopg", "sqlite", "sqlite+pysqlite"):
        raise RecordsError(f"WHALETUI_DATABASE_URL names no database that whaletui knows: {parsed.drivername}", SHAPE)
    return parsed


def _prepare(connection: dbapi.Connection, _: ConnectionPoolEntry) -> None:
    sqlite.prepare(connection)


def _begin(connection: Connection) -> None:
    # A write that begins as a read is refused when another came between; this one waits its turn instead.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
