"""A run that is killed and gone on with gives what an unbroken one gives, to the last bit."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_run import prepared

from engine.contract.events import Cancelled, Epoch, Evaluated, EventTail, Finished, Started, Step, Warned
from engine.contract.predictions import read_predictions
from engine.contract.rundir import ATTEMPT_VARIABLE, RunDir
from engine.contract.summary import read_summary
from engine.training.checkpoint import newest_checkpoint, read_checkpoint

EVERY_STEP = """
import sys
import engine.training.reporter
engine.training.reporter.STEP_SECONDS = 0.0  # a loss for each step, not the mean of as many as half a second holds
from engine.__main__ import main
sys.exit(main(sys.argv[1:]))
"""

LONG = {"training.epochs": 6, "training.save_minutes": 1e-9, "model.dropout": 0.3, "optimiser.kind": "adamw"}


def attempt(run_dir: RunDir, number: int) -> subprocess.Popen[bytes]:
    """Start an attempt as a launcher does, telling the loss of each step."""
    run_dir.attempt(number).path.mkdir(exist_ok=True)
    environment = os.environ | {ATTEMPT_VARIABLE: str(number), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with open(run_dir.attempt(number).log, "wb") as log:
        return subprocess.Popen(
            [sys.executable, "-c", EVERY_STEP, str(run_dir.path)], env=environment, stdout=log, stderr=log
        )


def finish(run_dir: RunDir, number: int) -> None:
    assert attempt(run_dir, number).wait(timeout=100) == 0, run_dir.attempt(number).log.read_text()


def story(run_dir: RunDir) -> tuple[dict[int, float], dict[int, tuple[float, ...]]]:
    """Return the loss of each step and the figures of each epoch, later attempts over earlier ones."""
    steps: dict[int, float] = {}
    epochs: dict[int, tuple[float, ...]] = {}
    for each in run_dir.attempts():
        for event in EventTail(each.events).read_all():
            if isinstance(event, Started):
                steps = {step: loss for step, loss in steps.items() if step <= event.resumed_step}
            elif isinstance(event, Step):
                steps[event.step] = event.loss
            elif isinstance(event, Epoch):
                epochs[event.epoch] = (event.loss,)
            elif isinstance(event, Evaluated):
                epochs[event.epoch] = (epochs[event.epoch][0], event.loss, event.map5)
    return steps, epochs


def assert_equal(ours: RunDir, unbroken: RunDir) -> None:
    """Fail unless two runs told the same losses and left the same scores and weights, bit by bit."""
    assert story(ours) == story(unbroken)
    for part in ("valid", "test"):
        assert np.array_equal(
            read_predictions(ours.predictions, part).scores, read_predictions(unbroken.predictions, part).scores
        )
    paths = [newest_checkpoint(run_dir.checkpoint) for run_dir in (ours, unbroken)]
    states = [read_checkpoint(path, average=True)[1] for path in paths if path]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])
    told = [read_summary(run_dir) for run_dir in (ours, unbroken)]
    assert told[0] is not None
    assert told[1] is not None
    assert (told[0].score, told[0].best, told[0].loss, told[0].steps) == (
        told[1].score, told[1].best, told[1].loss, told[1].steps
    )  # fmt: skip


def strike(run_dir: RunDir, number: int, draw: random.Random) -> int:
    """Kill an attempt at a moment of its training drawn at random; returns the last step that it told."""
    process = attempt(run_dir, number)
    tail, told, wanted = EventTail(run_dir.attempt(number).events), 0, 0
    deadline = time.monotonic() + 90
    while process.poll() is None:
        assert time.monotonic() < deadline
        for event in tail.read():
            if isinstance(event, Started):
                wanted = event.resumed_step + draw.randint(1, 4)
            if isinstance(event, Step):
                told = event.step
        if told >= wanted > 0 and newest_checkpoint(run_dir.checkpoint):
            threading.Event().wait(draw.uniform(0.0, 0.02))
            process.send_signal(signal.SIGKILL)
        threading.Event().wait(0.002)
    return told


def unbroken_run(folder: Path, data: Path, **changes: Any) -> RunDir:
    run_dir = prepared(folder / "unbroken", data, **LONG | {"training.save_minutes": 0.0} | changes)
    finish(run_dir, 1)
    return run_dir


@pytest.fixture(scope="module")
def unbroken(_drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run that nobody disturbed; with any number of data workers it is the same."""
    return unbroken_run(tmp_path_factory.mktemp("runs"), _drawn_data, **{"training.workers": 0})


