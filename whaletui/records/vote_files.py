"""Ensembles and submissions as small files, so that the index can be made again without its old self.

ensembles/0003-best.json            one EnsembleRecord, kept in step with the index
submissions/records/0005.json       one SubmissionRecord, with what the leaderboard said
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from engine.contract.errors import DiskError, RunFolderError
from engine.contract.rundir import folder_name, read_json, write_json
from whaletui.records.model import EnsembleRecord, SubmissionRecord
from whaletui.workspace import Workspace

T = TypeVar("T", EnsembleRecord, SubmissionRecord)


def ensemble_file(record: EnsembleRecord) -> str:
    """Return where an ensemble's file lies in the workspace; it keeps its first name."""
    return record.file or f"ensembles/{folder_name(record.id, record.name)}.json"


def submission_file(record: SubmissionRecord) -> str:
    """Return where a submission's record lies in the workspace."""
    return f"submissions/records/{record.id:04d}.json"


def write_file(workspace: Workspace, record: EnsembleRecord | SubmissionRecord) -> None:
    """Bring the file of a record in step with the index; raises `DiskError` where it cannot be written."""
    name = ensemble_file(record) if isinstance(record, EnsembleRecord) else submission_file(record)
    path = workspace.root / name
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_json(path, record)
    except OSError as error:
        raise DiskError(f"{path} could not be written: {error.strerror}", "make room") from error


def remove_file(workspace: Workspace, record: EnsembleRecord) -> None:
    """Delete the file of an ensemble; one that is gone is as good."""
    try:
        (workspace.root / ensemble_file(record)).unlink(missing_ok=True)
    except OSError as error:
        raise DiskError(f"{ensemble_file(record)} could not be deleted: {error.strerror}", "see who owns it") from error


def read_ensembles(workspace: Workspace, damaged: list[str]) -> list[EnsembleRecord]:
    """Return the ensembles that files tell of; what is wrong with others is added to `damaged`."""
    found = _read(workspace, workspace.ensembles, EnsembleRecord, damaged)
    return [_placed(record, path, workspace) for record, path in found]


def read_submissions(workspace: Workspace, damaged: list[str]) -> list[SubmissionRecord]:
    """Return the submissions that files tell of; what is wrong with others is added to `damaged`."""
    return [record for record, _ in _read(workspace, workspace.submissions / "records", SubmissionRecord, damaged)]


def _placed(record: EnsembleRecord, path: Path, workspace: Workspace) -> EnsembleRecord:
    return msgspec.structs.replace(record, file=str(path.relative_to(workspace.root)))


def _read(workspace: Workspace, folder: Path, kind: type[T], damaged: list[str]) -> list[tuple[T, Path]]:
    found: dict[int, tuple[T, Path]] = {}
    for path in sorted(folder.glob("*.json")):
        if path.name.startswith("."):
            continue
        try:
            record = read_json(path, kind)
        except RunFolderError as error:
            damaged.append(f"{path.name}: {error.message}")
            continue
        if record is None:
            continue  # taken away meanwhile
        if record.id in found or record.id < 1:
            owner = found[record.id][1].name if record.id in found else "nothing that this program wrote"
            damaged.append(f"{path.name}: it has the id {record.id} of {owner}")
            continue
        found[record.id] = (record, path)
    return list(found.values())
