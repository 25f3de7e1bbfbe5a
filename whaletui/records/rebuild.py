"""Makes the database again from the run folders: they say what happened, it is only their index."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from engine.contract.errors import RunFolderError, WhaleError
from engine.contract.events import EventTail
from engine.contract.rundir import RunDir
from whaletui.jobs.liveness import Life, judge
from whaletui.jobs.outcome import event_figures, lost, outcome
from whaletui.jobs.traces import supervisor_of
from whaletui.records import listing, vote_files
from whaletui.records.errors import RecordsError
from whaletui.records.folders import read_record
from whaletui.records.model import EnsembleRecord, Outcome, RunRecord, State, SubmissionRecord
from whaletui.records.published import PUBLISHED
from whaletui.records.records import Records
from whaletui.records.store import Store
from whaletui.records.vote_writing import VoteWriter
from whaletui.records.writing import Writer
from whaletui.workspace import Workspace

SETTINGS = ("data", "competition")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a rebuild. `damaged` holds a sentence for each thing that was left out."""

    runs: int
    damaged: tuple[str, ...]
    moved_to: Path | None  # the old database, None where there was none


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What only the old database knew."""

    settings: dict[str, str] = {}
    ensembles: tuple[EnsembleRecord, ...] = ()
    submissions: tuple[SubmissionRecord, ...] = ()


def rebuild(workspace: Workspace) -> Report:
    """Move the database aside and make it again; ids, names, notes, tags and states are those of the folders.

    Ensembles and submissions have files of their own; those that have none yet are carried over from the old
    database, as settings are, where it can still be read.

    Raises:
        RecordsError: the records are not a file of the workspace, or the old one cannot be moved.
    """
    if not Store(workspace).is_file:
        raise RecordsError("the records are not a file of this workspace", "unset WHALETUI_DATABASE_URL to rebuild it")
    damaged: list[str] = []
    kept = _kept(workspace, damaged)
    moved_to = _move_aside(workspace.database)
    records = Records.open(workspace)
    writer = Writer(records.store)
    found = _runs(workspace, damaged)
    writer.insert([_as_lost(run) for run in found])
    for run in found:
        _revive(writer, workspace, run)
    _carry_over(writer, kept, found)
    _bring_votes(workspace, kept, damaged)
    return Report(runs=len(found), damaged=tuple(damaged), moved_to=moved_to)


def _kept(workspace: Workspace, damaged: list[str]) -> Kept:
    store = Store(workspace)
    if not store.path.exists():
        return Kept()
    try:
        return Kept(
            settings={name: value for name in SETTINGS if (value := listing.setting(store, name))},
            ensembles=tuple(listing.ensembles(store)), submissions=tuple(listing.submissions(store)),
        )  # fmt: skip
    except RecordsError as error:
        damaged.append(f"votes, submissions and settings of the old database: {error.message}")
        return Kept()


def _move_aside(database: Path) -> Path | None:
    if not database.exists():
        return None
    folder = database.with_name(f"{database.name}.backups")
    target = folder / f"before-rebuild-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.db"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for suffix in ("-wal", "-shm", "-journal", ""):  # the database last: until then it can be found again
            part = database.with_name(database.name + suffix)
            if part.exists():
                os.rename(part, target.with_name(target.name + suffix))
    except OSError as error:
        raise RecordsError(f"{database} could not be moved aside: {error.strerror}", "see who owns it") from error
    return target


def _runs(workspace: Workspace, damaged: list[str]) -> list[RunRecord]:
    """Return the runs that the folders tell of; what is wrong with the others is added to `damaged`."""
    taken: dict[int, str] = {}
    found = []
    folders = sorted(path for path in workspace.runs.glob("*") if path.is_dir() and not path.name.startswith("."))
    for folder in folders:
        try:
            run = _run(workspace, folder)
            if run.id in taken or run.id <= len(PUBLISHED):
                owner = taken.get(run.id, "a published result")
                raise RunFolderError(f"{folder} has the id {run.id} of {owner}", "give one of them another")
        except WhaleError as error:
            damaged.append(f"{folder.name}: {error.message}")
            continue
        taken[run.id] = folder.name
        found.append(run)
    return found


def _run(workspace: Workspace, folder: Path) -> RunRecord:
    run_dir = RunDir(folder)
    told, spec, attempt = read_record(folder), run_dir.spec(), run_dir.latest()
    run = RunRecord.of_spec(
        spec, id=told.id, uuid=told.uuid, name=told.name, created_at=told.created_at, position=told.position,
        note=told.note, star=told.star, tags=told.tags, folder=str(folder.relative_to(workspace.root)),
        state=told.state, reason=told.reason, ended_at=told.ended_at,
    )  # fmt: skip
    if attempt is None:
        return run
    run = msgspec.structs.replace(run, attempt=attempt.number)
    found, start = judge(attempt), supervisor_of(attempt)
    if found.life is Life.UNSTARTED:
        return run
    if start is not None:
        run = msgspec.structs.replace(run, slot=start.slot, started_at=start.started_at)
    if found.life.holds_slot or found.life is Life.UNKNOWN:
        figures = {**event_figures(EventTail(attempt.events).read_all()), "seconds": None}
        return _with(run, Outcome(state=State.RUNNING, reason=found.reason, **figures), ended_at=None)
    return _with(run, outcome(run_dir, attempt) or lost(attempt, found.reason))


def _with(run: RunRecord, ended: Outcome, **besides: float | None) -> RunRecord:
    told = {name: value for name, value in msgspec.structs.asdict(ended).items() if value is not None}
    return msgspec.structs.replace(run, **told, **besides)


def _as_lost(run: RunRecord) -> RunRecord:
    """Return a running run as a lost one: `_revive` then gives it its slot in one transaction."""
    return msgspec.structs.replace(run, state=State.LOST) if run.state is State.RUNNING else run


def _revive(writer: Writer, workspace: Workspace, run: RunRecord) -> None:
    start = supervisor_of(workspace.run_dir(run.folder).attempt(run.attempt))
    if run.state is State.RUNNING and start is not None:
        writer.revive(run.id, run.attempt, start.host, (start.slot_id, start.slot), time.time())
        writer.set_reasons({run.id: run.reason})


def _carry_over(writer: Writer, kept: Kept, found: list[RunRecord]) -> None:
    settings = dict(kept.settings)
    if "data" not in settings and found:
        settings["data"] = found[-1].spec.data.folder  # the newest run knows where its photos lay
    for name, value in settings.items():
        writer.set_setting(name, value)


def _bring_votes(workspace: Workspace, kept: Kept, damaged: list[str]) -> None:
    """Write down ensembles and submissions again: what their files say comes before what the old database said."""
    writer = VoteWriter(Store(workspace))
    ensembles = {record.id: record for record in (*kept.ensembles, *vote_files.read_ensembles(workspace, damaged))}
    submissions = {
        record.id: record for record in (*kept.submissions, *vote_files.read_submissions(workspace, damaged))
    }
    for ensemble_id in sorted(ensembles):
        ensemble = ensembles[ensemble_id]
        if not ensemble.file:
            ensemble = msgspec.structs.replace(ensemble, file=vote_files.ensemble_file(ensemble))
            vote_files.write_file(workspace, ensemble)
        writer.put_ensemble(ensemble)
    for submission_id in sorted(submissions):
        writer.put_submission(submissions[submission_id])
        vote_files.write_file(workspace, submissions[submission_id])
