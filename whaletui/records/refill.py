"""A database on a server emptied and filled again within one transaction: others see all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

from whaletui.records.published import published_rows
from whaletui.records.store import Row, Select, Store
from whaletui.records.tables import Base
from whaletui.workspace import Workspace


class OneTransaction(Store):
    """A store whose reading and writing all belong to one transaction that somebody else began."""

    def __init__(self, workspace: Workspace, session: Session) -> None:
        super().__init__(workspace)
        self._session = session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield the transaction's session."""
        yield self._session
        self._session.flush()

    @contextmanager
    def reading(self) -> Iterator[Select]:
        """Yield a function that selects within the transaction."""

        def select(sql: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
            return [tuple(row) for row in self._session.execute(text(sql), dict(parameters or {}))]

        yield select


def empty(session: Session) -> None:
    """Take everything out of a database and put the talk's six results back in, as in a new one."""
    for table in reversed(Base.metadata.sorted_tables):
        session.execute(table.delete())
    for number, row in enumerate(published_rows(), start=1):
        row.id = number
        session.add(row)
    session.flush()


def count_on(session: Session) -> None:
    """Let the server count on from the highest id: what is written with its id is not counted. It never counts back."""
    for table in ("runs", "ensembles", "submissions"):
        sequence = f"CAST(pg_get_serial_sequence('{table}', 'id') AS regclass)"
        highest = f"greatest((SELECT max(id) FROM {table}), pg_sequence_last_value({sequence}))"
        session.execute(text(f"SELECT setval({sequence}, {highest}) WHERE {highest} > 0"))
