"""What photos are like, by pencil: counted on the twelve drawn ones, whose duplicates and labels are known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from drawn_photos import drawn, write_table
from PIL import Image

from engine.contract.dataset import read_dataset
from engine.contract.photo_facts import DataFacts, PhotoFacts
from engine.data import facts as looking
from engine.data.facts import is_grey, look_at, with_boxes


def looked(data: Path, cache: Path) -> DataFacts:
    return look_at(read_dataset(data), cache)


def test_photos_ids_sizes_and_duplicates_by_pencil(tiny_data: Path, tmp_path: Path) -> None:
    found = looked(tiny_data, tmp_path / "cache")
    assert (len(found.train), len(found.test)) == (12, 3)
    assert found.photos_per_id() == {"w_a": 3, "w_b": 2, "w_c": 2, "w_d": 1, "w_e": 1}  # new_whale is no animal
    assert {(photo.height, photo.width) for photo in found.photos} == {(32, 48)}
    groups = [{photo.name for photo in group} for group in found.groups().values()]
    assert sorted(groups, key=min) == [{"a1.jpg", "a3.jpg"}, {"b1.jpg", "t1.jpg"}]
    assert [photo.name for photo in found.copied_test()] == ["t1.jpg"]
    assert found.contradictions() == {}
    assert not any(photo.grey for photo in found.photos)


def test_one_photo_under_two_labels_is_a_contradiction(tiny_data: Path, tmp_path: Path) -> None:
    table = (tiny_data / "train.csv").read_text().replace("a3.jpg,w_a", "a3.jpg,new_whale")
    (tiny_data / "train.csv").write_text(table)
    (group,) = looked(tiny_data, tmp_path / "cache").contradictions().values()
    assert {photo.name: photo.label for photo in group} == {"a1.jpg": "w_a", "a3.jpg": "new_whale"}


def test_a_photo_that_cannot_be_read_is_told_and_the_others_are_looked_at(tiny_data: Path, tmp_path: Path) -> None:
    (tiny_data / "train" / "c1.jpg").write_bytes(b"no photo")
    found = looked(tiny_data, tmp_path / "cache")
    troubled = [photo for photo in found.photos if photo.trouble]
    assert [photo.name for photo in troubled] == ["c1.jpg"]
    assert "c1.jpg cannot be read" in troubled[0].trouble
    assert len(found.groups()) == 2  # groups stay with their own photos, though one has no fingerprint


def test_grey_is_a_photo_without_a_single_colour(tiny_data: Path, tmp_path: Path) -> None:
    grey = np.repeat(drawn(40)[..., :1], 3, axis=2)
    assert is_grey(grey)
    grey[3, 4, 0] ^= 1
    assert not is_grey(grey)
    Image.fromarray(drawn(41)).convert("L").save(tiny_data / "test" / "t2.jpg")
    assert [photo.name for photo in looked(tiny_data, tmp_path / "cache").photos if photo.grey] == ["t2.jpg"]


def test_boxes_and_how_much_they_cover(tiny_data: Path, tmp_path: Path) -> None:
    rows = [("a1.jpg", "0 0 32 48"), ("a2.jpg", "0 0 16 24"), ("b1.jpg", "0 0 32 23"), ("t1.jpg", "-4 0 32 48")]
    write_table(tiny_data / "boxes.csv", rows, ("fn", "bbox"))
    found = with_boxes(looked(tiny_data, tmp_path / "cache"), read_dataset(tiny_data), "boxes.csv")
    assert [photo.name for photo in found.background()] == ["a2.jpg", "b1.jpg"]  # a quarter, then 23 of 48
    assert [photo.covered for photo in found.background()] == pytest.approx([0.25, 23 / 48])
    assert [photo.name for photo in found.photos if photo.whole] == ["a1.jpg", "t1.jpg"]
    assert len(found.mended) == 1
    assert "line 5" in found.mended[0]


def test_photos_are_looked_at_once_until_one_changes(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = looked(tiny_data, tmp_path / "cache")
    with monkeypatch.context() as held:
        held.setattr(looking, "decode", None)  # a second look would fail
        assert looked(tiny_data, tmp_path / "cache") == first
    Image.fromarray(drawn(50)).save(tiny_data / "train" / "d1.jpg")
    assert looked(tiny_data, tmp_path / "cache").digest != first.digest


def test_facts_survive_their_file(tiny_data: Path, tmp_path: Path) -> None:
    found = looked(tiny_data, tmp_path / "cache")
    assert msgspec.json.decode(msgspec.json.encode(found), type=DataFacts) == found
    assert PhotoFacts(name="a", part="test").covered is None


def test_the_process_answers_in_lines(tiny_data: Path, tmp_path: Path) -> None:
    def asked(*words: str) -> tuple[int, list[dict[str, object]]]:
        command = [sys.executable, "-m", "engine.data", *words, "--cache", str(tmp_path / "cache")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    code, lines = asked(str(tiny_data))
    assert code == 0
    assert lines[0]["phase"] == "reading photos"
    result = lines[-1]["result"]
    assert isinstance(result, dict)
    assert len(msgspec.json.decode(Path(result["path"]).read_bytes(), type=DataFacts).photos) == 15
    code, lines = asked(str(tmp_path / "nowhere"))
    assert code == 1
    assert "there is no folder" in str(lines[-1]["error"])
