"""Run folders as whaletui keeps them: made whole or not at all, `record.json` in step with the index, deleted whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec

from engine.contract.errors import DiskError, RunFolderError
from engine.contract.rundir import RunDir, read_json, sync_folder, write_atomic, write_json
from engine.contract.spec import RunSpec
from whaletui.records.model import RunRecord, State


class RecordFile(msgspec.Struct, frozen=True, kw_only=True):
    """`record.json`: what the index knows of a run and no other file tells.

    `state`, `reason` and `ended_at` count for a run that ended without being started; else its attempts tell, unless
    the run was queued again (`waits`) or ended in the queue after `attempt`, its newest then.
    """

    id: int
    uuid: str
    name: str
    created_at: float
    position: float = 0.0
    note: str = ""
    star: bool = False
    tags: tuple[str, ...] = ()
    attempt: int = 0
    waits: bool = False
    state: State = State.QUEUED
    reason: str = ""
    ended_at: float | None = None

    @classmethod
    def of(cls, record: RunRecord) -> RecordFile:
        """Return what is written of a record."""
        ended = not record.state.is_active
        return cls(
            id=record.id, uuid=record.uuid, name=record.name, created_at=record.created_at, position=record.position,
            note=record.note, star=record.star, tags=record.tags,
            attempt=record.attempt, waits=record.state is State.QUEUED,
            state=record.state if ended else State.QUEUED, reason=record.reason if ended else "",
            ended_at=record.ended_at if ended else None,
        )  # fmt: skip


def make_folder(folder: Path, spec: RunSpec, record: RunRecord) -> None:
    """Make a run's folder under another name and rename it when it is whole.

    Raises:
        DiskError: there is no room or no right to write; nothing is left behind.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)  # of a program that was killed right here
        partial.mkdir(mode=0o700)
        write_atomic(RunDir(partial).spec_file, spec.to_toml().encode())
        write_json(RunDir(partial).record, RecordFile.of(record))
        os.rename(partial, folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise DiskError(
            f"{folder} could not be made: {error.strerror}", "make room or name another workspace; nothing was recorded"
        ) from error


def write_record(folder: Path, record: RunRecord) -> None:
    """Bring `record.json` in step with the index; raises `DiskError` where it cannot be written."""
    try:
        write_json(RunDir(folder).record, RecordFile.of(record))
    except FileNotFoundError:
        return  # the folder was taken away by hand: the index goes on without it
    except OSError as error:
        raise DiskError(f"{folder / 'record.json'} could not be written: {error.strerror}", "make room") from error


def read_record(folder: Path) -> RecordFile:
    """Read `record.json`; raises `RunFolderError` where it is missing or damaged."""
    found = read_json(RunDir(folder).record, RecordFile)
    if found is None:
        raise RunFolderError(f"{folder} has no record.json", "it tells the run's id; the folder is left as it is")
    return found


def remove_folder(folder: Path) -> int:
    """Delete a run's folder and return the bytes of disk that frees; 0 where there is none.

    Raises:
        DiskError: a part of it could not be deleted.
    """
    doomed = folder.with_name(f".{folder.name}.deleted")
    try:
        os.rename(folder, doomed)  # at once gone for every reader, however long the rest takes
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise DiskError(f"{folder} could not be deleted: {error.strerror}", "see who owns it") from error
    freed = _bytes(doomed)
    try:
        shutil.rmtree(doomed)
    except OSError as error:
        raise DiskError(f"{doomed} could not be deleted whole: {error.strerror}", "delete it by hand") from error
    return freed


def _bytes(folder: Path) -> int:
    """Return what a folder takes on disk, symbolic links not followed."""
    total = 0
    for place, folders, files in os.walk(folder):
        total += sum(os.lstat(os.path.join(place, name)).st_blocks * 512 for name in (*folders, *files))
    return total + folder.lstat().st_blocks * 512
