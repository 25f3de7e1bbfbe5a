"""`whaletui crop` and crop.source: boxes are checked before a run is queued; a detector's run stands for its table."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_kit import RecordedLab, draw_whales

from engine.contract.errors import DataError, SpecError
from engine.contract.events import BoxesEvaluated, Finished
from engine.contract.rundir import write_json
from engine.contract.spec import RunSpec
from engine.contract.summary import Best, DetectorFigures, Environment, Figures, Summary
from whaletui import launch
from whaletui.__main__ import main
from whaletui.jobs.outcome import outcome
from whaletui.records.model import State
from whaletui.view.plots import map5_plot
from whaletui.view.runview import RunView, fold
from whaletui.widgets.facts import fact_lines

BOXES = "fn,bbox\n" + "".join(f"photo{number:02d}.png,8 6 34 58\n" for number in range(20))
DETECTOR = {"method.kind": "detector", "method.boxes": "boxes.csv"}


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordedLab:
    """A workspace on drawn data with a table of boxes; nothing is started."""
    lab = RecordedLab(tmp_path / "lab")
    draw_whales(tmp_path / "whales")
    (tmp_path / "whales" / "boxes.csv").write_text(BOXES)
    lab.records.set_setting("data", str(tmp_path / "whales"))
    monkeypatch.setattr(launch, "ensure_keeper", lambda workspace: False)
    monkeypatch.setenv("WHALETUI_CPU_SLOTS", "0")
    return lab


def finished_detector(lab: RecordedLab, name: str = "boxes of mine") -> int:
    """Return the id of a detector's run that was trained and applied."""
    run = lab.start(lab.run(name, **DETECTOR))
    lab.say(run, BoxesEvaluated(epoch=1, step=9, map50=0.9, mean_iou=0.81, missed=1, photos=30, seconds=1.0))
    lab.say(run, Finished(map5=float("nan"), seconds=5.0))
    (lab.workspace.root / run.folder / "boxes.tsv").write_text(BOXES.replace(",", "\t"))
    return lab.end(run, State.FINISHED).id


def queue(lab: RecordedLab, **changes: object) -> RunSpec:
    (run,) = launch.enqueue(lab.records, lab.workspace, [RunSpec().with_values(changes)])
    return run.spec


