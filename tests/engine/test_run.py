"""The engine as whoever launches it sees it: a process, a run folder, and one final event however it ends."""

from __future__ import annotations

import os
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

from engine import __main__ as entry
from engine.contract.errors import RunFolderError
from engine.contract.events import (
    AnyEvent,
    Cancelled,
    Epoch,
    Evaluated,
    EventTail,
    EventWriter,
    Failed,
    Finished,
    Saved,
    Started,
    Step,
)
from engine.contract.predictions import read_copies, read_predictions
from engine.contract.ranking import score, top_five
from engine.contract.rundir import ATTEMPT_VARIABLE, RunDir
from engine.contract.spec import RunSpec
from engine.contract.summary import read_summary
from engine.models import downloads
from engine.run import run
from engine.training import room
from engine.training.checkpoint import newest_checkpoint, read_checkpoint
from engine.training.stopping import StopWish

TINY = {
    "image.height": 32,
    "image.width": 32,
    "data.folds": 2,
    "model.backbone": "timm/test_efficientnet",
    "model.weights": "none",
    "training.device": "cpu",
    "training.precision": "float32",
    "training.epochs": 2,
    "training.batch": 4,
    "training.ema": 0.9,
}


def prepared(folder: Path, data: Path, **changes: Any) -> RunDir:
    """Return a run folder with its spec and its first attempt, as a launcher leaves it."""
    spec = RunSpec().with_values(TINY | {"data.folder": str(data)} | changes)
    folder.mkdir()
    run_dir = RunDir(folder)
    run_dir.spec_file.write_text(spec.to_toml(), encoding="utf-8")
    run_dir.attempt(1).path.mkdir()
    return run_dir


def started(run_dir: RunDir) -> subprocess.Popen[bytes]:
    environment = os.environ | {ATTEMPT_VARIABLE: "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with open(run_dir.attempt(1).log, "wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "engine", str(run_dir.path)], env=environment, stdout=log, stderr=subprocess.STDOUT
        )


def told(run_dir: RunDir) -> list[AnyEvent]:
    tail = EventTail(run_dir.attempt(1).events)
    events = tail.read_all()
    assert tail.damaged == 0
    return events


def ended(run_dir: RunDir, monkeypatch: pytest.MonkeyPatch) -> tuple[int, AnyEvent]:
    """Do the run in this process; return the exit code and the final event, the only one of its kind."""
    monkeypatch.setenv(ATTEMPT_VARIABLE, "1")
    monkeypatch.setattr(StopWish, "listen", lambda self: None)
    code = entry.main([str(run_dir.path)])
    events = told(run_dir)
    assert [type(event) for event in events if isinstance(event, Finished | Failed | Cancelled)] == [type(events[-1])]
    return code, events[-1]


# A whole run


