"""What several commands do first: open the workspace, find runs, see the truth."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

from engine.contract.errors import WhaleError
from whaletui.records.model import RunRecord
from whaletui.records.records import Records
from whaletui.workspace import Workspace


def workspace_of(options: Namespace) -> Workspace:
    """Return the workspace that -w names; raises `WhaleError` where there is no such folder."""
    workspace = Workspace(options.workspace)
    if not workspace.root.is_dir():
        raise WhaleError(f"there is no folder {workspace.root}", "whaletui -w DIR init --data DATA makes a workspace")
    return workspace


def open_records(options: Namespace) -> tuple[Workspace, Records]:
    """Open the workspace's records, brought up to what the run folders say."""
    from whaletui.jobs.settle import reconcile

    workspace = workspace_of(options)
    records = Records.open(workspace)
    reconcile(records, workspace)
    return workspace, records


def find_runs(records: Records, names: Iterable[str]) -> list[RunRecord]:
    """Return runs by id or name; raises where one is unknown."""
    return [records.find(name) for name in names]
