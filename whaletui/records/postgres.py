"""PostgreSQL, for people whose machines share a workspace: how it is reached, how long it is waited for, its errors.

Nothing is held open between transactions, so a server that was restarted needs no reconnecting: the next one does.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from whaletui.records.errors import RecordsError, UnreachableError

if TYPE_CHECKING:
    from socket import socket

    from sqlalchemy import URL, Connection
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.orm import Session

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 30
"""The server gives a statement up that takes longer, or waits longer for its turn."""

SILENT_SECONDS = 60.0
"""A transaction that takes longer is hung up on: a halted server keeps its connections open and says nothing."""

READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}  # one moment for all that is read
WRITING = {"isolation_level": "READ COMMITTED"}  # what was written while this one waited for its turn is seen

ONE_WRITER = "SELECT pg_advisory_xact_lock(hashtextextended('whaletui ' || current_schema(), 0))"
"""Held until the transaction ends: changes come one after another, as they do in a file."""

FOR_GOOD = ("authentication failed", "no password supplied", "no pg_hba.conf", "does not exist", "permission denied")
"""What a server says to which trying again does not help."""


def connect_arguments(url: URL) -> dict[str, object]:
    """Return what the driver is told besides the URL; what the URL itself says of these wins."""
    own = url.query.get("options", os.environ.get("PGOPTIONS", ""))
    limit = int(STATEMENT_SECONDS * 1000)
    told: dict[str, object] = {
        "connect_timeout": CONNECT_SECONDS, "application_name": "whaletui",
        "keepalives_idle": 30, "tcp_user_timeout": limit,
    }  # fmt: skip
    told = {name: value for name, value in told.items() if name not in url.query}
    return {**told, "options": f"-c lock_timeout={limit} -c statement_timeout={limit} {own}".strip()}


def take_turn(session: Session, patience_seconds: float, last: contextlib.ExitStack) -> None:
    """Begin to write: wait until nobody else does. What bounds the wait ends with `last`, after the commit."""
    connection = session.connection(execution_options=WRITING)
    last.enter_context(bounded(connection, patience_seconds))
    connection.exec_driver_sql(ONE_WRITER)


@contextlib.contextmanager
def bounded(connection: Connection, patience_seconds: float) -> Iterator[None]:
    """Hang up where a transaction takes too long; whoever waits for an answer then gets an error."""
    import socket
    import threading

    driver = connection.connection.dbapi_connection
    assert driver is not None
    line = socket.socket(fileno=os.dup(driver.fileno()))  # of our own: the number may be given again
    timer = threading.Timer(patience_seconds, _hang_up, (line,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        line.close()


def _hang_up(line: socket) -> None:
    with contextlib.suppress(OSError):  # closed this instant: the answer came
        line.shutdown(2)  # both ways


def complaint(error: DBAPIError, url: str) -> RecordsError:
    """Return in words what the server or the driver complained of."""
    words = scrubbed(" ".join(str(error.orig).split())[:400], url)
    state = getattr(error.orig, "sqlstate", None) or ""
    hint = "see the server's log; nothing was written"
    if state in ("55P03", "57014", "40P01"):
        return RecordsError("the database is being written by another program", "try again in a moment")
    if state == "25006":
        return RecordsError("the database server takes no changes: it is a copy or was set to read only", hint)
    if state in ("53100", "53400"):
        return RecordsError("the database server's disk is full", "make room on the server; runs go on")
    if state in ("42P01", "3F000"):
        return RecordsError(f"the records are not in the database ({words})", "whaletui rebuild fills it from runs/")
    if state.startswith("42"):
        return RecordsError(f"the database refuses: {words}", "its user must own the tables of whaletui")
    if any(refusal in words for refusal in FOR_GOOD):
        return RecordsError(f"the database server refuses: {words}", "see WHALETUI_DATABASE_URL and ~/.pgpass")
    if state[:2] in ("", "08", "53", "57"):
        return UnreachableError(f"the database server cannot be reached: {words}", "runs go on; it is tried again")
    return RecordsError(f"the database cannot be used: {words}", hint)


def scrubbed(text: str, url: str) -> str:
    """Return a text without the password that a database URL holds, whole or in the pieces that a parser may show."""
    _, _, rest = url.partition("://")
    account, at, host = rest.rpartition("@")
    secrets = [*account.partition(":")[2].split("@")] if at else []
    for part in host.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        if "password" in name.lower() or "secret" in name.lower():
            secrets.append(value)
    from urllib.parse import unquote

    for secret in sorted({*secrets, *map(unquote, secrets)}, key=len, reverse=True):
        text = text.replace(secret, "***") if secret else text
    return text


def holds_password(url: str) -> bool:
    """Say whether a URL names a password itself, instead of leaving it to ~/.pgpass."""
    return scrubbed(url, url) != url
