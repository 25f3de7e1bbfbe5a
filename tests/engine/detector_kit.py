"""What tests of the detector share: a run folder as a launcher leaves it, and the engine's process on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from drawn_photos import write_table

from engine.contract.dataset import read_dataset
from engine.contract.events import AnyEvent, EventTail
from engine.contract.rundir import ATTEMPT_VARIABLE, RunDir
from engine.contract.spec import RunSpec

TINY = {
    "method.kind": "detector",
    "method.boxes": "boxes.csv",
    "method.threshold": 0.0,
    "image.height": 32,
    "image.width": 32,
    "training.device": "cpu",
    "training.epochs": 2,
    "training.batch": 7,
}


def prepared(folder: Path, data: Path, **changes: Any) -> RunDir:
    """Return a run folder with its spec and its first attempt, as a launcher leaves it."""
    folder.mkdir(parents=True)
    run_dir = RunDir(folder)
    run_dir.spec_file.write_text(RunSpec().with_values({**TINY, "data.folder": str(data), **changes}).to_toml())
    run_dir.attempt(1).path.mkdir()
    return run_dir


def started(run_dir: RunDir, attempt: int = 1, **environment: str) -> subprocess.Popen[bytes]:
    """Start the run in a process and a session of its own."""
    told = os.environ | {ATTEMPT_VARIABLE: str(attempt), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    run_dir.attempt(attempt).path.mkdir(exist_ok=True)
    with open(run_dir.attempt(attempt).log, "wb") as log:
        command = [sys.executable, "-m", "engine", str(run_dir.path)]
        return subprocess.Popen(
            command, env=told | environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def ran(run_dir: RunDir, attempt: int = 1, **environment: str) -> int:
    """Do the run in a process of its own; return its exit code."""
    return started(run_dir, attempt, **environment).wait()


def told(run_dir: RunDir, attempt: int = 1) -> list[AnyEvent]:
    return EventTail(run_dir.attempt(attempt).events).read_all()


def with_boxes(data: Path) -> Path:
    """Lay a table beside tiny data: the same box for every photo."""
    dataset = read_dataset(data)
    write_table(
        data / "boxes.csv", [(photo, "8 12 24 36") for photo in (*dataset.train, *dataset.test)], ("fn", "bbox")
    )
    return data