def test_fit_queues_a_detector_with_whole_paths(room: RecordedLab, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-w", str(room.workspace.root), "crop", "fit", "boxes.csv", "--set", "training.epochs=3"]) == 0
    run = room.records.find("detector")
    assert run.method == "detector"
    assert run.epochs == 3
    assert run.spec.to_values()["method"]["boxes"] == str(room.workspace.root.parent / "whales" / "boxes.csv")
    assert f"queued {run.id}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fn,bbox\nphoto00.png,8 6 34 nan\n", "line 2 has the box '8 6 34 nan'"),
        ("fn,bbox\nphoto00.png,8 60 34 6\n", "line 2 has the box"),
        ("fn,bbox\nnobody.png,8 6 34 58\n", "line 2 names nobody.png"),
        ("fn,bbox\nphoto00.png,41 6 50 58\n", "lies outside of photo00.png"),
    ],
)
def test_bad_boxes_queue_nothing(room: RecordedLab, text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (room.workspace.root.parent / "whales" / "boxes.csv").write_text(text)
    before = len(room.records.active())
    assert main(["-w", str(room.workspace.root), "crop", "fit", "boxes.csv"]) == 1
    assert said in capsys.readouterr().err
    assert len(room.records.active()) == before


def test_a_detector_without_boxes_is_refused(room: RecordedLab) -> None:
    with pytest.raises(SpecError, match=r"method\.boxes names no table"):
        queue(room, **{"method.kind": "detector"})


@pytest.mark.parametrize("named", ["id", "name", "folder"])
def test_crop_source_may_name_a_detectors_run(room: RecordedLab, named: str) -> None:
    run = room.records.run(finished_detector(room))
    source = {"id": str(run.id), "name": run.name, "folder": str(room.workspace.root / run.folder)}[named]
    spec = queue(room, **{"crop.enabled": True, "crop.source": source, "model.weights": "none"})
    assert spec.crop.source == str(room.workspace.root / run.folder / "boxes.tsv")


def test_a_table_that_lies_in_the_data_folder_and_here_is_asked_about(
    room: RecordedLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = room.workspace.root
    (Path(room.records.setting("data")) / "found.csv").write_text(BOXES)
    (here / "found.csv").write_text(BOXES)
    monkeypatch.chdir(here)
    cropped = {"crop.enabled": True, "model.weights": "none"}
    with pytest.raises(SpecError, match=r"crop\.source names found\.csv, which lies in the data folder .* and here"):
        queue(room, **cropped, **{"crop.source": "found.csv"})
    assert queue(room, **cropped, **{"crop.source": "./found.csv"}).crop.source == str((here / "found.csv").resolve())


def test_crop_source_names_other_runs_in_vain(room: RecordedLab) -> None:
    other = room.finished("plain", 0.4)
    waiting = room.run("later", **DETECTOR)
    bare = finished_detector(room, "bare")
    (room.workspace.root / room.records.run(bare).folder / "boxes.tsv").unlink()
    for run_id, said in ((other.id, "a classifier"), (waiting.id, "is queued"), (bare, "was not applied")):
        with pytest.raises(SpecError, match=said):
            queue(room, **{"crop.enabled": True, "crop.source": str(run_id), "model.weights": "none"})
    with pytest.raises(SpecError, match="no file"):
        queue(room, **{"crop.enabled": True, "crop.source": "nobody", "model.weights": "none"})


def test_apply_refuses_a_threshold_that_is_none(room: RecordedLab, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = finished_detector(room)
    words = ["-w", str(room.workspace.root), "crop", "apply", str(run_id)]
    assert main([*words, "--threshold", "1.5"]) == 1
    assert "a confidence lies between 0 and 1" in capsys.readouterr().err
    assert main(words) == 1  # a recorded run has no weights
    assert "holds no weights" in capsys.readouterr().err


def test_check_and_convert_go_through_the_engine(
    room: RecordedLab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["-w", str(room.workspace.root), "crop"]
    assert main([*place, "convert", "boxes.csv", str(tmp_path / "labels"), "--form", "yolo"]) == 0
    assert len(list((tmp_path / "labels").iterdir())) == 20
    assert main([*place, "check", str(tmp_path / "labels"), "--json"]) == 0
    assert '"boxes": 20' in capsys.readouterr().out


def test_data_are_told_on_the_command_line(room: RecordedLab, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-w", str(room.workspace.root), "data", "--boxes", "boxes.csv"]) == 0
    told = capsys.readouterr().out
    assert "36 training, 5 test" in told
    assert "20 of 41 photos, 0 of them whole" in told
    assert main(["-w", str(room.workspace.root), "data", "--json"]) == 0
    assert '"train_photos": 36' in capsys.readouterr().out
    assert main(["-w", str(room.workspace.root), "data", "--boxes", "nothing"]) == 1
    assert "neither a table of boxes nor a run" in capsys.readouterr().err


def test_a_detectors_figures_stand_where_others_have_map5(room: RecordedLab) -> None:
    run = room.records.run(finished_detector(room))
    events = [BoxesEvaluated(epoch=1, step=9, map50=0.9, mean_iou=0.81, missed=1, photos=30, seconds=1.0)]
    view = fold(RunView.new(), [*events, Finished(map5=float("nan"), seconds=5.0)])
    assert view.map5 is None
    assert "mean IoU 0.810" in fact_lines(run, view).plain
    assert map5_plot(view, None, None).title == "held-out boxes"
    assert not run.can_vote


def test_a_workspace_without_data_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lab = RecordedLab(tmp_path / "bare")
    for words in (["data"], ["crop", "check", "boxes.csv"]):
        assert main(["-w", str(lab.workspace.root), *words]) == 1
        assert "whaletui init --data DIR" in capsys.readouterr().err
    with pytest.raises(DataError):
        queue(lab, **DETECTOR)


def test_a_finished_detector_says_what_it_came_to_and_its_network(room: RecordedLab) -> None:
    run = room.start(room.run("flukes", **DETECTOR))
    assert run.backbone == "yolov5n"  # and not a backbone that it does not have
    run_dir = room.workspace.run_dir(run.folder)
    room.say(run, Finished(map5=float("nan"), seconds=5.0))
    figures = DetectorFigures(map50=0.912, mean_iou=0.8149, held_out=300, missed=2, photos=9850, whole=41)
    nothing = Figures(map5=None, low=None, high=None, known=None, new=None, photos=300, new_photos=0)
    told = Environment(python="3", torch="2", timm="1", device="CPU", precision="float32", host="h")
    write_json(
        run_dir.summary,
        Summary(
            score=nothing, best=Best(epoch=3, map5=None), baselines={}, detector=figures, epochs=3, steps=9, loss=1.0,
            valid_loss=None, seconds={"total": 5.0}, environment=told, spec_digest="", classes_digest="", classes=1,
            attempt=1, train_photos=500, test_photos=9850, test_copies=0, peak_memory_bytes=1,
        ),
    )  # fmt: skip
    ended = outcome(run_dir, run_dir.attempt(1))
    assert ended is not None
    assert ended.state is State.FINISHED
    assert ended.map5 is None
    assert ended.reason == ("mean IoU 0.815, mAP50 0.912 on 300 held-out boxes; 41 of 9,850 photos stay whole")
