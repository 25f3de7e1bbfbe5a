"""Whose records a database on a server holds: one workspace's, for its rows name folders of that workspace.

A file in the workspace and a row in the database hold the same word; a second workspace is refused before it can take
the first one's runs for its own, find none of their folders and let them fail.
"""

from __future__ import annotations

import os
import uuid

from whaletui.records.errors import RecordsError
from whaletui.records.store import Store

SETTING = "workspace"


def see_owner(store: Store) -> None:
    """See that the database is this workspace's; one that is nobody's becomes so.

    Raises:
        RecordsError: it is another's.
    """
    ours, theirs = _ours(store), _theirs(store)
    if not theirs and store.read_only is None:
        ours = ours or _choose(store)
        with store.writing() as session:  # of two that come at once, the first has it
            from whaletui.records.tables import Setting

            found = session.get(Setting, SETTING)
            theirs = found.value if found else ours
            if found is None:
                session.add(Setting(name=SETTING, value=ours))
    if theirs and theirs != ours:
        raise RecordsError(
            f"the database holds the records of another workspace than {store.workspace.root}",
            f"give each a database of its own; if it is this one's after all: echo {theirs} > "
            f"{store.workspace.database_owner}",
        )


def _ours(store: Store) -> str:
    try:
        return store.workspace.database_owner.read_text().strip()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise RecordsError(f"{store.workspace.database_owner} cannot be read: {error}", "see who owns it") from error


def _theirs(store: Store) -> str:
    with store.reading() as select:
        rows = select("SELECT value FROM settings WHERE name = :name", {"name": SETTING})
    return str(rows[0][0]) if rows else ""


def _choose(store: Store) -> str:
    """Write a new word down, whole or not at all; of two that do so at once both return the first one's."""
    path = store.workspace.database_owner
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        store.workspace.prepare()
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(f"{uuid.uuid4().hex}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(partial, path)
        except FileExistsError:  # another was first
            partial.unlink()
        except OSError:  # this disk has no hard links
            os.rename(partial, path)
        else:
            partial.unlink()
    except OSError as error:
        raise RecordsError(f"{path} cannot be written: {error.strerror}", "a workspace is a folder of your own") from (
            error
        )
    return _ours(store)
