"""What the app remembers of a workspace between two visits: columns, order, views, filters typed. A file, not a record.

It lies in `view.json` beside the database: how one looks at runs is no part of what is known of them, and it can be
read, changed and deleted with an editor.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from engine.contract.errors import RunFolderError, WhaleError
from engine.contract.rundir import read_json, write_json

FILE = "view.json"
MOST_FILTERS = 50


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A way of looking at the runs: filter, order, columns (none: those that differ), seeds and folds folded or not."""

    filter: str = ""
    sort: str = "id"
    descending: bool = True
    columns: tuple[str, ...] = ()
    folded: bool = False


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is remembered. `filters` is newest last; `baseline` is the id of the pinned run."""

    view: View = View()
    views: dict[str, View] = {}
    filters: tuple[str, ...] = ()
    baseline: int | None = None
    theme: str = ""

    def with_filter(self, text: str) -> Remembered:
        """Return it with a filter that was entered, each kept once, the oldest forgotten."""
        text = text.strip()
        if not text:
            return self
        kept = (*(known for known in self.filters if known != text), text)[-MOST_FILTERS:]
        return msgspec.structs.replace(self, filters=kept)


def recall(root: Path) -> Remembered:
    """Return what is remembered of a workspace; raises `WhaleError` where the file cannot be read, which is kept."""
    path = root / FILE
    try:
        return read_json(path, Remembered) or Remembered()
    except RunFolderError as error:
        kept = path.with_name(f"{FILE}.damaged")
        try:
            os.replace(path, kept)
        except OSError:
            kept = path
        raise WhaleError(
            f"{path.name} cannot be read, so columns and views begin anew", f"{kept.name} keeps what it held"
        ) from error


def keep(root: Path, remembered: Remembered) -> None:
    """Write what is remembered, whole or not at all; raises `WhaleError` where the workspace takes no files."""
    try:
        write_json(root / FILE, remembered)
    except OSError as error:
        raise WhaleError(
            f"{root / FILE} cannot be written: {error.strerror}", "columns and views last until the app is left"
        ) from error
