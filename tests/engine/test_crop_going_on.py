"""A detector that is struck down goes on after its last whole epoch; what cannot be gone on with is told."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import time
from pathlib import Path

import msgspec
import pytest
from detector_kit import prepared, ran, started, told

from engine.contract.errors import RunFolderError
from engine.contract.events import BoxesEvaluated, Epoch, Phase, Started, Step, Warned
from engine.contract.rundir import RunDir, write_json
from engine.contract.spec import RunSpec
from engine.contract.summary import read_summary
from engine.crop.going_on import GoingOn
from engine.crop.job import Job
from engine.training.checkpoint import read_position

pytestmark = pytest.mark.timeout(900)  # whole processes; each imports torch, which takes long on a busy machine


def test_a_detector_that_was_broken_off_goes_on_after_its_last_whole_epoch(finished: RunDir, tmp_path: Path) -> None:
    run_dir = prepared(
        tmp_path / "0002-broken", finished.path.parent / "data", **{"training.epochs": 4, "prediction.test": False}
    )
    process = started(run_dir)
    deadline = time.monotonic() + 300
    while not (kept := sorted(run_dir.checkpoint.glob("step-*"))):
        assert process.poll() is None, run_dir.attempt(1).log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert {path.name for path in kept[0].iterdir()} == {
        "model.safetensors", "training.safetensors", "state.json", "MANIFEST.json"
    }  # fmt: skip
    newest = sorted(run_dir.checkpoint.glob("step-*"))[-1]
    assert ran(run_dir, 2) == 0, run_dir.attempt(2).log.read_text()
    begun = next(event for event in told(run_dir, 2) if isinstance(event, Started))
    assert begun.resumed_step == int(newest.name.removeprefix("step-")) == 2 * begun.resumed_epoch > 0
    assert any(isinstance(event, Phase) and event.name.startswith("going on after epoch") for event in told(run_dir, 2))
    epochs = [event.epoch for event in told(run_dir, 2) if isinstance(event, Epoch)]
    assert epochs == list(range(int(begun.resumed_epoch) + 1, 5))
    steps = [event.step for event in told(run_dir, 2) if isinstance(event, Step)]
    assert (steps[0] > begun.resumed_step, steps[-1]) == (True, 8)
    assert [path.name for path in run_dir.checkpoint.iterdir()] == ["step-00000008"]
    summary = read_summary(run_dir)
    assert summary is not None
    measured = [event for attempt in (1, 2) for event in told(run_dir, attempt) if isinstance(event, BoxesEvaluated)]
    assert summary.best.epoch in {event.epoch for event in measured if event.mean_iou == max(
        each.mean_iou for each in measured)}  # fmt: skip


def test_a_detector_killed_after_its_training_only_answers_again(finished: RunDir, tmp_path: Path) -> None:
    run_dir = RunDir(Path(shutil.copytree(finished.path, tmp_path / "0003-again")))
    run_dir.summary.unlink()
    assert ran(run_dir, 2) == 0, run_dir.attempt(2).log.read_text()
    first, again = told(run_dir, 1), told(run_dir, 2)
    assert not any(isinstance(event, Epoch | Step) for event in again)
    looks = [[event.mean_iou for event in events if isinstance(event, BoxesEvaluated)] for events in (first, again)]
    assert looks[1] == looks[0][-1:]
    assert read_summary(run_dir) is not None


def test_what_cannot_be_gone_on_with_is_told_or_refused(finished: RunDir, tmp_path: Path) -> None:
    kept = Path(shutil.copytree(finished.checkpoint, tmp_path / "kept"))
    spec = finished.spec()

    def begun(spec: RunSpec) -> GoingOn:
        return GoingOn(Job(task="fit", spec=spec, shots=(), checkpoint=str(kept), scratch=""))

    assert begun(spec).is_trained
    with pytest.raises(RunFolderError, match="saved under another spec"):
        begun(spec.with_values({"image.height": 64}))
    (newest,) = kept.iterdir()
    position = read_position(newest)
    write_json(newest / "state.json", msgspec.structs.replace(position, epoch=1.0))
    manifest = json.loads((newest / "MANIFEST.json").read_bytes())
    state = (newest / "state.json").read_bytes()
    manifest["state.json"] = {"sha256": hashlib.sha256(state).hexdigest(), "bytes": len(state)}
    (newest / "MANIFEST.json").write_text(json.dumps(manifest))
    assert not begun(spec).is_begun  # as an earlier program kept it: without what the optimiser knew
    assert [event.message for event in begun(spec).told if isinstance(event, Warned)] == [
        "step-00000004 holds weights only: training starts anew"
    ]
    (newest / "model.safetensors").write_bytes(b"x")
    (told,) = begun(spec).told
    assert isinstance(told, Warned)
    assert "is not the file that was written: it is passed over" in told.message