@pytest.fixture(scope="module")
def finished(_drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run of a process of its own that was let finish."""
    run_dir = prepared(tmp_path_factory.mktemp("runs") / "0007-tiny", _drawn_data)
    assert started(run_dir).wait(timeout=100) == 0, run_dir.attempt(1).log.read_text()
    return run_dir


def test_a_run_tells_its_story_in_order_and_finishes(finished: RunDir) -> None:
    events = told(finished)
    kinds = [type(event) for event in events]
    milestones = [kind for kind in kinds if kind in (Started, Epoch, Evaluated, Finished)]
    assert milestones == [Started, Epoch, Evaluated, Epoch, Evaluated, Finished]
    assert kinds[-1] is Finished
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    steps = [event.step for event in events if isinstance(event, Step)]
    assert (steps[0], steps[-1]) == (1, 4)  # seven photos in batches of four, twice
    assert finished.attempt(1).heartbeat.exists()
    assert "finished: MAP@5" in finished.attempt(1).log.read_text()


def test_what_a_run_says_it_saved_is_whole(finished: RunDir) -> None:
    saved = {event.path: event.bytes for event in told(finished) if isinstance(event, Saved)}
    assert set(saved) == {"checkpoint/step-00000004", "predictions/valid.npy", "predictions/test.npy"}
    for part, photos in (("valid", 5), ("test", 3)):
        predictions = read_predictions(finished.predictions, part)
        assert predictions.scores.shape == (photos, 6)
        assert np.isfinite(predictions.scores).all()
        assert saved[f"predictions/{part}.npy"] == predictions.path.stat().st_size
    assert read_predictions(finished.predictions, "test").photos == ("t1.jpg", "t2.jpg", "t3.jpg")
    assert read_copies(finished.predictions) == {"t1.jpg": "w_b"}
    assert not list(finished.path.rglob("*.partial*"))


def test_the_summary_agrees_with_files_and_events(finished: RunDir) -> None:
    summary = read_summary(finished)
    assert summary is not None
    valid = read_predictions(finished.predictions, "valid")
    again = score(top_five(valid.scores), valid.truth_numbers(), valid.classes.new_class)
    final = told(finished)[-1]
    assert isinstance(final, Finished)
    assert summary.score.map5 == pytest.approx(again.map5) == pytest.approx(final.map5)
    assert (summary.epochs, summary.steps, summary.train_photos, summary.test_photos) == (2, 4, 7, 3)
    assert set(summary.baselines) == {"constant", "duplicates"}
    assert summary.spec_digest == finished.spec().digest
    assert summary.classes_digest == valid.classes.digest
    assert set(summary.seconds) == {"building", "reading", "training", "validation", "answering", "total"}
    assert summary.environment.device.startswith("CPU")
    assert summary.environment.packages["torch"] == torch.__version__.split("+")[0]


def test_the_checkpoint_holds_the_weights_and_their_average(finished: RunDir) -> None:
    path = newest_checkpoint(finished.checkpoint)
    assert path is not None
    position, weights = read_checkpoint(path, average=False)
    assert (position.step, position.epoch, position.looks) == (4, 2.0, 2)
    assert [entry.name for entry in finished.checkpoint.iterdir()] == [path.name]
    averaged = read_checkpoint(path, average=True)[1]
    assert weights.keys() == averaged.keys()
    assert not torch.equal(weights["head.linear.weight"], averaged["head.linear.weight"])


def test_the_same_seed_gives_the_same_scores_and_another_one_others(
    finished: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path(finished.spec().data.folder)
    # One thread, as the process had: sums of floats depend on how they are dealt out.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    scores = {}
    for name, seed in (("same", 0), ("other", 1)):
        run_dir = prepared(tmp_path / name, data, seed=seed)
        assert ended(run_dir, monkeypatch)[0] == 0
        scores[name] = read_predictions(run_dir.predictions, "test").scores
    torch.set_num_threads(threads)
    first = read_predictions(finished.predictions, "test").scores
    assert np.array_equal(scores["same"], first)
    assert not np.array_equal(scores["other"], first)


def test_training_teaches(tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"augment.flip.enabled": False, "augment.tone.p": 0.0, "augment.degrade.p": 0.0}
    plain |= {"augment.rotate.enabled": False, "augment.gray.enabled": False, "training.ema": 0.0}
    changes = plain | {"training.epochs": 30, "optimiser.learning_rate": 0.01, "prediction.test": False}
    run_dir = prepared(tmp_path / "run", tiny_data, **changes)
    assert ended(run_dir, monkeypatch)[0] == 0
    losses = [event.loss for event in told(run_dir) if isinstance(event, Epoch)]
    assert losses[-1] < 0.3 < 1.0 < losses[0]
    assert not run_dir.scores("test").exists()


def test_a_trial_stops_after_so_many_steps(tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_dir = prepared(tmp_path / "run", tiny_data, **{"training.max_steps": 3, "training.epochs": 50})
    assert ended(run_dir, monkeypatch)[0] == 0
    summary = read_summary(run_dir)
    assert summary is not None
    assert (summary.steps, summary.epochs) == (3, 2)


def test_validation_photos_are_looked_at_as_often_as_asked_and_at_the_end(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = prepared(tmp_path / "run", tiny_data, **{"training.epochs": 5, "training.validate_every": 2})
    assert ended(run_dir, monkeypatch)[0] == 0
    events = told(run_dir)
    assert [event.epoch for event in events if isinstance(event, Evaluated)] == [2, 4, 5]
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [1, 2, 3, 4, 5]


# Every way to fail


@pytest.mark.parametrize(
    ("changes", "reason", "word"),
    [
        ({"data.folder": "/nowhere"}, "data", "/nowhere"),
        ({"data.folder": ""}, "data", "data.folder"),
        ({"model.backbone": "timm/test_efficientnt"}, "backbone", "test_efficientnt"),
        ({"model.backbone": "timm/test_vit", "image.height": 8 * 2, "model.weights": "/no.pth"}, "weights", "/no.pth"),
        ({"training.device": "cuda"}, "device", "no GPU"),
    ],
)
def test_what_cannot_be_run_fails_with_its_reason(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], reason: str, word: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run_dir = prepared(tmp_path / "run", tiny_data, **changes)
    code, final = ended(run_dir, monkeypatch)
    assert code == 1
    assert isinstance(final, Failed)
    assert final.reason == reason
    assert word in final.message
    assert final.hint
    assert not run_dir.predictions.exists()
    assert not run_dir.summary.exists()


@pytest.mark.timeout(60)
def test_imagenet_weights_without_a_network_fail_before_photos_are_read(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "reachable", lambda address: False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    (tiny_data / "train.csv").unlink()  # would fail too, had it come that far
    run_dir = prepared(tmp_path / "run", tiny_data, **{"model.weights": "imagenet"})
    began_at = time.monotonic()
    code, final = ended(run_dir, monkeypatch)
    assert time.monotonic() - began_at < 10.0
    assert code == 1
    assert isinstance(final, Failed)
    assert final.reason == "weights"
    assert "model.weights" in final.hint


def test_a_damaged_spec_fails_before_torch_is_imported(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    run_dir.spec_file.write_text("[training]\nepochz = 3\n")
    run_dir.attempt(1).path.mkdir()
    program = (
        "import sys; from engine.__main__ import main; code = main(sys.argv[1:])\n"
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    command, environment = [sys.executable, "-c", program, str(tmp_path)], os.environ | {ATTEMPT_VARIABLE: "1"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1, ran.stderr
    final = told(run_dir)[-1]
    assert isinstance(final, Failed)
    assert final.reason == "spec"
    assert "did you mean training.epochs" in final.hint


def test_too_little_room_is_told_before_the_first_step(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.check_room, "__defaults__", (lambda folder: 1000,))
    run_dir = prepared(tmp_path / "run", tiny_data)
    code, final = ended(run_dir, monkeypatch)
    assert code == 1
    assert isinstance(final, Failed)
    assert final.reason == "disk"
    assert not [event for event in told(run_dir) if isinstance(event, Step)]


@pytest.mark.parametrize(
    ("error", "reason", "word"),
    [
        (ZeroDivisionError("by zero\nsecond line"), "crash", "ZeroDivisionError: by zero"),
        (torch.cuda.OutOfMemoryError("tried to allocate"), "cuda_oom", "GPU"),
        (MemoryError(), "oom", "memory"),
        (OSError(28, "No space left on device"), "disk", "No space left"),
    ],
)
def test_whatever_is_raised_becomes_a_final_event(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd, error: Exception, reason: str, word: str
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("engine.run.load_tables", broken)
    run_dir = prepared(tmp_path / "run", tiny_data, **{"training.batch": 4})
    code, final = ended(run_dir, monkeypatch)
    assert code == 1
    assert isinstance(final, Failed)
    assert final.reason == reason
    assert word in final.message
    assert "second line" not in final.message
    if reason in ("cuda_oom", "oom"):
        assert final.hint == "training.batch is 4 and the photos are 32x32: make either smaller"
    assert "Traceback" in capfd.readouterr().err


# Stopping


def test_a_stopped_run_saves_what_it_has_and_says_so(tiny_data: Path, tmp_path: Path) -> None:
    run_dir = prepared(tmp_path / "run", tiny_data, **{"training.epochs": 100_000, "prediction.test": False})
    process = started(run_dir)
    tail = EventTail(run_dir.attempt(1).events)
    seen: list[AnyEvent] = []
    deadline = time.monotonic() + 90.0
    while not any(isinstance(event, Step) for event in seen):
        assert process.poll() is None, run_dir.attempt(1).log.read_text()
        assert time.monotonic() < deadline
        seen += tail.read()
        threading.Event().wait(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 3
    final = told(run_dir)[-1]
    assert isinstance(final, Cancelled)
    assert final.step >= 1
    path = newest_checkpoint(run_dir.checkpoint)
    assert path is not None
    assert read_checkpoint(path, average=False)[0].step == final.step
    assert not run_dir.summary.exists()


def test_a_wish_that_came_before_training_is_granted_before_any_step(tiny_data: Path, tmp_path: Path) -> None:
    run_dir = prepared(tmp_path / "run", tiny_data)
    wish = StopWish()
    wish.asked = True
    events = EventWriter(run_dir.attempt(1).events)
    with entry.Ending(run_dir, events, wish) as ending:
        run(run_dir, run_dir.attempt(1), events, wish)
    assert ending.exit_code == 3
    assert isinstance(told(run_dir)[-1], Cancelled)


# Attempts


def test_an_engine_started_by_hand_makes_its_own_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(ATTEMPT_VARIABLE, raising=False)
    run_dir = RunDir(tmp_path)
    assert entry.own_attempt(run_dir).number == 1
    assert entry.own_attempt(run_dir).number == 2
    monkeypatch.setenv(ATTEMPT_VARIABLE, "7")
    with pytest.raises(RunFolderError, match="no such attempt"):
        entry.own_attempt(run_dir)
    assert entry.main([str(tmp_path)]) == 1
    assert "no such attempt" in capsys.readouterr().err
    assert entry.main([str(tmp_path / "missing")]) == 2
