"""Soft votes by pencil, joined by name or refused by name; submissions checked before they are written."""

from pathlib import Path

import numpy as np
import pytest

from engine.contract.dataset import Dataset
from engine.contract.errors import RunFolderError
from engine.contract.predictions import ClassList, Photos, ScoreWriter, write_classes
from whaletui.ensemble.blend import BLENDS, vote
from whaletui.ensemble.errors import EnsembleError
from whaletui.ensemble.submission import submission_text, write_submission

CLASSES = ("new_whale", "w_1", "w_2", "w_3", "w_4", "w_5")


def member(folder: Path, scores, photos=("a.jpg", "b.jpg"), truth=("w_1", "w_2"), classes=CLASSES) -> tuple[str, Path]:
    write_classes(folder, ClassList(tuple(classes)))
    with ScoreWriter(folder, "valid", Photos(names=tuple(photos), truth=tuple(truth)), len(classes)) as writer:
        writer.append(np.array(scores, dtype=np.float32))
    return folder.name, folder


LOUD = [[0, 0, 60, 0, 0, 0], [0, 0, 60, 0, 0, 0]]
QUIET = [[0, 9, 1, 0, 0, 0], [0, 9, 1, 0, 0, 0]]
THIRD = [[0, 9, 1, 0, 0, 0], [0, 1, 9, 0, 0, 0]]


def test_mean_of_logits_lets_the_loudest_win_and_mean_of_probabilities_does_not(tmp_path):
    folders = [member(tmp_path / "loud", LOUD), member(tmp_path / "quiet", QUIET), member(tmp_path / "third", THIRD)]
    by_logits = vote(folders, [1, 1, 1], "logits", "valid")
    by_probabilities = vote(folders, [1, 1, 1], "probabilities", "valid")
    assert by_logits.guesses[:, 0].tolist() == [2, 2]
    assert by_probabilities.guesses[:, 0].tolist() == [1, 2]


def test_by_pencil(tmp_path):
    first = member(tmp_path / "x", [[0, 4, 2, 0, 0, 0], [0, 1, 0, 0, 0, 0]])
    second = member(tmp_path / "y", [[0, 0, 3, 0, 0, 0], [0, 0, 2, 0, 0, 0]])
    together = vote([first, second], [1, 1], "logits", "valid")  # sums: w_1 4, w_2 5 / w_1 1, w_2 2
    assert together.guesses[:, :2].tolist() == [[2, 1], [2, 1]]
    assert together.score().map5 == pytest.approx((1 / 2 + 1) / 2)
    weighted = vote([first, second], [3, 1], "logits", "valid")  # sums: w_1 12, w_2 9 / w_1 3, w_2 2
    assert weighted.guesses[:, :2].tolist() == [[1, 2], [1, 2]]


def test_a_weight_of_nought_leaves_a_member_out(tmp_path):
    folders = [member(tmp_path / "x", THIRD), member(tmp_path / "y", LOUD)]
    alone = vote(folders[:1], [1], "logits", "valid")
    assert (vote(folders, [2, 0], "logits", "valid").guesses == alone.guesses).all()


def test_rows_are_joined_by_photo_never_by_position(tmp_path):
    scores = np.random.default_rng(0).normal(size=(2, 6))
    straight = [member(tmp_path / "x", scores), member(tmp_path / "y", scores * 2)]
    shuffled = [straight[0], member(tmp_path / "z", scores[::-1] * 2, ("b.jpg", "a.jpg"), ("w_2", "w_1"))]
    assert (
        vote(straight, [1, 1], "logits", "valid").guesses == vote(shuffled, [1, 1], "logits", "valid").guesses
    ).all()


def test_columns_are_joined_by_label_never_by_position(tmp_path):
    scores = np.random.default_rng(0).normal(size=(2, 6))
    shuffled = [5, 2, 0, 1, 4, 3]
    straight = [member(tmp_path / "x", scores), member(tmp_path / "y", scores * 2)]
    moved = [straight[0], member(tmp_path / "z", scores[:, shuffled] * 2, classes=[CLASSES[n] for n in shuffled])]
    for blend in BLENDS:
        assert (vote(straight, [1, 1], blend, "valid").guesses == vote(moved, [1, 1], blend, "valid").guesses).all()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"classes": (*CLASSES[:-1], "w_9")}, "y has other labels than x: 1 missing, such as w_5; 1 more, such as w_9"),
        ({"photos": ("a.jpg", "z.jpg")}, "y scored other photos than x: 1 missing, such as b.jpg"),
        ({"truth": ("w_1", "w_3")}, "different truths"),
    ],
)
def test_members_that_do_not_fit_are_refused_with_the_difference(tmp_path, changes, says):
    folders = [member(tmp_path / "x", LOUD), member(tmp_path / "y", QUIET, **changes)]
    with pytest.raises(EnsembleError) as refusal:
        vote(folders, [1, 1], "logits", "valid")
    assert says in str(refusal.value)


