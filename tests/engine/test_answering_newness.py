"""Known or new: chances that mean what they say, fitted on some whales and judged on others."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.answering.newness import SWEEP, fit, fit_crosswise, parts_by_whale, sweep
from engine.contract.ranking import average_precision, top_five

NEW, CLASSES = 0, 30


def drawn_scores(
    photos: int = 600, new_share: float = 0.4, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return scores whose best one is high for a known whale and low for a new one, and the truth."""
    random = np.random.default_rng(seed)
    truth = np.where(random.random(photos) < new_share, NEW, random.integers(1, CLASSES, photos))
    scores = random.normal(0.0, 1.0, (photos, CLASSES))
    known = truth != NEW
    scores[np.flatnonzero(known), truth[known]] += random.normal(4.0, 1.0, known.sum())
    return scores.astype(np.float32), truth


def test_chances_add_up_to_one_and_new_whale_has_its_own() -> None:
    scores, truth = drawn_scores()
    calibration = fit(scores, truth, NEW, stated_share=0.4)
    assert calibration is not None
    chances = np.exp(calibration(scores))
    assert chances.sum(axis=1) == pytest.approx(1.0, abs=1e-4)
    assert chances[:, NEW].mean() == pytest.approx(0.4, abs=0.03)
    assert chances[truth == NEW, NEW].mean() > chances[truth != NEW, NEW].mean() + 0.3


def test_the_stated_share_moves_the_chance_of_a_new_whale() -> None:
    scores, truth = drawn_scores()
    means = []
    for share in (0.05, 0.4, 0.8):
        calibration = fit(scores, truth, NEW, share)
        assert calibration is not None
        means.append(float(np.exp(calibration(scores)[:, NEW]).mean()))
    assert means == sorted(means)
    assert means[0] < 0.3 < means[1] < 0.5 < means[2]


def test_trap_27_chances_do_not_depend_on_the_scale_of_the_scores() -> None:
    scores, truth = drawn_scores()
    plain, louder = (fit(scores * factor, truth, NEW, 0.4) for factor in (1.0, 10.0))
    assert plain is not None
    assert louder is not None
    assert louder.temperature == pytest.approx(10.0 * plain.temperature, rel=0.05)
    assert louder(scores * 10.0) == pytest.approx(plain(scores), abs=0.1)


def test_known_whales_keep_their_order() -> None:
    scores, truth = drawn_scores()
    calibration = fit(scores, truth, NEW, 0.4)
    assert calibration is not None
    assert np.array_equal(np.argsort(calibration(scores)[:, 1:], axis=1), np.argsort(scores[:, 1:], axis=1))


def test_parts_keep_a_whale_together() -> None:
    _, truth = drawn_scores()
    parts = parts_by_whale(truth, NEW)
    for whale in range(1, CLASSES):
        assert len(set(parts[truth == whale])) == 1
    assert set(parts[truth == NEW]) == {0, 1, 2, 3, 4}


def test_no_photo_is_judged_by_what_it_helped_to_fit() -> None:
    """Changing the answer of a photo changes nothing of its own chances."""
    scores, truth = drawn_scores()
    chances = fit_crosswise(scores, truth, NEW, 0.4)
    photo = int(np.flatnonzero(truth == NEW)[0])
    other = fit_crosswise(np.vstack([scores, scores[:1]])[:-1], truth, NEW, 0.4)
    assert chances is not None
    assert other is not None
    assert np.array_equal(chances, other)
    spoilt = scores.copy()
    spoilt[photo] += 50.0  # would ruin any fit that sees it
    again = fit_crosswise(spoilt, truth, NEW, 0.4)
    assert again is not None
    same_part = (parts_by_whale(truth, NEW) == parts_by_whale(truth, NEW)[photo]) & (np.arange(len(truth)) != photo)
    assert np.array_equal(again[same_part], chances[same_part])
    assert not np.array_equal(again[~same_part], chances[~same_part])


def test_too_few_photos_of_either_kind_are_not_fitted() -> None:
    scores, truth = drawn_scores(photos=40, new_share=0.1)
    assert fit(scores, truth, NEW, 0.1) is None
    assert fit_crosswise(scores, truth, NEW, 0.1) is None
    assert fit(scores[:0], truth[:0], NEW, 0.1) is None


def test_calibration_beats_any_one_place_for_new_whale() -> None:
    scores, truth = drawn_scores(photos=1500)
    chances = fit_crosswise(scores, truth, NEW, 0.4)
    assert chances is not None

    def worth(table: NDArray[np.float32]) -> float:
        return float(average_precision(top_five(table), truth).mean())

    first, second, never = scores.copy(), scores.copy(), scores.copy()
    first[:, NEW], never[:, NEW] = 1e3, -1e3
    second[:, NEW] = np.sort(scores[:, 1:], axis=1)[:, -2] + 1e-3
    assert worth(chances) > max(worth(first), worth(second), worth(never)) + 0.03


def test_the_sweep_agrees_with_the_table_and_ends_with_new_whale_first_or_never() -> None:
    scores, truth = drawn_scores()
    chances = fit_crosswise(scores, truth, NEW, 0.4)
    assert chances is not None
    points = sweep(chances, truth, NEW, stated_share=float((truth == NEW).mean()))
    assert [point.offset for point in points] == SWEEP.tolist()
    (as_is,) = [point for point in points if point.offset == 0.0]
    worth = average_precision(top_five(chances), truth)
    assert as_is.map5 == pytest.approx(worth.mean(), abs=1e-6)
    assert as_is.known == pytest.approx(worth[truth != NEW].mean())
    shares = [point.first_share for point in points]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (pytest.approx(0.0, abs=0.2), pytest.approx(1.0, abs=0.2))
    assert max(point.map5 or 0.0 for point in points) >= as_is.map5 >= max(point.map5 or 0.0 for point in points) - 0.02


def test_the_talks_scores_can_be_calibrated_too() -> None:
    """Most whales share one lowest score there."""
    scores, truth = drawn_scores()
    best = np.sort(scores, axis=1)[:, -5:-4]
    chances = fit_crosswise(np.where(scores >= best, scores, np.float32(-1e4)), truth, NEW, 0.4)
    assert chances is not None
    assert np.isfinite(chances[np.arange(len(truth)), truth]).all() or (chances > -np.inf).any()
