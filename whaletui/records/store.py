"""Store: where the records lie and how they are reached. Reading a local file needs no SQLAlchemy; writing loads it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from whaletui.records import postgres, sqlite
from whaletui.records.dbapi import dbapi
from whaletui.records.errors import RecordsError
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.orm import Session

URL_VARIABLE = "WHALETUI_DATABASE_URL"
"""Environment variable that names another database than the workspace's own file, as SQLAlchemy writes it."""

LITTLE_BYTES = 1 << 20
"""With less than this left on the disk SQLite cannot even make the small files beside the database."""

Value = str | int | float | None
Row = tuple[Value, ...]
Select = Callable[..., list[Row]]
"""select(sql, parameters={}) -> rows; parameters are named, as in :name."""


class Store:
    """The database of one workspace. Thread-safe: a connection is opened for each transaction and closed after it.

    Nothing is held open in between, so a database that was rebuilt or moved is never written to by an old handle.
    """

    def __init__(self, workspace: Workspace, path: Path | None = None) -> None:
        self.workspace = workspace
        self.path = path or workspace.database
        self.url = os.environ.get(URL_VARIABLE, "")
        self.patience_seconds = postgres.SILENT_SECONDS
        self.read_only: RecordsError | None = None  # why nothing may be written, where that is so
        self._engine: Engine | None = None
        self._making = threading.Lock()

    @property
    def is_file(self) -> bool:
        """Whether the records are the workspace's own SQLite file."""
        return not self.url

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """The kind of SQL that is spoken here."""
        return "sqlite" if self.is_file or self.url.startswith("sqlite") else "postgresql"

    @contextmanager
    def reading(self) -> Iterator[Select]:
        """Yield a function that selects; all its answers are of one moment.

        Raises:
            RecordsError: the database cannot be read.
        """
        if not self.is_file:
            with self._reading_elsewhere() as select:
                yield select
            return
        try:
            with _selecting(self._connect()) as select:
                yield select
        except dbapi.Error as error:
            raise self._complaint(str(error)) from error

    def _connect(self) -> dbapi.Connection:
        """Open the file for reading; where the disk is too full even for that, as a file that nobody changes."""
        try:
            connection = sqlite.connect(self.path)
            try:
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()
            except dbapi.Error:
                connection.close()
                raise
        except dbapi.OperationalError as error:
            if not (self.path.exists() and self._is_full(str(error))):
                raise
            return sqlite.connect_unmoved(self.path)
        return connection

    def _is_full(self, text: str) -> bool:
        """Say whether an error of SQLite's means that the disk is full, which it does not always say."""
        if "full" in text:
            return True
        vague = "disk I/O" in text or "unable to open" in text
        return vague and shutil.disk_usage(self.path.parent).free < LITTLE_BYTES

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session that holds the only right to write, committed at the end.

        Raises:
            RecordsError: the database cannot be written; then nothing was.
        """
        from sqlalchemy.exc import DBAPIError
        from sqlalchemy.orm import Session

        if self.read_only is not None:
            raise self.read_only
        before = self._inode()
        try:
            with ExitStack() as last, Session(self.engine(), expire_on_commit=False) as session, session.begin():
                if self.dialect == "postgresql":
                    postgres.take_turn(session, self.patience_seconds, last)
                yield session
        except DBAPIError as error:
            raise self._complaint_of(error) from None  # which repeats every value that was to be written
        if before != self._inode():  # SQLite goes on writing to a file that was deleted, and says nothing
            raise RecordsError(f"{self.path} was deleted or replaced while it was written", "try again")

    def _inode(self) -> tuple[int, int] | None:
        """Return what tells the database's file from another of the same name."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return None
        return (status.st_dev, status.st_ino) if self.is_file else None

    @contextmanager
    def _reading_elsewhere(self) -> Iterator[Select]:
        from sqlalchemy import text
        from sqlalchemy.exc import DBAPIError

        try:
            with ExitStack() as last, self.engine().connect() as connection:
                if self.dialect == "postgresql":
                    connection = connection.execution_options(**postgres.READING)
                    last.enter_context(postgres.bounded(connection, self.patience_seconds))

                def select(sql: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
                    return [tuple(row) for row in connection.execute(text(sql), dict(parameters or {}))]

                yield select
        except DBAPIError as error:
            raise self._complaint_of(error) from None

    def engine(self) -> Engine:
        """Return the engine, made at the first call."""
        with self._making:
            if self._engine is None:
                from whaletui.records.engines import make_engine

                self._engine = make_engine(self.url or f"sqlite:///{self.path}")
            return self._engine

    def _complaint_of(self, error: DBAPIError) -> RecordsError:
        if self.dialect == "postgresql":
            return postgres.complaint(error, self.url)
        return self._complaint(str(error.orig))

    def _complaint(self, text: str) -> RecordsError:
        where = self.path if self.is_file else "the database"
        if "locked" in text:
            return RecordsError(f"{where} is being written by another program", "try again in a moment")
        if self.is_file and self._is_full(text):
            return RecordsError(f"{where} cannot grow: the disk is full", "whaletui delete RUN frees a run's folder")
        if "malformed" in text or "not a database" in text or "no such table" in text:
            return RecordsError(f"{where} is damaged: {text}", "whaletui rebuild makes it again from runs/")
        return RecordsError(f"{where} cannot be used: {text}", "see that it may be read and written, or ask doctor")


@contextmanager
def _selecting(connection: dbapi.Connection) -> Iterator[Select]:
    try:
        connection.execute("BEGIN")  # one moment for all that is read

        def select(sql: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
            return connection.execute(sql, dict(parameters or {})).fetchall()

        yield select
        connection.execute("COMMIT")
    finally:
        connection.close()
