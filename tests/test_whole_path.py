"""The whole path with real processes: from drawn photos and two specs to a checked submission, by the command line."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.drawing import draw_dataset

SMALL = [
    "model.backbone=timm/test_resnet", "model.weights=none", "image.height=32", "image.width=48",
    "training.epochs=1", "training.batch=16", "training.workers=0", "data.folds=3",
]  # fmt: skip


def whaletui(workspace: Path, *words: str, code: int = 0) -> str:
    """Run a command as a person would; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "whaletui", "-w", str(workspace), *words], capture_output=True, text=True
    )
    assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two finished runs."""
    root = tmp_path_factory.mktemp("workspace")
    draw_dataset(root / "data", whales=8, photos=60, size=(64, 40))
    whaletui(root, "init", "--data", str(root / "data"))
    settings = [word for setting in SMALL for word in ("--set", setting)]
    said = whaletui(root, "run", "thumbnails", *settings, "--set", "seed=0,1", "--name", "small", "--wait")
    assert "queued 7" in said
    assert "queued 8" in said
    return root


@pytest.mark.timeout(300)
def test_both_runs_finished_with_figures_and_baselines(workspace):
    runs = json.loads(whaletui(workspace, "ls", "--filter", "name:small", "--sort", "id", "--reverse", "--json"))
    assert [run["id"] for run in runs] == [7, 8]
    for run in runs:
        assert run["state"] == "finished"
        assert 0 <= run["map5_low"] <= run["map5"] <= run["map5_high"] <= 1
        assert run["baseline_constant"] > 0
        assert run["seconds"] > 0
        assert (run["epoch"], run["epochs"], run["backbone"]) == (1, 1, "timm/test_resnet")


def test_the_ensemble_is_scored_and_exported_in_the_samples_order(workspace, tmp_path):
    path = tmp_path / "submission.csv"
    told = json.loads(whaletui(workspace, "ensemble", "7", "8", "--export", str(path), "--json"))
    assert set(told["singles"]) == {"7", "8"}
    assert told["export"] == str(path)
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    with open(workspace / "data" / "sample_submission.csv", newline="") as file:
        sample = list(csv.reader(file))
    assert rows[0] == sample[0]
    assert [row[0] for row in rows] == [row[0] for row in sample]
    assert all(len(set(row[1].split())) == 5 for row in rows[1:])
    first = path.read_bytes()
    whaletui(workspace, "ensemble", "7", "8", "--export", str(path))
    assert path.read_bytes() == first


def test_the_records_can_be_made_again_from_the_folders(workspace):
    whaletui(workspace, "note", "7", "kept [/] \x1b[31m")
    before = json.loads(whaletui(workspace, "ls", "--json"))
    whaletui(workspace, "rebuild")
    assert json.loads(whaletui(workspace, "ls", "--json")) == before


def test_every_listing_speaks(workspace):
    assert "MAP@5" in whaletui(workspace, "compare", "7", "8")
    assert "seed" in whaletui(workspace, "compare", "7", "8")
    assert "training loss" in whaletui(workspace, "curves", "7", "8")
    assert "small" in whaletui(workspace, "show", "7")
    assert whaletui(workspace, "logs", "7") is not None
    assert "nothing runs" in whaletui(workspace, "queue")
    assert "CPU0" in whaletui(workspace, "gpus") or "GPU0" in whaletui(workspace, "gpus")
    assert "data" in whaletui(workspace, "doctor")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "thumbnail"], 1, "did you mean thumbnails"),
        (["run", "thumbnails", "--set", "model.backbone=timm/resnet81"], 1, "resnet18"),
        (["run", "thumbnails", "--set", "training.epoch=3"], 1, "did you mean training.epochs"),
        (["run", "thumbnails", "--set", "training.epochs=0"], 1, "from 1"),
        (["run", "thumbnails", "--set", "model.weights=nowhere.safetensors"], 1, "nowhere.safetensors"),
        (["run", "nowhere.toml"], 1, "nowhere.toml cannot be read"),
        (["init", "--data", "nowhere"], 1, "no folder"),
        (["ls", "--filter", "map6>0.5"], 1, "map6"),
        (["ls", "--sort", "colour"], 1, "colour"),
        (["show", "99"], 1, "99"),
        (["ensemble", "1", "7"], 1, "published"),
        (["ensemble", "7", "7"], 1, "twice"),
        (["ensemble", "7", "--weights", "1", "2"], 1, "2 weights are given for 1"),
        (["delete", "1", "--yes"], 1, ""),
        (["dance"], 2, "no command or folder 'dance'"),
        (["ls", "--limit", "many"], 2, "invalid int"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_recorded(workspace, words, code, says):
    before = whaletui(workspace, "ls", "--json")
    if words == ["dance"]:
        done = subprocess.run([sys.executable, "-m", "whaletui", *words], capture_output=True, text=True)
        assert (done.returncode, says in done.stderr) == (code, True)
    else:
        assert says in whaletui(workspace, *words, code=code)
    assert whaletui(workspace, "ls", "--json") == before
