"""Makes the database again from the run folders: they say what happened, it is only their index."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from engine.contract.errors import RunFolderError, WhaleError
from engine.contract.rundir import Attempt, RunDir
from whaletui.jobs.liveness import Life, judge
from whaletui.jobs.outcome import again_words, figures_of, given_up, lost, may_start_again, may_try_again, outcome
from whaletui.jobs.traces import supervisor_of
from whaletui.records import listing, owner, schema, sqlite, vote_files
from whaletui.records.errors import RecordsError
from whaletui.records.folders import read_record
from whaletui.records.model import EnsembleRecord, Outcome, RunRecord, State, SubmissionRecord
from whaletui.records.published import PUBLISHED
from whaletui.records.records import Records
from whaletui.records.refill import OneTransaction, count_on, empty
from whaletui.records.store import Store
from whaletui.records.vote_writing import VoteWriter
from whaletui.records.writing import Writer
from whaletui.workspace import Workspace

SETTINGS = ("data", "competition", owner.SETTING)
REFILL_SECONDS = 600.0
"""How long filling a database on a server may take."""


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

    One on a server is emptied and filled in one transaction, which is also how the records move to a server.

    Ensembles and submissions have files of their own; those that have none yet are carried over from the old
    database, as settings are, where it can still be read.

    Raises:
        RecordsError: the records are not a file of the workspace, or the old one cannot be moved.
    """
    damaged: list[str] = []
    if Store(workspace).dialect == "postgresql":
        return _refill(workspace, damaged)
    if not Store(workspace).is_file:
        raise RecordsError("the records are not a file of this workspace", "unset WHALETUI_DATABASE_URL to rebuild it")
    with schema.only_one(Store(workspace)):  # whoever finds no database now waits until the new one is whole
        kept = _kept(workspace, damaged)
        moved_to = _move_aside(workspace.database)
        try:
            found = _make(workspace, kept, damaged)
        except BaseException:
            _put_back(workspace.database, moved_to)
            raise
    sqlite.choose_journal(workspace.database)
    return Report(runs=len(found), damaged=tuple(damaged), moved_to=moved_to)


def _refill(workspace: Workspace, damaged: list[str]) -> Report:
    """Write everything anew into a database on a server: others see all of it or nothing."""
    store = Records.open(workspace).store  # makes the tables where there are none, and sees whose they are
    store.patience_seconds = REFILL_SECONDS
    with store.writing() as session:
        one = OneTransaction(workspace, session)
        kept = _known_to(one)
        empty(session)
        found = _write(workspace, one, kept, damaged)
        count_on(session)
    return Report(runs=len(found), damaged=tuple(damaged), moved_to=None)


def _make(workspace: Workspace, kept: Kept, damaged: list[str]) -> list[RunRecord]:
    """Make the database under another name and rename it when it is whole; returns the runs in it."""
    store = Store(workspace, workspace.root / "experiments.db.making")
    for left in workspace.root.glob("experiments.db.making*"):
        left.unlink()  # of a program that was killed right here
    schema.make(store)
    found = _write(workspace, store, kept, damaged)
    os.replace(store.path, workspace.database)
    return found


def _write(workspace: Workspace, store: Store, kept: Kept, damaged: list[str]) -> list[RunRecord]:
    """Write down what the folders tell and what was kept; returns the runs."""
    writer = Writer(store)
    found = _runs(workspace, damaged)
    writer.insert([_as_lost(run) for run in found])
    for run in found:
        _revive(writer, workspace, run)
    _carry_over(writer, kept, found)
    _bring_votes(workspace, store, kept, damaged)
    return found


def _kept(workspace: Workspace, damaged: list[str]) -> Kept:
    """Return what only the database knows; from its newest sound copy where it cannot be read any more."""
    copies = [*schema.backups(workspace.database), workspace.database]
    complaint = ""
    for path in reversed([path for path in copies if path.exists()]):
        store = Store(workspace, path)
        try:
            kept = _known_to(store)
        except RecordsError as error:
            complaint = complaint or f"votes, submissions and settings of the old database: {error.message}"
            continue
        if complaint:
            damaged.append(f"{complaint}; those of its copy {path.name} were taken")
        return kept
    if complaint:
        damaged.append(complaint)
    return Kept()


def _known_to(store: Store) -> Kept:
    return Kept(
        settings={name: value for name in SETTINGS if (value := listing.setting(store, name))},
        ensembles=tuple(listing.ensembles(store)), submissions=tuple(listing.submissions(store)),
    )  # fmt: skip


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


def _put_back(database: Path, moved_to: Path | None) -> None:
    """Bring the old database back where no new one could be made."""
    if moved_to is not None and not database.exists():
        for suffix in ("-wal", "-shm", "-journal", ""):
            part = moved_to.with_name(moved_to.name + suffix)
            if part.exists():
                os.rename(part, database.with_name(database.name + suffix))


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
    if start is not None:
        run = msgspec.structs.replace(run, slot=start.slot, started_at=start.started_at)
    if told.waits and told.attempt == attempt.number:  # queued again by hand
        return _waiting(run_dir, run, attempt, told.reason or "to be gone on with")
    if found.life is Life.UNSTARTED and may_start_again(run_dir):
        return run
    if found.life.holds_slot or found.life is Life.UNKNOWN:
        figures = {**figures_of(run_dir, attempt), "seconds": None}
        return _with(run, Outcome(state=State.RUNNING, reason=found.reason, **figures), ended_at=None)
    ended = outcome(run_dir, attempt) or lost(run_dir, attempt, found.reason)
    if told.attempt == attempt.number and told.state is State.CANCELLED and ended.state is not State.FINISHED:
        # it was cancelled while it waited to be tried again or gone on with
        return _with(run, ended, state=told.state, reason=told.reason, ended_at=told.ended_at)
    if ended.state is not State.LOST:
        return _with(run, ended)
    if found.life is Life.UNSTARTED or not may_try_again(run_dir):
        return _with(run, given_up(run_dir, ended))
    return _with(run, ended, state=State.QUEUED, reason=again_words(ended))


def _waiting(run_dir: RunDir, run: RunRecord, attempt: Attempt, reason: str) -> RunRecord:
    """Return a run that was queued again, with the figures of its attempts so far."""
    figures = figures_of(run_dir, attempt)
    return _with(run, Outcome(state=State.QUEUED, reason=reason, **figures), ended_at=None)


def _with(run: RunRecord, ended: Outcome, **besides: float | str | None) -> RunRecord:
    told = {name: value for name, value in msgspec.structs.asdict(ended).items() if value is not None}
    return msgspec.structs.replace(run, **{**told, **besides})


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


def _bring_votes(workspace: Workspace, store: Store, kept: Kept, damaged: list[str]) -> None:
    """Write down ensembles and submissions again: what their files say comes before what the old database said."""
    writer = VoteWriter(store)
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
