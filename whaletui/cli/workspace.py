"""`init` and `rebuild`: a workspace's beginning, and its second beginning."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from engine.contract.dataset import Dataset, read_dataset
from whaletui.cli.common import workspace_of
from whaletui.cli.output import DONE, FAILED, say
from whaletui.records.records import Records
from whaletui.view.formats import count
from whaletui.workspace import Workspace


def init(options: Namespace) -> int:
    """Make the folder a workspace on a data set, which is checked first."""
    dataset = read_dataset(Path(options.data))
    workspace = make_workspace(Workspace(options.workspace), dataset)
    singles = sum(1 for label in set(dataset.labels) if dataset.labels.count(label) == 1)
    say(f"workspace {workspace.root}")
    say(
        f"data      {dataset.folder}: {len(dataset.train):,} training photos of {len(set(dataset.labels)):,} ids "
        f"({singles:,} with one photo), {len(dataset.test):,} test photos"
    )
    say("next      whaletui run thumbnails (whaletui presets lists more), then whaletui")
    return DONE


def make_workspace(workspace: Workspace, dataset: Dataset) -> Workspace:
    """Make folders and records, and note where the data lie."""
    workspace.prepare()
    Records.open(workspace).set_setting("data", str(dataset.folder))
    return workspace


def rebuild(options: Namespace) -> int:
    """Make the database again from the run folders."""
    from whaletui.records.rebuild import rebuild as rebuild_records

    report = rebuild_records(workspace_of(options))
    where = f"; the old database is {report.moved_to}" if report.moved_to else ""
    say(f"{count(report.runs, 'run')} in the records again{where}")
    for trouble in report.damaged:
        say(f"left out: {trouble}")
    return FAILED if report.damaged else DONE
