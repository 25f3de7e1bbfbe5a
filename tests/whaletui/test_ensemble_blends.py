"""Blends, temperatures, folds and ensembles within ensembles, with figures that a pencil can follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from votes_kit import labels, tables, write_scores

from engine.contract.errors import RunFolderError
from engine.contract.predictions import read_predictions, widened
from whaletui.ensemble.blend import BLENDS, BlendedTable, calibrate_tables, vote
from whaletui.ensemble.calibration import fit_beta
from whaletui.ensemble.errors import EnsembleError
from whaletui.ensemble.significance import Clusters, Interval, halves_by_id, ids_of
from whaletui.ensemble.tables import AveragedTable, JoinedTable, RunTable, common_photos

SIX = labels(6)


def member(root: Path, name: str, scores, photos=("a.jpg", "b.jpg"), truth=("w_001", "w_002")) -> tuple[str, Path]:
    write_scores(root / name, "valid", scores, photos, truth, SIX)
    return name, root / name


def test_the_mean_rank_knows_places_only(tmp_path):
    first = member(tmp_path, "x", [[0, 900, 5, 4, 3, 2]] * 2)  # places of w_001 to w_003: 1, 2, 3
    second = member(tmp_path, "y", [[0, 1, 3, 2, 0.5, 0.2]] * 2)  # 3, 1, 2
    third = member(tmp_path, "z", [[0, 1, 3, 2, 0.5, 0.2]] * 2)
    ranked = vote([first, second, third], [1, 1, 1], "ranks", "valid")  # w_001 7, w_002 4, w_003 7: the tie by label
    assert ranked.guesses[0].tolist()[:3] == [2, 1, 3]
    assert vote([first, second, third], [1, 1, 1], "logits", "valid").guesses[0, 0] == 1


def test_the_geometric_mean_is_that_of_calibrated_probabilities(tmp_path):
    made = tables(tmp_path, 3)
    fitted = calibrate_tables(made)
    photos, classes = made[0].photos, made[0].classes
    half = halves_by_id(BlendedTable("v", made, [1] * 3, "logits").numbers, 0)
    product = np.ones((len(photos), len(classes.names)))
    for table, weight, one in zip(made, (2, 1, 1), fitted, strict=True):
        scaled = table.reader(photos, classes)(0, len(photos)).astype(np.float64) * one.of_rows(half)[:, None]
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        product *= (powers / powers.sum(axis=1, keepdims=True)) ** (weight / 4)
    ours = BlendedTable("v", made, [2, 1, 1], "geometric", fitted).vote()
    assert (ours.guesses == np.argsort(-product, axis=1)[:, :5]).all()


def test_calibration_gives_a_soft_voice_the_same_say(tmp_path):
    made = tables(tmp_path, 2, loud=50.0)  # run 0 speaks fifty times softer, and knows as much
    loudest = vote([("1", tmp_path / "1")], [1], "logits", "valid").score().map5
    by_logits = BlendedTable("v", made, [1, 1], "logits").vote().score().map5
    calibrated = BlendedTable("v", made, [1, 1], "probabilities", calibrate_tables(made)).vote().score().map5
    assert by_logits == pytest.approx(loudest, abs=0.01)
    assert calibrated > by_logits + 0.02


def test_beta_is_the_factor_that_was_taken_away():
    random = np.random.default_rng(0)
    logits = random.normal(size=(4000, 8)).astype(np.float32) * 2
    powers = np.exp(logits)
    truth = np.array([random.choice(8, p=row / row.sum()) for row in powers])  # drawn as the logits say
    assert fit_beta(logits, truth) == pytest.approx(1.0, abs=0.06)
    assert fit_beta(logits / 30, truth) == pytest.approx(30.0, rel=0.06)
    assert fit_beta(np.zeros((5, 3), dtype=np.float32), np.zeros(5, dtype=np.int64)) == 1.0
    assert np.isfinite(fit_beta(np.eye(3, dtype=np.float32), np.arange(3)))  # never wrong: no beta is large enough


def test_temperatures_of_validation_photos_are_fitted_without_their_ids(tmp_path):
    made = tables(tmp_path, 1)
    photos, classes = made[0].photos, made[0].classes
    scores = made[0].reader(photos, classes)(0, len(photos))
    truth = BlendedTable("v", made, [1], "logits").numbers
    half = halves_by_id(truth, classes.new_class)
    one = calibrate_tables(made)[0]
    assert one.halves[0] == pytest.approx(fit_beta(scores[half == 1], truth[half == 1]), rel=1e-2)
    known = truth != classes.new_class
    assert not set(truth[known & (half == 0)]) & set(truth[known & (half == 1)])


@pytest.mark.parametrize("blend", BLENDS)
def test_an_ensemble_of_one_ensemble_votes_as_it_does(tmp_path, blend):
    made = tables(tmp_path, 3)
    fitted = calibrate_tables(made)
    inner = BlendedTable("e1", made, [1, 2, 1], blend, fitted)
    outer = BlendedTable("v", [inner], [1], blend, calibrate_tables([inner]))
    assert (outer.vote().guesses == inner.vote().guesses).mean() > 0.999  # equal but for rounding of near ties


def test_folds_are_joined_out_of_fold_and_averaged_for_test(tmp_path):
    one = [[9, 0, 0, 0, 0, 0], [0, 9, 0, 0, 0, 0]]
    two = [[0, 0, 9, 0, 0, 0]]
    for name, scores, photos, truth in (("f0", one, ("a", "c"), ("w_001", "w_001")), ("f1", two, ("b",), ("w_002",))):
        write_scores(tmp_path / name, "valid", scores, photos, truth, SIX)
        write_scores(tmp_path / name, "test", [[1, 2, 3, 4, 5, 6 if name == "f0" else 0]], ("t",), (), SIX)
    joined = JoinedTable("runs", [RunTable.open(name, tmp_path / name, "valid") for name in ("f0", "f1")])
    assert joined.photos == ("a", "c", "b")
    assert joined.reader(("b", "a", "c"), joined.classes)(0, 3).argmax(axis=1).tolist() == [2, 0, 1]
    assert joined.reader(("b", "a", "c"), joined.classes)(1, 3).argmax(axis=1).tolist() == [0, 1]
    averaged = AveragedTable("runs", [RunTable.open(name, tmp_path / name, "test") for name in ("f0", "f1")])
    assert averaged.reader(("t",), averaged.classes)(0, 1).tolist() == [[1, 2, 3, 4, 5, 3]]
    alone = RunTable.open("f0", tmp_path / "f0", "valid")
    assert common_photos([joined, alone]) == ("a", "c")  # beside a run of one fold, its photos count
    with pytest.raises(EnsembleError, match="other photos"):
        common_photos([alone, RunTable.open("f1", tmp_path / "f1", "valid")])


def test_folds_that_share_a_photo_are_refused(tmp_path):
    for name in ("f0", "f1"):
        write_scores(tmp_path / name, "valid", [[0] * 6], ("a",), ("w_001",), SIX)
    with pytest.raises(EnsembleError, match="a validates more than one fold"):
        JoinedTable("runs", [RunTable.open(name, tmp_path / name, "valid") for name in ("f0", "f1")])


@pytest.mark.parametrize("blend", BLENDS)
def test_a_single_class_is_no_trouble(tmp_path, blend):
    for name in ("x", "y"):
        write_scores(tmp_path / name, "valid", [[1.0], [2.0]], ("a", "b"), ("new_whale",) * 2, ("new_whale",))
    voted = vote([(name, tmp_path / name) for name in ("x", "y")], [1, 1], blend, "valid")
    assert voted.guesses.tolist() == [[0], [0]]
    assert voted.score().map5 == 1.0


@pytest.mark.parametrize("damage", ["short", "shape", "truth", "names"])
def test_scores_that_were_edited_by_hand_are_refused_in_a_sentence(tmp_path, damage):
    name, folder = member(tmp_path, "x", [[0] * 6] * 2)
    table = folder / "valid.npy"
    if damage == "short":
        table.write_bytes(table.read_bytes()[:-3])
    elif damage == "shape":
        np.save(table, np.zeros((2, 5), dtype=np.float16))
    elif damage == "truth":
        write_scores(folder, "valid", [[0] * 6] * 2, ("a.jpg", "b.jpg"), ("w_001", "w_900"), SIX)
    else:
        (folder / "valid.json").write_text('{"names": ["a.jpg"')
    with pytest.raises((RunFolderError, EnsembleError)) as refusal:
        vote([(name, folder)], [1], "logits", "valid")
    assert "\n" not in str(refusal.value)


def test_half_floats_are_widened_to_the_bit():
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    assert (widened(finite).view(np.uint32) == finite.astype(np.float32).view(np.uint32)).all()
    assert np.array_equal(widened(every), every.astype(np.float32), equal_nan=True)


def test_single_rows_are_read_as_blocks_are(tmp_path):
    scores = np.random.default_rng(0).normal(size=(7, 6))
    write_scores(tmp_path / "x", "valid", scores, [str(n) for n in range(7)], ["w_001"] * 7, SIX)
    held = read_predictions(tmp_path / "x", "valid")
    assert (held.take(np.array([5, 0, 5])) == held.rows(0, 7)[[5, 0, 5]]).all()


def test_ids_keep_together_and_new_whales_stand_alone():
    truth = np.array([3, 0, 3, 5, 0])
    ids = ids_of(truth, 0)
    assert ids[0] == ids[2]
    assert len(set(ids.tolist())) == 4
    clusters = Clusters(truth, 0)
    for seed in range(5):
        half = clusters.halves(seed)
        assert half[0] == half[2]
        assert sorted(np.bincount(half[[0, 1, 3, 4]], minlength=2).tolist()) == [2, 2]


def test_a_gain_on_one_whale_of_many_photos_is_noise_and_one_everywhere_is_real():
    truth = np.repeat(np.arange(1, 41), 5)
    one_whale = np.where(truth == 7, 1.0, 0.0)
    clusters = Clusters(truth, 0)
    assert not clusters.interval(one_whale).real
    assert clusters.interval(one_whale).mean == pytest.approx(1 / 40)
    everywhere = clusters.interval(np.where(np.arange(200) % 5 == 0, 1.0, 0.0))
    assert everywhere.real
    assert (everywhere.mean, everywhere.low) == (pytest.approx(0.2), pytest.approx(0.2))


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.01, 0.03, "real"), (-0.01, 0.03, "noise"), (0.0, 0.0, "noise"), (-0.07, -0.03, "a loss")],
)
def test_a_gain_is_real_noise_or_a_loss_by_its_interval(low: float, high: float, said: str) -> None:
    assert Interval(mean=(low + high) / 2, low=low, high=high).verdict == said
