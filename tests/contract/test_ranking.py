"""MAP@5 with cases that anyone can verify with a pencil, and top five against a plain sort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.ranking import average_precision, interval, paired_interval, score, slices, top_five


@pytest.mark.parametrize(
    ("guesses", "truth", "worth"),
    [
        ([3, 1, 2, 4, 5], 3, 1.0),
        ([1, 3, 2, 4, 5], 3, 1 / 2),
        ([1, 2, 4, 5, 3], 3, 1 / 5),
        ([1, 2, 4, 5, 6], 3, 0.0),
        ([1, 1, 3, 4, 5], 3, 1 / 3),  # a repeat is worth nothing but keeps its rank
        ([3, 3, 3, 3, 3], 3, 1.0),  # and the right one counts once
        ([1, 2, 4, 5, 6, 3], 3, 0.0),  # the sixth guess is not looked at
        ([7, 3], 3, 1 / 2),  # fewer than five are allowed
    ],
)
def test_what_five_guesses_are_worth(guesses, truth, worth):
    assert average_precision(np.array([guesses]), np.array([truth]))[0] == pytest.approx(worth)


def grader(actual: list[int], predicted: list[int]) -> float:
    """MLE-bench's average precision at 5 for one right answer, told again from its description."""
    hits, total = 0.0, 0.0
    for rank, guess in enumerate(predicted[:5]):
        if guess in actual and guess not in predicted[:rank]:
            hits += 1
            total += hits / (rank + 1)
    return total / min(len(actual), 5)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8), st.integers(0, 6))
def test_worth_is_that_of_the_grader(guesses, truth):
    assert average_precision(np.array([guesses]), np.array([truth]))[0] == pytest.approx(grader([truth], guesses))


def test_score_splits_known_from_new():
    guesses = np.array([[0, 1, 2, 3, 4], [1, 0, 2, 3, 4], [9, 1, 2, 3, 0], [9, 8, 7, 6, 5]])
    found = score(guesses, np.array([0, 0, 0, 9]), new_class=9)
    assert found.map5 == pytest.approx((1 + 1 / 2 + 1 / 5 + 1) / 4)
    assert found.known == pytest.approx((1 + 1 / 2 + 1 / 5) / 3)
    assert found.new == 1.0
    assert (found.photos, found.new_photos) == (4, 1)
    assert found.low <= found.map5 <= found.high


def test_score_of_nothing_is_no_number():
    found = score(np.empty((0, 5), dtype=int), np.empty(0, dtype=int), new_class=0)
    assert np.isnan([found.map5, found.low, found.high, found.known, found.new]).all()


def test_interval_is_that_of_a_bootstrap_done_by_hand():
    worth = np.random.default_rng(1).choice([0, 0.2, 0.5, 1.0], size=400)
    random = np.random.default_rng(2)
    means = [random.choice(worth, size=worth.size).mean() for _ in range(2000)]
    assert interval(worth) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.01)
    assert interval(worth) == interval(worth)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 120))
def test_top_five_is_a_stable_sort_with_nan_last(seed, photos, classes):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 5, (photos, classes)).astype(np.float16)  # many ties
    scores[random.random(scores.shape) < 0.1] = np.nan
    plain = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), axis=1, kind="stable")
    assert (top_five(scores) == plain[:, : min(5, classes)]).all()


def test_top_five_of_no_photo():
    assert top_five(np.empty((0, 9))).shape == (0, 5)


def test_a_difference_that_is_the_same_for_every_whale_has_no_width():
    paired = paired_interval(np.array([1.0, 0.5, 0.25]), np.array([0.5, 0.0, -0.25]), np.array([7, 7, 9]))
    assert (paired.delta, paired.low, paired.high) == (0.5, 0.5, 0.5)
    assert (paired.photos, paired.clusters, paired.is_real) == (3, 2, True)


def test_whales_are_drawn_whole_so_nine_photos_of_one_count_as_one():
    ours, theirs = np.array([1.0] * 9 + [0.0]), np.array([0.0] * 9 + [1.0])
    paired = paired_interval(ours, theirs, np.array([1] * 9 + [2]))
    assert paired.delta == pytest.approx(0.8)
    assert (paired.low, paired.high) == (-1.0, 1.0)  # one draw in four is the second whale twice
    assert not paired.is_real
    alone = paired_interval(ours, theirs, np.arange(10))
    assert alone.is_real  # photo by photo it would look sure


def test_a_difference_of_no_photo_is_none():
    nothing = paired_interval(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))
    assert np.isnan(nothing.delta)
    assert nothing.photos == 0
    assert not nothing.is_real


def test_slices_count_training_photos_and_keep_new_whales_apart():
    worth = np.array([1.0, 0.5, 0.0, 1.0, 0.2, 0.4])
    shots = np.array([1, 1, 2, 7, 5, 0])
    new = np.array([False, False, False, False, False, True])
    found = {part.name: (round(part.map5, 3), part.photos) for part in slices(worth, shots, new)}
    assert found["known"] == (0.54, 5)
    assert found["1"] == (0.75, 2)
    assert found["2"] == (0.0, 1)
    assert found["5+"] == (0.6, 2)
    assert found["new"] == (0.4, 1)
    assert found["3"][1] == 0
