"""RunDir: where everything of one run lies, and how small files are written so that none is ever half there.

runs/0042-resnet50/
    spec.toml          the frozen spec, written once before the first start
    record.json        what the records know and no other file tells (id, uuid, name, when); for `rebuild`
    attempt-1/         one folder each time the run is started
        lock             a kernel lock (flock) held as long as anything of the attempt lives
        supervisor.json  host, boot id, pid, start time, GPUs
        events.jsonl     what the engine says, line by line
        log.txt          stdout and stderr
        cancel.json      a wish to stop
        exit.json        how it ended, by the supervisor
    checkpoint/        weights, safetensors with a SHA-256 manifest
    predictions/       scores of validation and test photos
    embeddings/        of training, validation and test photos, where they are compared
    summary.json       final figures, baselines, timings, environment
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engine.contract.errors import RunFolderError
from engine.contract.spec import RunSpec

T = TypeVar("T")

ATTEMPT_VARIABLE = "WHALETUI_ATTEMPT"
"""Environment variable by which the launcher tells the engine which attempt folder is its own."""


class Attempt:
    """The folder of one start of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = path / "lock"
        self.supervisor = path / "supervisor.json"
        self.events = path / "events.jsonl"
        self.log = path / "log.txt"
        self.cancel = path / "cancel.json"
        self.exit = path / "exit.json"
        self.heartbeat = path / "heartbeat"

    @property
    def number(self) -> int:
        """1 for the first start of the run."""
        return int(self.path.name.removeprefix("attempt-"))


class RunDir:
    """The folder of one run; making one touches nothing on disk."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.spec_file = self.path / "spec.toml"
        self.record = self.path / "record.json"
        self.summary = self.path / "summary.json"
        self.predictions = self.path / "predictions"
        self.embeddings = self.path / "embeddings"
        self.checkpoint = self.path / "checkpoint"

    def spec(self) -> RunSpec:
        """Read the frozen spec; raises `RunFolderError` where it is missing, `SpecError` where it is refused."""
        try:
            text = self.spec_file.read_bytes()
        except OSError as error:
            raise RunFolderError(
                f"{self.spec_file} cannot be read: {error.strerror}", "a run folder starts with its spec.toml"
            ) from error
        return RunSpec.from_toml(text)

    def attempt(self, number: int) -> Attempt:
        """Return the folder of a start, whether it exists or not."""
        return Attempt(self.path / f"attempt-{number}")

    def attempts(self) -> list[Attempt]:
        """Return the attempts on disk, first start first."""
        found = [entry for entry in self.path.glob("attempt-*") if re.fullmatch(r"attempt-[1-9]\d*", entry.name)]
        return sorted((Attempt(path) for path in found), key=lambda attempt: attempt.number)

    def latest(self) -> Attempt | None:
        """Return the newest attempt, or None where the run was never started."""
        attempts = self.attempts()
        return attempts[-1] if attempts else None

    def scores(self, part: str) -> Path:
        """Return the path of the scores of "valid" or "test"."""
        return self.predictions / f"{part}.npy"


def folder_name(number: int, name: str) -> str:
    """Return a run's folder name, made from our own alphabet whatever the name holds: "0042-resnet50"."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    return f"{number:04d}-{slug}" if slug else f"{number:04d}"


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old one or the new one whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Bring a folder's own entries to disk, so that a rename survives a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, whole or not at all; floats that are no number become null."""
    write_atomic(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def read_json(path: Path, kind: type[T]) -> T | None:
    """Read a JSON file as `kind`; None where there is none yet; raises `RunFolderError` where it is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunFolderError(
            f"{path} cannot be read: {error}", "move it aside; `whaletui rebuild` goes on without it"
        ) from error
