"""What the detector's process is asked to do, and how it is started: jobs go in as a file, events come back by a pipe.

ultralytics is AGPL-3.0, and it changes the process that imports it (threads, signals, files in the home folder). So it
lives in a process of its own, `engine.crop.yolo`, which gets a job as JSON and tells of it in our events, line by line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from engine.contract import errors
from engine.contract.errors import WhaleError
from engine.contract.events import AnyEvent, Failed, decode_event
from engine.contract.method import DetectorMethod
from engine.contract.rundir import write_json
from engine.contract.spec import RunSpec
from engine.crop.apply import Box

GRACE_SECONDS = 10.0


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """A photo: its name, where it lies, and the box that a person drew around its fluke, if one did."""

    name: str
    path: str
    box: Box | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Learn from shots with boxes ("fit"), or find the box of each shot ("detect")."""

    task: str
    spec: RunSpec
    shots: tuple[Shot, ...]
    held: tuple[Shot, ...] = ()  # fit: what is measured on
    weights: str = ""  # fit: a file to start from
    checkpoint: str  # folder: written by "fit", read by "detect"
    results: str = ""  # detect: the JSON file to write
    scratch: str  # folder for what ultralytics wants to write; taken away afterwards


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector says of a photo: the box in its pixels, how certain it is of it, and the photo's size."""

    name: str
    box: Box
    confidence: float
    height: int
    width: int


def method_of(spec: RunSpec) -> DetectorMethod:
    """Return the method of a detector's spec."""
    assert isinstance(spec.method, DetectorMethod), "only a detector's spec comes here"
    return spec.method


def side_of(spec: RunSpec) -> int:
    """Return the pixels of the square that the detector looks at: a multiple of 32, its coarsest grid."""
    return -(-max(spec.image.height, spec.image.width) // 32) * 32


@contextmanager
def working(job: Job) -> Iterator[Iterator[AnyEvent]]:
    """Start the detector's process on a job; inside, iterate over what it tells. Leaving early stops it.

    Raises:
        WhaleError: while iterating: what the process gave up with.
        RuntimeError: it ended without a word; its output stands in the log.
    """
    scratch = Path(job.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    asked = scratch / "job.json"
    write_json(asked, job)
    ear, mouth = os.pipe()
    os.set_inheritable(mouth, True)
    command = [sys.executable, "-m", "engine.crop.yolo", str(asked), str(mouth)]
    # Descriptors are not closed: the lock of the run is among them, and is to be held as long as this process lives.
    # Whatever it prints goes to standard error: that of a command line is for its answer.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=2, env=quiet_environment(scratch), close_fds=False
    )
    os.close(mouth)
    try:
        with os.fdopen(ear, "rb") as lines:
            yield _told(process, lines)
    finally:
        _end(process)


def quiet_environment(scratch: Path) -> dict[str, str]:
    """Return an environment in which ultralytics asks nobody, fetches nothing, and writes into `scratch` alone."""
    threads = os.environ.get("OMP_NUM_THREADS") or str(len(os.sched_getaffinity(0)))  # it would set 1 itself
    return {
        **os.environ, "OMP_NUM_THREADS": threads, "YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_VERBOSE": "0",
        "YOLO_CONFIG_DIR": str(scratch), "MPLCONFIGDIR": str(scratch), "NO_ALBUMENTATIONS_UPDATE": "1",
    }  # fmt: skip


def _told(process: subprocess.Popen[bytes], lines: Iterator[bytes]) -> Iterator[AnyEvent]:
    for line in lines:
        event = decode_event(line)
        if isinstance(event, Failed):
            raise _as_error(event)
        yield event
    if code := process.wait():
        raise RuntimeError(f"the detector's process ended with code {code}: the log tells more")


def _as_error(event: Failed) -> WhaleError:
    """Return the error that the process raised, of the same kind."""
    kinds = {kind.reason: kind for kind in vars(errors).values() if isinstance(kind, type)
             and issubclass(kind, WhaleError)}  # fmt: skip
    return kinds.get(event.reason, WhaleError)(event.message, event.hint)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
