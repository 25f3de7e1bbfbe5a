"""`ls`, `show` and `logs`: what there is, without changing anything."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from typing import Any

from engine.contract.errors import RunFolderError
from engine.contract.fields import differences
from engine.contract.spec import RunSpec
from whaletui.cli.common import open_records
from whaletui.cli.output import DONE, as_json, say, table
from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.view.formats import interval, score, span

LISTED = (
    "id", "name", "state", "reason", "backbone", "method", "crop", "seed", "fold", "epoch", "epochs", "loss",
    "map5", "map5_low", "map5_high", "map5_known", "map5_new", "baseline_constant", "baseline_duplicates",
    "created_at", "seconds", "slot", "star", "tags", "note", "folder", "digest",
)  # fmt: skip
"""What `--json` tells of a run: promises that scripts rely on."""

HEADINGS = (
    "id", "name", "state", "backbone", "method", "crop", "seed", "fold", "epoch", "MAP@5", "interval", "known", "new",
    "took",
)  # fmt: skip

ASCENDING = ("name", "state", "backbone", "method", "slot")
"""Columns of words: sorted from A on; figures and times from the highest down."""


def ls(options: Namespace) -> int:
    """List runs, newest first unless sorted otherwise."""
    _, records = open_records(options)
    descending = (options.sort not in ASCENDING) != options.reverse
    page = records.page(options.filter, sort=options.sort, descending=descending, limit=options.limit)
    if options.json:
        as_json([listed(run) for run in page.rows])
        return DONE
    table(
        HEADINGS,
        [_row(run) for run in page.rows],
        right=["id", "seed", "fold", "epoch", "MAP@5", "known", "new", "took"],
    )  # fmt: skip
    if page.matching > len(page.rows):
        say(f"{len(page.rows)} of {page.matching} runs; --limit shows more")
    for run in page.rows:
        if run.reason and run.state.value not in ("finished", "published"):
            say(f"{run.id:>4}  {run.state.value}: {run.reason}")
    return DONE


def listed(run: RunRecord) -> dict[str, Any]:
    """Return what `--json` tells of a run."""
    return {name: getattr(run, name) for name in LISTED}


def _row(run: RunRecord) -> list[object]:
    return [
        run.id, ("* " if run.star else "") + run.name, run.state.value, run.backbone.removeprefix("timm/"), run.method,
        "yes" if run.crop else "no", run.seed, run.fold, f"{int(run.epoch)}/{run.epochs}", score(run.map5),
        interval(run.map5_low, run.map5_high), score(run.map5_known), score(run.map5_new), span(run.seconds),
    ]  # fmt: skip


def show(options: Namespace) -> int:
    """Show a run: how it stands, its figures beside the baselines, and how its spec differs from the defaults."""
    workspace, records = open_records(options)
    run = records.find(options.run)
    if options.json:
        as_json({**listed(run), "spec": run.spec})
        return DONE
    for name in LISTED:
        value = getattr(run, name)
        if value is not None and value is not False and value not in ("", ()):
            say(f"{name:<20} {_told(name, value)}")
    say("spec, where it differs from the defaults")
    for path, (value, _) in differences(run.spec, RunSpec()).items():
        say(f"  {path:<38} {value}")
    say(f"folder {workspace.root / run.folder}")
    return DONE


def _told(name: str, value: Any) -> str:
    if name == "created_at":
        if not value:
            return "elsewhere: its score was published"
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value))
    if name == "seconds":
        return span(value)
    if isinstance(value, tuple):
        return " ".join(value)
    return f"{value:.4f}" if isinstance(value, float) and name != "epoch" else str(value)


def logs(options: Namespace) -> int:
    """Print the log of a run's newest attempt; with -f, go on until the run has ended."""
    workspace, records = open_records(options)
    run = records.find(options.run)
    attempt = workspace.run_dir(run.folder).latest()
    if attempt is None:
        raise RunFolderError(
            f"run {run.id} has no log yet", f"it is {run.state.value}" + (f": {run.reason}" if run.reason else "")
        )
    offset = 0
    while True:
        with open(attempt.log, "rb") as file:
            file.seek(offset)
            for line in file:
                if options.follow and not line.endswith(b"\n"):
                    break  # half a line: it comes whole next time
                offset += len(line)
                print(safe(line.decode(errors="replace").rstrip("\n"), 4000))
        sys.stdout.flush()
        if not options.follow or not records.run(run.id).state.is_active:
            return DONE
        time.sleep(0.5)
