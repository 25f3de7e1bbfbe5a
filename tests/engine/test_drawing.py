"""The drawn data set: Kaggle's shape, the same bytes for a seed, whales that can be told apart."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.contract.dataset import NEW_WHALE, read_dataset
from engine.contract.errors import DataError
from engine.drawing import dataset as drawing
from engine.drawing.dataset import draw_dataset
from engine.drawing.fluke import Fluke, draw_fluke
from engine.drawing.noise import wave_tile
from engine.drawing.photo import draw_photo
from engine.drawing.plan import plan_shots

WHALES, PHOTOS, SIZE = 8, 48, (96, 60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawing") / "data"
    draw_dataset(path, WHALES, PHOTOS, seed=3, size=SIZE)
    return path


def table(path: Path, delimiter: str = ",") -> list[tuple[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return [(row[0], row[1]) for row in csv.reader(file, delimiter=delimiter)][1:]


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    whole = b"".join(str(path.relative_to(folder)).encode() + path.read_bytes() for path in files)
    return hashlib.sha256(whole).hexdigest()


def pixels(path: Path) -> NDArray[np.int64]:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture.astype(np.int64)


def test_the_contract_reads_what_is_drawn(folder: Path) -> None:
    data = read_dataset(folder)
    assert len(data.train) + len(data.test) == PHOTOS
    assert len(data.classes) == WHALES + 1
    assert not set(data.train) & set(data.test)
    assert all(len(label) == 9 for label in data.classes)
    assert {path.name for path in (folder / "train").iterdir()} == set(data.train)
    assert {path.name for path in (folder / "test").iterdir()} == set(data.test)


def test_photos_have_the_size_asked_for_and_differ(folder: Path) -> None:
    shown = [pixels(path) for path in sorted((folder / "train").iterdir())[:6]]
    assert {picture.shape for picture in shown} == {(SIZE[1], SIZE[0], 3)}
    assert all(picture.std() > 10 for picture in shown)
    assert all(np.abs(one - other).mean() > 5 for one, other in pairwise(shown))


def test_answers_name_every_test_photo_and_only_labels_of_training(folder: Path) -> None:
    answers = table(folder / "answers.csv")
    data = read_dataset(folder)
    assert [photo for photo, _ in answers] == list(data.test)
    assert {label for _, label in answers} <= set(data.classes)
    assert NEW_WHALE in {label for _, label in answers}


def test_boxes_lie_inside_every_photo(folder: Path) -> None:
    boxes = table(folder / "boxes.tsv", "\t")
    data = read_dataset(folder)
    assert {photo for photo, _ in boxes} == {*data.train, *data.test}
    for _, box in boxes:
        top, left, bottom, right = map(int, box.split())
        assert 0 <= top < bottom <= SIZE[1]
        assert 0 <= left < right <= SIZE[0]


def test_the_box_holds_what_is_seen_of_the_fluke() -> None:
    cover = draw_fluke(np.random.default_rng(5)).texture[..., 3]
    pink = Fluke(np.dstack([np.full_like(cover, 255), np.zeros_like(cover), np.full_like(cover, 255), cover]))
    tile = wave_tile(np.random.default_rng(0))
    compared = 0
    for seed in range(12):
        picture, (top, left, bottom, right) = draw_photo(np.random.default_rng(seed), pink, tile, (160, 100))
        blue, green, red = cv2.split(picture.astype(np.int64).astype(np.float32))
        found = np.minimum(blue, red) - green > 70
        if found.sum() < 200:  # a grey photo
            continue
        compared += 1
        rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
        assert abs(left - columns[0]) <= 4
        assert abs(right - columns[-1] - 1) <= 4
        assert abs(top - rows[0]) <= 4
        assert rows[-1] < bottom + 4  # foam may hide the lowest part
    assert compared >= 6


def test_the_same_seed_draws_the_same_bytes_and_another_one_others(folder: Path, tmp_path: Path) -> None:
    draw_dataset(tmp_path / "again", WHALES, PHOTOS, seed=3, size=SIZE)
    draw_dataset(tmp_path / "other", WHALES, PHOTOS, seed=4, size=SIZE)
    assert digest(tmp_path / "again") == digest(folder)
    assert digest(tmp_path / "other") != digest(folder)
    assert not set(read_dataset(tmp_path / "other").train) & set(read_dataset(folder).train)


def test_a_whale_looks_like_itself_and_like_no_other() -> None:
    first, again, *others = (draw_fluke(np.random.default_rng(seed)).texture.astype(int) for seed in (1, 1, 2, 3, 4))
    assert (first == again).all()
    assert all(np.abs(first - other).mean() > 5 for other in others)


def test_the_default_plan_has_the_shape_of_the_real_data() -> None:
    shots = plan_shots(np.random.default_rng(0), 60, 500)
    train = Counter(shot.label for shot in shots if shot.part == "train")
    test = Counter(shot.label for shot in shots if shot.part == "test")
    new_in_train, new_in_test = train.pop(NEW_WHALE), test.pop(NEW_WHALE)
    assert len(shots) == 500
    assert len({shot.photo for shot in shots}) == 500
    assert len(train) == 60
    assert sum(count == 1 for count in train.values()) == 15
    assert max(train.values()) > 15
    assert set(test) <= set(train)
    assert 0.12 <= new_in_test / (test.total() + new_in_test) <= 0.20
    assert 0.08 <= (new_in_train + new_in_test) / 500 <= 0.12
    nameless = [shot.whale for shot in shots if shot.label == NEW_WHALE]
    assert len(set(nameless)) == len(nameless)


def test_copies_are_of_the_same_whale_exact_and_saved_anew(folder: Path) -> None:
    shots = {shot.photo: shot for shot in plan_shots(np.random.default_rng([3, drawing.PLAN]), WHALES, PHOTOS)}
    copies = [shot for shot in shots.values() if shot.source]
    assert {shot.reencoded for shot in copies} == {False, True}
    assert any(shot.part == "test" for shot in copies)
    for copy in copies:
        source = shots[copy.source]
        assert (source.part, source.label, source.source) == ("train", copy.label, "")
        paths = folder / copy.part / copy.photo, folder / source.part / source.photo
        assert (paths[0].read_bytes() == paths[1].read_bytes()) is not copy.reencoded
        assert np.abs(pixels(paths[0]) - pixels(paths[1])).mean() < 4


@pytest.mark.parametrize(("whales", "photos"), [(60, 100), (1, 50), (0, 50), (5, 0)])
def test_too_few_photos_or_whales_are_refused(tmp_path: Path, whales: int, photos: int) -> None:
    with pytest.raises(DataError, match="whales"):
        draw_dataset(tmp_path / "data", whales, photos)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="not an empty folder"):
        draw_dataset(tmp_path, WHALES, PHOTOS, size=SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_interrupted_drawing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(drawing, "_write_tables", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw_dataset(tmp_path / "data", 2, 12, size=(48, 32))
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_draws_and_refuses(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "engine.drawing", str(tmp_path / "data")]
    asked = ["--whales", "2", "--photos", "12", "--seed", "1", "--size", "48", "32"]
    drawn = subprocess.run([*command, *asked], capture_output=True, text=True, check=True)
    assert drawn.stdout.startswith("12 photos of 2 whales")
    assert len(read_dataset(tmp_path / "data").train) == 9
    again = subprocess.run([*command, *asked], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "not an empty folder" in again.stderr
