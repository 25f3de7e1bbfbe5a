"""Nearest photos: against scikit-learn on random data, and the talk's rule by pencil."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from engine.answering.embeddings import spread, what_is_wrong, write_embeddings
from engine.answering.nearest import LEFT_OUT, UNSEEN, Gallery, TalkNeighbours
from engine.contract.ranking import average_precision, score, top_five

NEW = 0


def random_data(
    photos: int, queries: int, classes: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    random = np.random.default_rng(0)
    known, asked = (random.normal(size=(count, 16)).astype(np.float32) for count in (photos, queries))
    return known, asked, random.integers(0, classes, photos)


def test_the_best_cosine_per_whale_equals_scikit_learns() -> None:
    known, asked, targets = random_data(300, 50, classes=40)
    best = Gallery(torch.from_numpy(known), targets, 40).best(torch.from_numpy(asked)).numpy()
    search = NearestNeighbors(n_neighbors=300, metric="cosine").fit(known)
    distances, rows = search.kneighbors(asked)
    for query in range(50):
        for whale in range(40):
            of_whale = targets[rows[query]] == whale
            wanted = 1.0 - distances[query][of_whale].min() if of_whale.any() else UNSEEN
            assert best[query, whale] == pytest.approx(wanted, abs=1e-5)


def test_the_nearest_whales_are_those_of_the_nearest_photos() -> None:
    known, asked, _ = random_data(200, 30, classes=1)
    one_photo_each = np.arange(200)
    best = Gallery(torch.from_numpy(known), one_photo_each, 200).best(torch.from_numpy(asked)).numpy()
    rows = NearestNeighbors(n_neighbors=5, metric="cosine").fit(known).kneighbors(asked, return_distance=False)
    assert np.array_equal(top_five(best), rows)


def test_fewer_than_five_whales_make_fewer_guesses_all_different() -> None:
    known, asked, targets = random_data(20, 7, classes=3)
    guesses = top_five(Gallery(torch.from_numpy(known), targets, 3).best(torch.from_numpy(asked)).numpy())
    assert guesses.shape == (7, 3)
    assert all(len(set(row)) == 3 for row in guesses.tolist())


def test_a_class_without_a_training_photo_is_the_last_to_be_named() -> None:
    known, asked, targets = random_data(20, 7, classes=3)
    table = Gallery(torch.from_numpy(known), targets, 5).best(torch.from_numpy(asked)).numpy()
    assert (table[:, 3:] == UNSEEN).all()
    assert np.isfinite(table).all()
    assert (np.sort(top_five(table), axis=1) == np.arange(5)).all()
    assert (top_five(table)[:, 3:] >= 3).all()


# The talk's rule


def on_a_line(places: list[float], whales: list[int], neighbours: int = 6, new_class: int = NEW) -> TalkNeighbours:
    return TalkNeighbours(np.array(places, np.float32)[:, None], np.array(whales), new_class, neighbours, 0.1)


def asked_at(place: float) -> NDArray[np.float32]:
    return np.array([[place]], np.float32)


def test_the_talks_rule_puts_new_whale_in_at_a_tenth_and_keeps_five_repeats_and_all() -> None:
    talk = on_a_line([0.05, 0.3, 0.2, 0.4, 0.5, 0.6, 9.0], [1, 1, 2, 3, 4, 5, 6])
    guesses, distances = talk.guesses(asked_at(0.0))
    assert guesses.tolist() == [[1, NEW, 2, 1, 3]]
    assert distances[0] == pytest.approx([0.05, 0.1, 0.2, 0.3, 0.4])


def test_the_talks_rule_leaves_new_whale_where_a_neighbour_is_one() -> None:
    talk = on_a_line([0.05, 0.3, 0.2, 0.4], [1, NEW, 2, 3])
    assert talk.guesses(asked_at(0.0))[0].tolist() == [[1, 2, NEW, 3, -1]]


def test_the_talks_guesses_as_a_table_name_each_whale_once_at_its_nearest() -> None:
    talk = on_a_line([0.05, 0.3, 0.2, 0.4, 0.5, 0.6, 9.0], [1, 1, 2, 3, 4, 5, 6])
    (row,) = talk.scores(asked_at(0.0), classes=8)
    assert row[[1, NEW, 2, 3]] == pytest.approx([-0.05, -0.1, -0.2, -0.4])
    assert row[[4, 5, 6, 7]].tolist() == [LEFT_OUT] * 4
    guesses, truth = talk.guesses(asked_at(0.0))[0], np.array([3])
    assert average_precision(guesses, truth) == 1 / 5  # the repeat keeps its place in the talk's own list
    assert average_precision(top_five(row[None]), truth) == 1 / 4


@pytest.mark.parametrize("photos", [1, 2, 4])
def test_the_talks_rule_with_fewer_photos_than_neighbours(photos: int) -> None:
    talk = on_a_line([float(place) for place in range(photos)], list(range(1, photos + 1)))
    table = talk.scores(asked_at(0.0), classes=6)
    assert top_five(table)[0][:2].tolist() == [1, NEW]
    assert score(top_five(table), np.array([1]), NEW).map5 == 1.0


def test_the_talks_rule_without_a_new_whale_class() -> None:
    talk = on_a_line([0.05, 0.3], [1, 2], new_class=-1)
    assert talk.scores(asked_at(0.0), classes=3)[0] == pytest.approx([LEFT_OUT, -0.05, -0.3])


# Collapse


def test_an_embedding_that_is_all_the_same_is_told_and_others_are_not() -> None:
    same = torch.ones(50, 8) + 1e-4 * torch.randn(50, 8)
    assert spread(same) < 0.001
    assert "collapsed" in what_is_wrong(same)
    assert "collapsed" in what_is_wrong(torch.zeros(50, 8))
    assert "no numbers" in what_is_wrong(torch.full((50, 8), torch.nan))
    assert what_is_wrong(torch.randn(50, 8)) == ""
    clustered = torch.nn.functional.normalize(torch.ones(50, 8) + 0.1 * torch.randn(50, 8))
    assert what_is_wrong(clustered) == ""


def test_embeddings_are_written_as_float16_to_be_mapped(tmp_path) -> None:
    rows = torch.tensor([[[1.0, 1e9], [0.5, -2.0]], [[0.0, 1.0], [2.0, 3.0]]])
    written = write_embeddings(tmp_path / "embeddings", "valid", ("a.jpg", "b.jpg"), rows)
    assert [path.name for path in written] == ["valid.npy", "valid-mirrored.npy"]
    mapped = np.load(written[0], mmap_mode="r", allow_pickle=False)
    assert isinstance(mapped, np.memmap)
    assert mapped.dtype == np.float16
    assert mapped.tolist() == [[1.0, 65504.0], [0.5, -2.0]]
    assert sorted(path.name for path in (tmp_path / "embeddings").iterdir()) == [
        "valid-mirrored.npy", "valid.json", "valid.npy",
    ]  # fmt: skip