@pytest.mark.timeout(300)
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_killed_at_random_steps_and_resumed_it_equals_an_unbroken_run(
    tiny_data: Path, tmp_path: Path, unbroken: RunDir, workers: int
) -> None:
    broken = prepared(tmp_path / "broken", tiny_data, **LONG | {"training.workers": workers})
    draw = random.Random(workers)
    for number in (1, 2):
        assert strike(broken, number, draw) > 0
    finish(broken, 3)
    resumed = [
        event.resumed_step
        for each in broken.attempts()
        for event in EventTail(each.events).read_all()
        if isinstance(event, Started)
    ]
    assert resumed[0] == 0
    assert 0 < resumed[1] < resumed[2]  # it went on, and further each time
    assert_equal(broken, unbroken)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_stopped_gently_it_goes_on_exactly_from_its_last_step(tiny_data: Path, tmp_path: Path) -> None:
    changes = {"training.save_minutes": 0.0, "training.epochs": 40, "optimiser.kind": "sgd", "training.ema": 0.0}
    unbroken = unbroken_run(tmp_path, tiny_data, **changes)
    run_dir = prepared(tmp_path / "stopped", tiny_data, **LONG | changes)
    process = attempt(run_dir, 1)
    tail = EventTail(run_dir.attempt(1).events)
    while not any(isinstance(event, Step) for event in tail.read()):
        assert process.poll() is None, run_dir.attempt(1).log.read_text()
        threading.Event().wait(0.002)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 3
    stopped = tail.read_all()[-1]
    assert isinstance(stopped, Cancelled)
    finish(run_dir, 2)
    started = next(event for event in EventTail(run_dir.attempt(2).events).read_all() if isinstance(event, Started))
    assert started.resumed_step == stopped.step >= 1
    steps, epochs = story(run_dir)
    assert (steps, epochs) == story(unbroken)
    for part in ("valid", "test"):
        ours, theirs = (read_predictions(each.predictions, part).scores for each in (run_dir, unbroken))
        assert np.array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_killed_after_its_last_step_only_answers_again(tiny_data: Path, tmp_path: Path) -> None:
    run_dir = prepared(tmp_path / "run", tiny_data)
    finish(run_dir, 1)
    first = read_predictions(run_dir.predictions, "test").scores.copy()
    before = read_summary(run_dir)
    shutil.rmtree(run_dir.predictions)
    run_dir.summary.unlink()
    finish(run_dir, 2)
    told = EventTail(run_dir.attempt(2).events).read_all()
    assert not [event for event in told if isinstance(event, Step | Epoch)]
    assert isinstance(told[-1], Finished)
    after = read_summary(run_dir)
    assert before is not None
    assert after is not None
    assert (after.score, after.best, after.loss) == (before.score, before.best, before.loss)
    assert np.array_equal(read_predictions(run_dir.predictions, "test").scores, first)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_damaged_checkpoint_is_passed_over_and_said_so(tiny_data: Path, tmp_path: Path) -> None:
    run_dir = prepared(tmp_path / "run", tiny_data, **LONG)
    while len(list(run_dir.checkpoint.glob("step-*"))) < 2:  # two checkpoints stand for a moment or longer
        strike(run_dir, len(run_dir.attempts()) + (newest_checkpoint(run_dir.checkpoint) is not None), random.Random(3))
    older, newer = sorted(run_dir.checkpoint.glob("step-*"))
    content = bytearray((newer / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (newer / "model.safetensors").write_bytes(content)
    number = len(run_dir.attempts()) + 1
    finish(run_dir, number)
    told = EventTail(run_dir.attempt(number).events).read_all()
    started = next(event for event in told if isinstance(event, Started))
    assert started.resumed_step == int(older.name.removeprefix("step-"))
    warned = next(event for event in told if isinstance(event, Warned))
    assert warned.message.endswith(f"is not the file that was written: going on from {older.name}")


def test_a_checkpoint_of_another_spec_is_not_gone_on_with(tiny_data: Path, tmp_path: Path) -> None:
    run_dir = prepared(tmp_path / "run", tiny_data)
    finish(run_dir, 1)
    run_dir.spec_file.write_text(run_dir.spec_file.read_text().replace("epochs = 2", "epochs = 3"))
    assert attempt(run_dir, 2).wait(timeout=60) == 1
    final = EventTail(run_dir.attempt(2).events).read_all()[-1]
    assert "under another spec.toml" in getattr(final, "message", "")
