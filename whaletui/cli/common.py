"""What several commands do first: open the workspace, find runs, see the truth."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

from engine.contract.errors import WhaleError
from whaletui.cli.output import complain
from whaletui.records.errors import RecordsError
from whaletui.records.model import RunRecord
from whaletui.records.records import Records
from whaletui.records.store import Store
from whaletui.workspace import Workspace


def workspace_of(options: Namespace) -> Workspace:
    """Return the workspace that -w names; raises `WhaleError` where there is no such folder."""
    workspace = Workspace(options.workspace)
    if not workspace.root.is_dir():
        raise WhaleError(f"there is no folder {workspace.root}", "whaletui -w DIR init --data DATA makes a workspace")
    return workspace


def open_records(options: Namespace) -> tuple[Workspace, Records]:
    """Open the workspace's records, brought up to what the run folders say.

    A damaged or deleted database is made again first, and stderr told of it; one of a newer program is read only.
    """
    workspace = workspace_of(options)
    try:
        return workspace, _opened(workspace)
    except RecordsError:
        from whaletui.records.care import mend

        mended = mend(workspace)
        if not mended:
            raise
        complain(mended)
    return workspace, _opened(workspace)


def _opened(workspace: Workspace) -> Records:
    from whaletui.jobs.settle import reconcile

    if Store(workspace).is_file and not workspace.database.exists() and any(workspace.runs.glob("[0-9]*/record.json")):
        raise RecordsError(f"{workspace.database} was deleted", "whaletui rebuild makes it again from runs/")
    records = Records.open(workspace)
    if not records.read_only:
        reconcile(records, workspace)
    return records


def find_runs(records: Records, names: Iterable[str]) -> list[RunRecord]:
    """Return runs by id or name; raises where one is unknown."""
    return [records.find(name) for name in names]
