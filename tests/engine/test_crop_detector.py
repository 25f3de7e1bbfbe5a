"""The detector as a run: a process of its own behind a run folder, boxes for all photos, kept by digest."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from detector_kit import prepared, ran, told, with_boxes

from engine.contract.dataset import Dataset, read_dataset
from engine.contract.errors import DataError, RunFolderError, SpecError, WeightsError
from engine.contract.events import (
    BoxesEvaluated,
    Epoch,
    EventTail,
    EventWriter,
    Failed,
    Finished,
    Saved,
    Started,
    Step,
    Warned,
)
from engine.contract.rundir import RunDir, write_json
from engine.contract.spec import RunSpec
from engine.contract.summary import read_summary
from engine.crop import detect
from engine.crop import fit as fitting
from engine.crop.apply import Box
from engine.crop.boxes import read_table
from engine.crop.detect import all_shots, apply, find_boxes
from engine.crop.job import Found, quiet_environment, side_of
from engine.crop.overlap import overlap
from engine.drawing.dataset import draw_dataset
from engine.training.stopping import StopWish

pytestmark = pytest.mark.timeout(900)  # whole processes; each imports torch, which takes long on a busy machine


def test_a_detector_tells_its_story_in_order(finished: RunDir) -> None:
    kinds = [type(event) for event in told(finished)]
    milestones = [kind for kind in kinds if kind in (Started, Epoch, BoxesEvaluated, Finished)]
    assert milestones == [Started, Epoch, BoxesEvaluated, Epoch, BoxesEvaluated, Finished]
    started = next(event for event in told(finished) if isinstance(event, Started))
    assert started.attempt == 1
    assert started.device == "CPU, 1 thread"
    steps = [event.step for event in told(finished) if isinstance(event, Step)]
    assert steps[-1] == 4  # fourteen boxes in batches of seven, twice
    assert all(np.isfinite(event.loss) for event in told(finished) if isinstance(event, Step))


def test_a_detector_leaves_no_pickle_and_no_litter(finished: RunDir) -> None:
    files = {str(path.relative_to(finished.path)) for path in finished.path.rglob("*") if path.is_file()}
    assert {name for name in files if name.endswith((".pt", ".pkl", ".npy", ".cache", ".yaml"))} == set()
    assert "checkpoint/step-00000004/model.safetensors" in files
    assert not (finished.attempt(1).path / "detector").exists()
    saved = {event.path for event in told(finished) if isinstance(event, Saved)}
    assert saved == {"checkpoint/step-00000004", "boxes.tsv"}


def test_its_summary_holds_what_it_came_to(finished: RunDir) -> None:
    summary = read_summary(finished)
    assert summary is not None
    last = [event for event in told(finished) if isinstance(event, BoxesEvaluated)][-1]
    assert summary.detector is not None
    assert summary.detector.mean_iou == pytest.approx(last.mean_iou)
    assert summary.detector.held_out == last.photos == 1
    assert summary.detector.photos == 15
    assert summary.score.map5 is None
    assert summary.train_photos == 14


def test_it_gives_every_photo_of_train_and_test_a_box_inside(finished: RunDir) -> None:
    dataset = read_dataset(Path(finished.spec().data.folder))
    table = read_table(finished.path / "boxes.tsv", (*dataset.train, *dataset.test))
    assert set(table.boxes) == set(table.confidences) == {*dataset.train, *dataset.test}
    for box in table.boxes.values():
        assert 0 <= box.top < box.bottom <= 32
        assert 0 <= box.left < box.right <= 48


def test_boxes_are_found_once_and_kept_by_the_digest_of_detector_and_photos(
    finished: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = RunDir(shutil.copytree(finished.path, tmp_path / "run"))
    data = Path(shutil.copytree(finished.spec().data.folder, tmp_path / "data"))
    dataset = read_dataset(data)

    class Started(Exception):
        pass

    def refuse(job: object) -> object:
        raise Started

    monkeypatch.setattr(detect, "working", refuse)
    applied = apply(copy, dataset, 0.0, tmp_path / "boxes.tsv", lambda event: None)
    assert applied.cached  # the photos are the same wherever they lie
    assert (tmp_path / "boxes.tsv").read_bytes() == (copy.path / "boxes.tsv").read_bytes()
    shutil.copyfile(data / "train" / "b1.jpg", data / "train" / "a1.jpg")
    with pytest.raises(Started):  # another photo under the same name is looked at anew
        find_boxes(copy, all_shots(dataset), lambda event: None)


@pytest.fixture
def sure_of_some(finished: RunDir, tmp_path: Path) -> tuple[RunDir, Dataset]:
    """A detector whose kept answers are rewritten: photo after photo it is surer, from 0 to 0.7 by 0.05."""
    copy = RunDir(shutil.copytree(finished.path, tmp_path / "sure"))
    (kept,) = (copy.path / "detections").iterdir()
    found = msgspec.json.decode(kept.read_bytes(), type=list[Found])
    told = [
        msgspec.structs.replace(one, box=Box(2, 4, 20, 40), confidence=round(place * 0.05, 2))
        for place, one in enumerate(found)
    ]
    write_json(kept, told)
    return copy, read_dataset(Path(finished.spec().data.folder))


def test_below_the_threshold_photos_stay_whole_and_are_counted(
    sure_of_some: tuple[RunDir, Dataset], tmp_path: Path
) -> None:
    run_dir, dataset = sure_of_some
    applied = apply(run_dir, dataset, 0.2, tmp_path / "boxes.tsv", lambda event: None)
    assert (applied.photos, applied.whole, applied.best) == (15, 4, 0.7)  # 0, 0.05, 0.1 and 0.15 are below
    assert not applied.found_nothing
    table = read_table(tmp_path / "boxes.tsv", (*dataset.train, *dataset.test))
    assert sorted(table.boxes.values()) == [Box(0, 0, 32, 48)] * 4 + [Box(2, 4, 20, 40)] * 11
    assert table.confidences[dataset.train[1]] == 0.05  # a photo that stays whole tells how unsure it is


def test_a_detector_that_finds_nothing_says_so(sure_of_some: tuple[RunDir, Dataset], tmp_path: Path) -> None:
    run_dir, dataset = sure_of_some
    spec = run_dir.spec().with_values({"method.threshold": 0.9})
    events = EventWriter(tmp_path / "events.jsonl")
    telling = fitting._Telling(run_dir.attempt(1), events, StopWish())
    telling(BoxesEvaluated(epoch=1, step=1, map50=0.0, mean_iou=0.3, missed=1, photos=1, seconds=1.0))
    applied = fitting._applied(run_dir, dataset, spec, telling)
    assert applied is not None
    assert applied.whole == applied.photos == 15
    warned = [event.message for event in EventTail(tmp_path / "events.jsonl").read_all() if isinstance(event, Warned)]
    assert "no fluke in any of the 1 held-out photos" in warned[0]
    assert "no fluke in any of 15 photos: its best box has confidence 0.700, below the threshold 0.9" in warned[1]


# What is refused


@pytest.mark.parametrize(
    ("boxes", "changes", "said"),
    [
        (None, {"method.boxes": ""}, "method.boxes names no table"),
        (None, {"method.boxes": "none.csv"}, r"no table of boxes .*none\.csv"),
        ("a1.jpg,8 12 24 36\n", {}, "leaves 1 boxes to learn from"),
        ("a1.jpg,8 12 nan 36\n", {}, "line 2 has the box '8 12 nan 36'"),
        ("zz.jpg,8 12 24 36\n", {}, "line 2 names zz.jpg"),
        ("a1.jpg,50 12 60 36\n", {}, "line 2 .* lies outside of a1.jpg"),
        (None, {"method.holdout": "boxes.csv"}, "both name a1.jpg, 15 photos in all"),
        (None, {"method.weights": "none.pt"}, "method.weights names none.pt"),
        (None, {"training.device": "cuda"}, "torch finds no GPU"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_in_one_sentence(
    tiny_data: Path, tmp_path: Path, boxes: str | None, changes: dict[str, Any], said: str
) -> None:
    with_boxes(tiny_data)
    if boxes is not None:
        (tiny_data / "boxes.csv").write_text(f"fn,bbox\n{boxes}")
    run_dir = prepared(tmp_path / "0003-refused", tiny_data, **changes)
    refused = _refused_by_process(run_dir) if "training.device" in changes else _refused_in_process(run_dir)
    assert re.search(said, refused), refused


def _refused_in_process(run_dir: RunDir) -> str:
    with pytest.raises((DataError, SpecError, WeightsError)) as caught:
        fitting.fit(run_dir, run_dir.attempt(1), EventWriter(run_dir.attempt(1).events), StopWish())
    return str(caught.value)


def _refused_by_process(run_dir: RunDir) -> str:
    assert ran(run_dir) == 1
    last = told(run_dir)[-1]
    assert isinstance(last, Failed)
    assert last.reason == "device"
    return last.message


def test_a_run_that_is_no_detector_and_one_without_weights_are_refused(tiny_data: Path, tmp_path: Path) -> None:
    other = prepared(tmp_path / "a", tiny_data)
    shots = all_shots(read_dataset(tiny_data))
    with pytest.raises(RunFolderError, match="holds no weights"):
        find_boxes(other, shots, lambda event: None)
    other.spec_file.write_text(RunSpec().to_toml())
    with pytest.raises(RunFolderError, match="no run of a detector"):
        find_boxes(other, shots, lambda event: None)


def test_the_detectors_process_asks_nobody_and_keeps_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    seen = quiet_environment(tmp_path)
    assert seen["OMP_NUM_THREADS"] == "3"  # ultralytics sets 1 where nothing is set
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert int(quiet_environment(tmp_path)["OMP_NUM_THREADS"]) >= 1
    assert seen["YOLO_OFFLINE"] == "1"
    assert seen["YOLO_CONFIG_DIR"] == str(tmp_path)


@pytest.mark.parametrize(("size", "side"), [(32, 32), (100, 128), (160, 160), (161, 192)])
def test_the_detector_looks_at_a_square_of_whole_grids(size: int, side: int) -> None:
    assert side_of(RunSpec().with_values({"image.height": size, "image.width": 16})) == side


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_detector_learns_where_drawn_flukes_are(tmp_path: Path) -> None:
    """Better than the mean box, which is all that can be said without looking."""
    draw_dataset(tmp_path / "data", 20, 160, 0, (96, 64))
    dataset = read_dataset(tmp_path / "data")
    run_dir = prepared(tmp_path / "0004-learns", tmp_path / "data", **{
        "method.boxes": "boxes.tsv", "method.threshold": 0.05, "image.height": 64, "image.width": 64,
        "training.epochs": 20, "training.batch": 8, "optimiser.kind": "adamw", "optimiser.learning_rate": 2e-3,
        "optimiser.warmup_epochs": 1.0,
    })  # fmt: skip
    assert ran(run_dir, OMP_NUM_THREADS="2") == 0, run_dir.attempt(1).log.read_text()
    boxes = np.array(list(read_table(tmp_path / "data" / "boxes.tsv", (*dataset.train, *dataset.test)).boxes.values()))
    held = boxes[9::10]
    learnt = np.delete(boxes, np.arange(9, len(boxes), 10), axis=0)
    guess = float(overlap(held, learnt.mean(axis=0)).mean())
    summary = read_summary(run_dir)
    assert summary is not None
    assert summary.detector is not None
    assert summary.detector.mean_iou is not None
    assert summary.detector.mean_iou > guess + 0.1
