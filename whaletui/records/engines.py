"""The SQLAlchemy engine: our own transactions on SQLite, a connection a transaction everywhere."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from whaletui.records import sqlite


def make_engine(url: str) -> Engine:
    """Make an engine for a database URL; nothing is connected yet."""
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    sqlite.prepare(connection)


def _begin(connection: Connection) -> None:
    # A write that begins as a read is refused when another came between; this one waits its turn instead.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
