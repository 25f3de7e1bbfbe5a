"""`doctor`: what is wrong on this machine, and how to mend it."""

from __future__ import annotations

import shutil
import stat
import sys
from argparse import Namespace
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from engine.contract.dataset import read_dataset
from engine.contract.errors import WhaleError
from whaletui.cli.common import workspace_of
from whaletui.cli.output import DONE, FAILED, as_json, say
from whaletui.jobs.gpus import explain_no_gpu, probe
from whaletui.records.records import Records
from whaletui.records.sqlite import sqlite_version
from whaletui.workspace import Workspace

PACKAGES = (
    "textual",
    "sqlalchemy",
    "torch",
    "torchvision",
    "timm",
    "pretrainedmodels",
    "albumentations",
    "ultralytics",
)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at; `mend` says what to do where it is not well."""

    subject: str
    level: str  # "good", "note" or "bad"
    seen: str
    mend: str = ""


def doctor(options: Namespace) -> int:
    """Look at everything a run needs; exit 1 where something is bad."""
    findings = list(examine(workspace_of(options)))
    if options.json:
        as_json(findings)
    else:
        for finding in findings:
            mark = {"good": "ok  ", "note": "note", "bad": "BAD "}[finding.level]
            say(f"{mark}  {finding.subject:<16} {finding.seen}")
            if finding.mend:
                say(f"{'':<22}  {finding.mend}")
    return FAILED if any(finding.level == "bad" for finding in findings) else DONE


def examine(workspace: Workspace) -> Iterator[Finding]:
    """Yield what was found, from the machine to the data."""
    yield Finding(subject="python", level="good", seen=sys.version.split()[0])
    yield from _packages()
    yield from _slots()
    yield _disk(workspace)
    yield _permissions(workspace)
    yield _sqlite()
    yield from _database_and_data(workspace)


def _packages() -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding(subject=name, level="good", seen=version(name))
        except PackageNotFoundError:
            yield Finding(subject=name, level="bad", seen="is not installed", mend="install whaletui again")


def _slots() -> Iterator[Finding]:
    slots = probe()
    for slot in slots:
        yield Finding(subject=slot.label, level="good", seen=slot.name)
    why = explain_no_gpu()
    if why:
        yield Finding(
            subject="GPU", level="note", seen=f"none: {why}",
            mend="runs use the CPU; a GPU needs NVIDIA's driver (580 or newer for torch 2.11 and later)",
        )  # fmt: skip


def _disk(workspace: Workspace) -> Finding:
    free = shutil.disk_usage(workspace.root).free
    seen = f"{free / 1e9:.1f} GB left for {workspace.root}"
    if free < 1e9:
        return Finding(subject="disk", level="bad", seen=seen, mend="whaletui delete RUN frees a run's folder")
    return Finding(subject="disk", level="good", seen=seen)


def _permissions(workspace: Workspace) -> Finding:
    mode = stat.S_IMODE(workspace.root.stat().st_mode)
    if mode & stat.S_IWOTH:
        return Finding(
            subject="folder",
            level="bad",
            seen=f"{workspace.root} may be changed by anyone (mode {mode:o})",
            mend="chmod o-w it",
        )
    return Finding(subject="folder", level="good", seen=f"mode {mode:o}")


def _sqlite() -> Finding:
    seen, sound = sqlite_version()
    if not sound:
        return Finding(
            subject="sqlite", level="note", seen=f"{seen} may damage a write-ahead log that two programs reset at once",
            mend="3.51.3 mends it; whaletui rebuild makes the database again from runs/",
        )  # fmt: skip
    return Finding(subject="sqlite", level="good", seen=seen)


def _database_and_data(workspace: Workspace) -> Iterator[Finding]:
    if not workspace.database.exists():
        yield Finding(subject="database", level="note", seen="none yet", mend="whaletui init --data DIR")
        return
    try:
        records = Records.open(workspace)
        counts = records.page(limit=1).counts
        seen = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        yield Finding(subject="database", level="good", seen=seen)
        folder = records.setting("data")
    except WhaleError as error:
        yield Finding(subject="database", level="bad", seen=error.message, mend=error.hint)
        return
    yield _data(folder)


def _data(folder: str) -> Finding:
    if not folder:
        return Finding(subject="data", level="note", seen="none chosen", mend="whaletui init --data DIR")
    try:
        dataset = read_dataset(Path(folder))
    except WhaleError as error:
        return Finding(subject="data", level="bad", seen=error.message, mend=error.hint)
    seen = f"{folder}: {len(dataset.train):,} training and {len(dataset.test):,} test photos"
    return Finding(subject="data", level="good", seen=seen)