def test_a_member_that_diverged_is_named_with_the_photo(tmp_path):
    folders = [member(tmp_path / "x", LOUD), member(tmp_path / "y", [[0] * 6, [np.nan] * 6])]
    with pytest.raises(EnsembleError, match=r"y scores b\.jpg"):
        vote(folders, [1, 1], "logits", "valid")


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [1, float("nan")]])
def test_weights_that_are_none_are_refused(tmp_path, weights):
    folders = [member(tmp_path / "x", LOUD), member(tmp_path / "y", QUIET)]
    with pytest.raises(EnsembleError, match="weights"):
        vote(folders, weights, "logits", "valid")


def test_no_members_and_no_test_scores(tmp_path):
    with pytest.raises(EnsembleError, match="at least one"):
        vote([], [], "logits", "valid")
    with pytest.raises(RunFolderError, match="no test scores"):
        vote([member(tmp_path / "x", LOUD)], [1], "logits", "test")


def data(tmp_path, test=("b.jpg", "a.jpg"), labels=CLASSES[1:]) -> Dataset:
    photos = tuple(f"{label}.jpg" for label in labels)
    return Dataset(folder=tmp_path, train=photos, labels=tuple(labels), test=tuple(test), header=("Image", "Id"))


GUESSES = np.array([[1, 2, 3, 4, 5], [0, 1, 2, 3, 4]])


def test_a_submission_is_in_the_samples_order(tmp_path):
    written = write_submission(
        tmp_path / "deep" / "s.csv", data(tmp_path), ("a.jpg", "b.jpg"), GUESSES, ClassList(CLASSES)
    )
    text = written.path.read_text()
    assert text == "Image,Id\nb.jpg,new_whale w_1 w_2 w_3 w_4\na.jpg,w_1 w_2 w_3 w_4 w_5\n"
    again = write_submission(tmp_path / "t.csv", data(tmp_path), ("a.jpg", "b.jpg"), GUESSES, ClassList(CLASSES))
    assert (written.rows, written.sha256) == (again.rows, again.sha256)


@pytest.mark.parametrize(
    ("test", "scored", "guesses", "classes", "says"),
    [
        (("a.jpg", "c.jpg"), ("a.jpg", "b.jpg"), GUESSES, CLASSES, "line 3 asks for c.jpg"),
        (("a.jpg",), ("a.jpg", "b.jpg"), GUESSES, CLASSES, "b.jpg was scored, but"),
        (("a.jpg", "b.jpg"), ("a.jpg", "a.jpg"), GUESSES, CLASSES, "scored twice"),
        (("a.jpg", "b.jpg"), ("a.jpg", "b.jpg"), GUESSES[:, :3], CLASSES[:3], "3 guesses a photo from 3 labels"),
        (
            ("a.jpg", "b.jpg"),
            ("a.jpg", "b.jpg"),
            np.array([[1, 2, 3, 4, 5], [0, 1, 1, 3, 4]]),
            CLASSES,
            "b.jpg is given",
        ),
        (("a.jpg", "b.jpg"), ("a.jpg", "b.jpg"), GUESSES, (*CLASSES[:-1], "w_9"), "label 'w_9'"),
    ],
)
def test_a_submission_that_would_be_wrong_is_not_written(tmp_path, test, scored, guesses, classes, says):
    path = tmp_path / "s.csv"
    with pytest.raises(EnsembleError) as refusal:
        write_submission(path, data(tmp_path, test), scored, guesses, ClassList(tuple(classes)))
    assert says in str(refusal.value)
    assert not path.exists()


def test_a_disk_that_refuses_leaves_no_file(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(EnsembleError, match="No space left"):
        write_submission(tmp_path / "s.csv", data(tmp_path), ("a.jpg", "b.jpg"), GUESSES, ClassList(CLASSES))
    assert list(tmp_path.iterdir()) == []


def test_the_same_votes_give_the_same_bytes_each_time(tmp_path):
    scores = np.random.default_rng(0).integers(0, 2, (2, 6))  # ties everywhere
    folders = [member(tmp_path / "x", scores), member(tmp_path / "y", scores[:, ::-1])]
    votes = [vote(folders, [1, 1], "logits", "valid") for _ in range(2)]
    texts = [submission_text(data(tmp_path), one.photos, one.guesses, one.classes) for one in votes]
    assert texts[0] == texts[1]
