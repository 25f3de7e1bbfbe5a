"""Run folders and prediction files: whole or not there, and never another shape than their names."""

import json

import numpy as np
import pytest

from engine.contract.errors import RunFolderError, SpecError
from engine.contract.predictions import ClassList, Photos, ScoreWriter, read_predictions, write_classes
from engine.contract.rundir import RunDir, folder_name, read_json, write_atomic
from engine.contract.spec import RunSpec


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("resnet50", "0042-resnet50"),
        ("../../etc", "0042-etc"),
        ("-rf $(x); é[/]\x1b[2J", "0042-rf-x-2j"),
        ("🐋", "0042"),
        ("a" * 300, "0042-" + "a" * 40),
    ],
)
def test_folder_names_come_from_our_own_alphabet(name, folder):
    assert folder_name(42, name) == folder


def test_attempts_are_counted_not_sorted_as_words(tmp_path):
    run = RunDir(tmp_path)
    assert run.latest() is None
    for number in (1, 2, 10):
        run.attempt(number).path.mkdir()
    (tmp_path / "attempt-x").mkdir()
    assert [attempt.number for attempt in run.attempts()] == [1, 2, 10]
    assert run.latest().number == 10


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "summary.json"
    write_atomic(path, b"old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_spec_and_a_damaged_one(tmp_path):
    run = RunDir(tmp_path)
    with pytest.raises(RunFolderError, match=r"spec\.toml"):
        run.spec()
    run.spec_file.write_text("x = 1")
    with pytest.raises(SpecError, match="no field 'x'"):
        run.spec()
    run.spec_file.write_text(RunSpec().to_toml())
    assert run.spec() == RunSpec()


def test_damaged_json_names_the_file(tmp_path):
    path = tmp_path / "summary.json"
    assert read_json(path, dict) is None
    path.write_text('{"a":')
    with pytest.raises(RunFolderError, match=r"summary\.json"):
        read_json(path, dict)


CLASSES = ClassList(("new_whale", "w_1", "w_2"))
PHOTOS = Photos(names=("a.jpg", "b.jpg"), truth=("w_2", "new_whale"))


def write_scores(folder, scores=((1, 2, 3), (4, 5, np.nan))):
    write_classes(folder, CLASSES)
    with ScoreWriter(folder, "valid", PHOTOS, 3) as writer:
        for row in scores:
            writer.append(np.array([row]))


def test_scores_round_trip_as_float16(tmp_path):
    write_scores(tmp_path, ((1, 2, 1e9), (-1e9, 5, np.nan)))
    read = read_predictions(tmp_path, "valid")
    assert read.photos == PHOTOS.names
    assert read.classes.digest == CLASSES.digest
    assert list(read.truth_numbers()) == [2, 0]
    largest = np.finfo(np.float16).max
    assert np.array_equal(read.rows(0, 2), [[1, 2, largest], [-largest, 5, np.nan]], equal_nan=True)
    assert np.array_equal(read.rows(1, 9), read.rows(0, 2)[1:], equal_nan=True)
    assert read.scores.dtype == np.float16


def test_a_broken_off_write_leaves_nothing(tmp_path):
    def broken_off():
        with ScoreWriter(tmp_path, "valid", PHOTOS, 3) as writer:
            writer.append(np.zeros((1, 3)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    with pytest.raises(RunFolderError, match="1 of 2 rows"):
        write_scores(tmp_path, ((1, 2, 3),))
    assert [entry.name for entry in tmp_path.iterdir()] == ["classes.json"]


def test_missing_cut_and_misshapen_scores_are_refused(tmp_path):
    with pytest.raises(RunFolderError, match="holds no valid scores"):
        read_predictions(tmp_path, "valid")
    write_scores(tmp_path)
    path = tmp_path / "valid.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    with pytest.raises(RunFolderError, match=r"valid\.npy is damaged"):
        read_predictions(tmp_path, "valid")
    np.save(path, np.zeros((2, 4), dtype=np.float16))
    with pytest.raises(RunFolderError, match=r"\(2, 4\).*\(2, 3\)"):
        read_predictions(tmp_path, "valid")
    np.save(path, np.array([{}]), allow_pickle=True)
    with pytest.raises(RunFolderError, match="damaged"):
        read_predictions(tmp_path, "valid")


def test_a_class_list_with_another_digest_is_refused(tmp_path):
    write_scores(tmp_path)
    path = tmp_path / "classes.json"
    values = json.loads(path.read_text())
    values["names"][1] = "w_9"
    path.write_text(json.dumps(values))
    with pytest.raises(RunFolderError, match="digest"):
        read_predictions(tmp_path, "valid")
