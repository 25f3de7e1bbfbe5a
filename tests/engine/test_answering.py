"""Scores, validation and the baselines, by pencil."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from engine.answering.baselines import baseline_scores, constant_guesses, duplicate_guesses
from engine.answering.scores import as_stored, score_photos, write_scores
from engine.answering.validation import Validation
from engine.contract.errors import RunFolderError
from engine.contract.events import Evaluated, EventTail, EventWriter
from engine.contract.predictions import ClassList, Photos, read_predictions, write_classes
from engine.contract.ranking import score, top_five
from engine.contract.spec import TrainingSpec
from engine.models.device import choose_device

CLASSES = ClassList(("new_whale", "w_a", "w_b", "w_c"))
CPU = choose_device(TrainingSpec(device="cpu", precision="float32"))


class Reading(nn.Module):
    """A network whose scores stand in the photo: those of photo i are its first pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.dropout(images[:, 0, 0, : len(CLASSES.names)])


def batches(scores: list[list[float]], size: int = 2) -> list[torch.Tensor]:
    rows = torch.tensor(scores)[:, None, None, :].expand(-1, 3, 2, -1)
    return list(rows.split(size))


def tables(train: list[int], valid: list[int], duplicate_of_valid: list[int]) -> SimpleNamespace:
    return SimpleNamespace(
        classes=CLASSES,
        train=SimpleNamespace(targets=np.array(train)),
        valid=SimpleNamespace(targets=np.array(valid)),
        duplicate_of_valid=np.array(duplicate_of_valid),
    )


# The baselines


def test_the_constant_answer_is_new_whale_then_the_most_photographed() -> None:
    drawn = tables([3, 3, 2, 2, 2, 0, 0, 0, 0], [0], [-1])
    assert constant_guesses(drawn, 2).tolist() == [[0, 2, 3], [0, 2, 3]]  # w_a has no training photo


def test_a_copy_of_a_known_photo_is_answered_with_its_whale() -> None:
    drawn = tables([3, 3, 2, 2, 2, 0, 1], [0], [-1])
    guesses = duplicate_guesses(drawn, np.array([0, -1, 5, 6]))
    assert guesses.tolist() == [[3, 0, 2, 1], [0, 2, 3, 1], [0, 2, 3, 1], [1, 0, 2, 3]]


def test_baselines_score_the_validation_photos() -> None:
    drawn = tables([3, 3, 2, 2, 2, 1], [0, 2, 3, 3], [-1, -1, -1, 1])
    found = baseline_scores(drawn)
    assert found["constant"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 3) / 4)
    assert found["duplicates"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1) / 4)


# Scores


def test_scores_come_in_row_order_in_eval_mode_and_each_batch_is_told() -> None:
    network, ticks = Reading().train(), []
    rows = [[float(row), 0.0, 0.0, 0.0] for row in range(5)]
    found = np.concatenate(list(score_photos(network, batches(rows), CPU, ticks.append)))
    assert found.tolist() == rows  # dropout would have emptied some
    assert found.dtype == np.float32
    assert ticks == [2, 4, 5]


def test_scores_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    photos = Photos(names=("a", "b", "c"))
    write_classes(tmp_path, CLASSES)
    with pytest.raises(RunFolderError, match="2 of 3 rows"):
        write_scores(tmp_path, "test", photos, 4, [np.zeros((2, 4), np.float32)])
    assert [path.name for path in tmp_path.iterdir()] == ["classes.json"]
    table = np.array([[1.0, -1e9, 0.1, 1e9]] * 3, np.float32)
    size = write_scores(tmp_path, "test", photos, 4, [table[:2], table[2:]])
    assert size == (tmp_path / "test.npy").stat().st_size
    assert np.array_equal(read_predictions(tmp_path, "test").scores, as_stored(table))


# Validation


def test_validation_tells_loss_and_map5_of_what_will_be_stored(tmp_path: Path) -> None:
    rows = [
        [0.0, 9.0, 0.0, 0.0],
        [9.0, 8.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 1.0001],  # in float16 a tie, which goes to the first
    ]
    truth, events = np.array([1, 1, 3]), EventWriter(tmp_path / "events.jsonl")
    validation = Validation(batches(rows), truth, CLASSES.new_class, CPU, events, tick=lambda done: None)
    validation(Reading(), epoch=4, step=40)
    events.close()
    (event,) = EventTail(tmp_path / "events.jsonl").read_all()
    assert isinstance(event, Evaluated)
    assert (event.epoch, event.step) == (4, 40)
    assert event.map5 == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert event.map5_known == event.map5
    assert math.isnan(event.map5_new)
    losses = [math.log(math.e**9 + 3) - 9, math.log(math.e**9 + math.e**8 + 2) - 8]
    losses.append(math.log(2 + math.e + math.e**1.0001) - 1.0001)
    assert event.loss == pytest.approx(sum(losses) / 3)
    assert validation.last is not None
    assert score(top_five(validation.last.scores), truth, 0).map5 == validation.last.score.map5


def test_the_best_epoch_is_remembered_and_the_last_one_answers(tmp_path: Path) -> None:
    events = EventWriter(tmp_path / "events.jsonl")
    right, wrong = batches([[0.0, 1.0, 0.0, 0.0]]), batches([[1.0, 0.0, 0.0, 0.0]])
    loader = list(wrong)
    validation = Validation(loader, np.array([1]), 0, CPU, events, tick=lambda done: None)
    for epoch, photos in enumerate((wrong, right, right, wrong), start=1):
        loader[:] = photos
        validation(Reading(), epoch, step=epoch)
    assert (validation.best_epoch, validation.best_map5) == (2, 1.0)
    assert validation.last is not None
    assert (validation.last.epoch, validation.last.score.map5) == (4, 0.5)
