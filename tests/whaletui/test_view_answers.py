"""Runs held against each other on the same photos, read from prediction files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from app_kit import RecordedLab

from engine.contract.predictions import ClassList, Photos, ScoreWriter, write_classes
from whaletui.view.answers import Answers, pair, shots, standings

CLASSES = ("new_whale", "w_1", "w_2")
LABELS = {"a": "w_1", "b": "w_1", "c": "w_2", "d": "new_whale", "e": "w_2", "f": "w_2", "g": "w_3"}


def answers(photos: str, truth: list[str], worth: list[float]) -> Answers:
    return Answers(photos=tuple(photos), truth=tuple(truth), worth=np.array(worth))


def test_photos_are_joined_by_name_and_only_where_both_know_the_same_truth() -> None:
    ours = answers("abcd", ["w_1", "w_1", "w_2", "new_whale"], [1.0, 1.0, 0.5, 0.0])
    theirs = answers("dcbx", ["new_whale", "w_2", "w_9", "w_1"], [1.0, 0.0, 0.0, 0.0])
    paired = pair(ours, theirs, LABELS)
    assert (paired.photos, paired.clusters) == (2, 2)  # c and d; b has another truth
    assert paired.delta == pytest.approx((0.5 - 1.0) / 2)


def test_new_whales_are_clusters_of_their_own_unless_their_label_is_known() -> None:
    truth = ["new_whale"] * 4
    held = answers("degh", truth, [1.0, 0.0, 0.0, 1.0])
    assert pair(held, held, LABELS).clusters == 4  # d is no known whale, e and g are two, h has no label


def test_training_photos_are_those_of_the_table_without_the_validation_photos() -> None:
    held = answers("acd", ["w_1", "w_2", "new_whale"], [0.0, 0.0, 0.0])
    assert shots(held, LABELS).tolist() == [1, 2, 0]


def write(folder: Path, photos: str, best: list[int]) -> Path:
    write_classes(folder, ClassList(CLASSES))
    told = Photos(names=tuple(photos), truth=tuple(["w_1", "w_2", "new_whale", "w_2"][: len(photos)]))
    with ScoreWriter(folder, "valid", told, 3) as writer:
        writer.append(np.eye(3)[best] * 2 + np.array([0.3, 0.2, 0.1]))
    return folder


def test_a_run_without_scores_or_common_photos_says_so(tmp_path: Path) -> None:
    first = write(tmp_path / "1", "abcd", [1, 2, 0, 2])
    second = write(tmp_path / "2", "abcd", [1, 2, 0, 0])
    other = write(tmp_path / "3", "wxyz", [1, 2, 0, 2])
    found = standings([(1, first), (2, second), (3, other), (4, tmp_path / "none")], None)
    assert found[0].paired is None
    assert found[1].paired is not None
    assert found[1].paired.delta == pytest.approx((1 / 3 - 1) / 4)  # w_2 comes third, after new_whale and w_1
    assert "no photo in common" in found[2].problem
    assert "valid" in found[3].problem


def test_the_command_line_tells_the_same(lab: Path) -> None:
    command = [sys.executable, "-m", "whaletui", "-w", str(lab), "compare", "8", "7"]
    told = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    first, second = told["standings"]
    assert first["paired"] is None
    assert second["paired"]["photos"] == 36
    assert second["paired"]["low"] <= second["paired"]["delta"] <= second["paired"]["high"]
    assert {part["name"] for part in second["slices"]} == {"known", "1", "2", "3", "4", "5+", "new"}
    plain = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "is it real?" in plain
    assert RecordedLab(lab).records.run(8).name in plain
