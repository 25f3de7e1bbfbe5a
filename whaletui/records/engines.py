"""The SQLAlchemy engine: our own transactions on SQLite, a connection a transaction everywhere."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from whaletui.records import sqlite
from whaletui.records.dbapi import dbapi


def make_engine(url: str) -> Engine:
    """Make an engine for a database URL; nothing is connected yet."""
    of_sqlite = {"module": dbapi} if url.startswith("sqlite") else {}
    engine = create_engine(url, poolclass=NullPool, **of_sqlite)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: dbapi.Connection, _: ConnectionPoolEntry) -> None:
    sqlite.prepare(connection)


def _begin(connection: Connection) -> None:
    # A write that begins as a read is refused when another came between; this one waits its turn instead.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
