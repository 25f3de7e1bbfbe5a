"""`doctor`: what is wrong on this machine, and how to mend it."""

from __future__ import annotations

import os
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
from whaletui.records.care import what_is_wrong
from whaletui.records.records import Records
from whaletui.records.server import describe
from whaletui.records.sqlite import filesystem, on_network, sqlite_version
from whaletui.records.store import Store
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


OTHERS_MAY_WRITE = stat.S_IWOTH  # a group that may write is a group that shares the workspace
OTHERS_MAY_READ = stat.S_IRWXG | stat.S_IROTH | stat.S_IXOTH
TOKENS = (Path("~/.kaggle/kaggle.json"), Path("~/.kaggle/access_token"), Path("~/.pgpass"))


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
    yield from loose_permissions(workspace)
    yield _sqlite()
    yield _disk_kind(workspace)
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


def loose_permissions(workspace: Workspace) -> Iterator[Finding]:
    """Yield what others may change or read that they should not: the workspace, its files, tokens."""
    mode = stat.S_IMODE(workspace.root.stat().st_mode)
    loose = [path for path in (workspace.root, *_watched(workspace)) if _mode(path) & OTHERS_MAY_WRITE]
    if loose:
        more = f" and {len(loose) - 1} more" if len(loose) > 1 else ""
        yield Finding(
            subject="folder", level="bad", mend=f"chmod -R o-w {workspace.root}",
            seen=f"{loose[0]} may be changed by others (mode {_mode(loose[0]):o}){more}",
        )  # fmt: skip
    elif mode & OTHERS_MAY_READ:
        yield Finding(
            subject="folder", level="note", seen=f"others here may look into {workspace.root} (mode {mode:o})",
            mend=f"chmod 700 {workspace.root} unless that is meant",
        )  # fmt: skip
    else:
        yield Finding(subject="folder", level="good", seen=f"mode {mode:o}")
    named = os.environ.get("PGPASSFILE")
    for path in [*(token.expanduser() for token in TOKENS), *([Path(named)] if named else [])]:
        if path.exists() and _mode(path) & (OTHERS_MAY_READ | OTHERS_MAY_WRITE):
            yield Finding(
                subject="token", level="bad", seen=f"{path} may be read by others (mode {_mode(path):o})",
                mend=f"chmod 600 {path}",
            )  # fmt: skip


def _watched(workspace: Workspace) -> Iterator[Path]:
    """Yield the files and folders whose owner alone should change them."""
    yield from (path for path in workspace.root.iterdir() if path.name.startswith(("experiments.db", "keeper")))
    for folder in (workspace.runs, workspace.submissions):
        if folder.is_dir():
            yield folder
            yield from folder.iterdir()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _disk_kind(workspace: Workspace) -> Finding:
    kind = filesystem(workspace.root)
    if on_network(workspace.root):
        return Finding(
            subject="file system", level="note", seen=f"{kind}: a disk of another machine, or one that may be",
            mend="records do without a write-ahead log here and are slower; a local folder serves them best",
        )  # fmt: skip
    return Finding(subject="file system", level="good", seen=kind or "unknown")


def _sqlite() -> Finding:
    seen, sound = sqlite_version()
    if not sound:
        return Finding(
            subject="sqlite", level="note", seen=f"{seen} may damage a write-ahead log that two programs reset at once",
            mend="3.51.3 mends it; whaletui rebuild makes the database again from runs/",
        )  # fmt: skip
    return Finding(subject="sqlite", level="good", seen=seen)


def _database_and_data(workspace: Workspace) -> Iterator[Finding]:
    on_server = Store(workspace).dialect == "postgresql"
    if not on_server and not workspace.database.exists():
        yield Finding(subject="database", level="note", seen="none yet", mend="whaletui init --data DIR")
        return
    try:
        if on_server:
            yield from _server(workspace)
        elif wrong := what_is_wrong(workspace):
            mend = "whaletui rebuild makes it again from runs/"
            yield Finding(subject="database", level="bad", seen=f"the database {wrong}", mend=mend)
            return
        records = Records.open(workspace)
        if records.read_only:
            yield Finding(subject="database", level="note", seen=records.read_only)
        counts = records.page(limit=1).counts
        seen = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        yield Finding(subject="database", level="good", seen=seen)
        folder = records.setting("data")
    except WhaleError as error:
        yield Finding(subject="database", level="bad", seen=error.message, mend=error.hint)
        return
    yield _data(folder)


def _server(workspace: Workspace) -> Iterator[Finding]:
    if "PGPASSWORD" in os.environ:
        yield Finding(
            subject="password", level="bad", seen="PGPASSWORD is set, which a keeper does not inherit",
            mend="put it into ~/.pgpass (chmod 600): HOST:PORT:DATABASE:USER:PASSWORD",
        )  # fmt: skip
    found = describe(Store(workspace))
    if found.password_in_url:
        yield Finding(
            subject="password", level="note", seen="WHALETUI_DATABASE_URL holds one, for all of your processes to see",
            mend="put it into ~/.pgpass (chmod 600): HOST:PORT:DATABASE:USER:PASSWORD",
        )  # fmt: skip
    seen = f"PostgreSQL {found.version}, database {found.database} as {found.user}"
    yield Finding(subject="server", level="good", seen=seen)
    if not found.knows_letters:
        yield Finding(
            subject="server", level="note", seen="filters tell É from é: its language knows A to Z alone",
            mend="createdb -T template0 -E UTF8 --locale=C.UTF-8, then whaletui rebuild",
        )  # fmt: skip


def _data(folder: str) -> Finding:
    if not folder:
        return Finding(subject="data", level="note", seen="none chosen", mend="whaletui init --data DIR")
    try:
        dataset = read_dataset(Path(folder))
    except WhaleError as error:
        return Finding(subject="data", level="bad", seen=error.message, mend=error.hint)
    seen = f"{folder}: {len(dataset.train):,} training and {len(dataset.test):,} test photos"
    return Finding(subject="data", level="good", seen=seen)
