"""Folds joined: each photo once, or a refusal that names what is wrong."""

from pathlib import Path

import numpy as np
import pytest

from engine.contract.crossfold import join_folds, same_but_for_fold
from engine.contract.errors import RunFolderError
from engine.contract.predictions import ClassList, Photos, Predictions, ScoreWriter, read_predictions, write_classes
from engine.contract.spec import RunSpec

LABELS = ("new_whale", "w_a", "w_b")


def fold(folder: Path, photos: tuple[str, ...], first: float, labels=LABELS, truth: bool = True) -> Predictions:
    write_classes(folder, ClassList(labels))
    rows = Photos(names=photos, truth=("w_a",) * len(photos) if truth else ())
    with ScoreWriter(folder, "valid", rows, len(labels)) as writer:
        writer.append(first + np.arange(len(photos) * len(labels), dtype=np.float32).reshape(len(photos), -1))
    return read_predictions(folder, "valid")


def test_folds_are_joined_in_order(tmp_path):
    joined = join_folds([fold(tmp_path / "0", ("a", "b", "c"), 0.0), fold(tmp_path / "1", ("d",), 100.0)])
    assert joined.photos == ("a", "b", "c", "d")
    assert joined.truth_numbers().tolist() == [1, 1, 1, 1]
    blocks = list(joined.blocks(2))
    assert [len(block) for block in blocks] == [2, 1, 1]
    assert np.concatenate(blocks)[:, 0].tolist() == [0.0, 3.0, 6.0, 100.0]


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"photos": ("b",)}, "b was held back by"),
        ({"photos": ("d",), "labels": ("new_whale", "w_b", "w_a")}, "another class list"),
        ({"photos": ("d",), "truth": False}, "no truth"),
    ],
)
def test_what_does_not_belong_together_is_not_joined(tmp_path, other, says):
    with pytest.raises(RunFolderError, match=says):
        join_folds([fold(tmp_path / "0", ("a", "b"), 0.0), fold(tmp_path / "1", first=0.0, **other)])


def test_nothing_is_nothing_to_join():
    with pytest.raises(RunFolderError, match="no fold"):
        join_folds([])


def test_folds_of_one_cross_validation_differ_in_their_fold_alone():
    spec = RunSpec()
    folds = [spec.with_values({"data.fold": number, "name": f"f{number}"}) for number in range(3)]
    assert same_but_for_fold(folds)
    assert len({one.digest_over_folds for one in folds}) == 1
    assert not same_but_for_fold([*folds, folds[0]])
    assert not same_but_for_fold([folds[0], folds[1].with_values({"seed": 1})])
    assert not same_but_for_fold([folds[0], folds[1].with_values({"training.epochs": 3})])
