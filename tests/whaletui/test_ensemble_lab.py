"""The lab scores a choice as the vote in full does; searches are held to photos that they did not choose by."""

from __future__ import annotations

import numpy as np
import pytest
from votes_kit import labels, tables, write_scores

from whaletui.ensemble import lab as lab_module
from whaletui.ensemble.blend import BLENDS, BlendedTable
from whaletui.ensemble.diversity import compare, diversity
from whaletui.ensemble.lab import Lab, places_above, worth_of_place
from whaletui.ensemble.select import Grid, greedy, search, search_weights
from whaletui.ensemble.tables import RunTable

CHOICES = ({0: 1.0}, {0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0}, {1: 3.0, 4: 1.0})


@pytest.mark.parametrize("kept", [6, 64])
@pytest.mark.parametrize("blend", BLENDS)
def test_every_choice_scores_as_its_vote_in_full(tmp_path, monkeypatch, blend, kept):
    monkeypatch.setattr(lab_module, "KEPT", kept)  # with so few, most photos are in doubt and are scored in full
    monkeypatch.setattr(lab_module, "LOOKED_AT", kept)
    lab = Lab(tables(tmp_path, 5))
    for weights in CHOICES:
        members = [lab.tables[number] for number in weights]
        fitted = [lab.calibrations[number] for number in weights]
        full = BlendedTable("v", members, list(weights.values()), blend, fitted).vote()
        assert lab.choice(weights, blend).score == full.score()


def test_changes_are_what_the_next_choice_will_be(tmp_path):
    lab = Lab(tables(tmp_path, 4))
    now = lab.choice({0: 1.0, 1: 1.0}, "geometric")
    for number, weights in ((0, {1: 1.0}), (1, {0: 1.0}), (2, {0: 1.0, 1: 1.0, 2: 1.0})):
        then = lab.choice(weights, "geometric")
        assert now.changes[number] == pytest.approx(then.score.map5 - now.score.map5, abs=2e-3)
    assert 0 not in lab.choice({0: 1.0}, "geometric").changes  # the last one cannot be left out


def test_places_by_pencil_and_ties_by_class():
    summed = np.array([[3, 1, 2], [1, 1, 1], [0, 5, 5]], dtype=np.float32)
    assert places_above(summed, np.array([1, 2, 1])).tolist() == [2, 2, 0]
    assert worth_of_place(np.array([0, 1, 4, 5])).tolist() == [1.0, 0.5, 0.2, 0.0]


def grid(*rows: list[list[float]]) -> Grid:
    return Grid(np.array(rows, dtype=np.float32), np.zeros(len(rows[0]), dtype=np.int64))  # class 0 is right


def test_greedy_by_pencil_adds_what_helps_most_and_repeats():
    first = [[4, 1, 0], [0, 3, 0], [0, 0, 3]]  # right once, wrong by 3 twice
    second = [[0, 1, 0], [2, 0, 0], [2, 0, 0]]  # right twice, by 2
    useless = [[0, 9, 9]] * 3
    found = greedy(grid(first, second, useless))
    # second alone (1/2 + 1 + 1) / 3; with first (1 + 1/2 + 1/2) / 3; second twice and first: all right
    assert found.tolist() == [1, 2, 0]


def test_the_weight_search_by_pencil_leaves_out_what_harms():
    good = [[2, 1, 0]] * 4
    harmful = [[0, 90, 0]] * 4  # no weight of the good one outweighs it
    assert search_weights(grid(good, harmful), np.array([1, 1])).tolist() == [1, 0]


def test_of_equal_candidates_the_first_is_taken_each_time(tmp_path):
    table = tables(tmp_path, 1)[0]
    lab = Lab([table, table, table])
    assert greedy(Grid(lab.values("logits").kept, lab.places)).tolist() == [1, 0, 0]


def test_a_search_among_noise_is_told_from_one_that_finds_something(tmp_path):
    random = np.random.default_rng(3)
    names = labels(40)
    truth = random.integers(1, 40, 300)
    blind = []
    for number in range(8):  # they know nothing: whatever the search finds is luck
        scores = random.normal(size=(300, 40))
        photos, told = [f"p{row}.jpg" for row in range(300)], [names[one] for one in truth]
        write_scores(tmp_path / f"blind{number}", "valid", scores, photos, told, names)
        blind.append(RunTable.open(f"run {number}", tmp_path / f"blind{number}", "valid"))
    lab = Lab(blind)
    found = search(lab, "logits", "greedy")
    best = max(single.map5 for single in lab.singles)
    assert found.map5 > best + 0.01  # on the photos that it chose by it looks like a gain
    assert not found.gain.real
    assert found.held_out < found.map5 - 0.01
    real = search(Lab(tables(tmp_path, 6)), "geometric", "greedy")
    assert real.gain.real
    assert real.held_out > real.held_out_single


@pytest.mark.parametrize("method", ["greedy", "weights"])
def test_a_search_is_the_same_each_time_and_says_how_far_it_is(tmp_path, method):
    lab, heard = Lab(tables(tmp_path, 3)), []
    first = search(lab, "probabilities", method, {0: 1.0, 2: 2.0}, lambda done, total: heard.append((done, total)))
    assert search(lab, "probabilities", method, {0: 1.0, 2: 2.0}) == first
    assert heard[-1] == (11, 11)
    assert all(1 <= weight <= 20 for weight in first.weights.values())


def test_diversity_by_pencil():
    firsts = np.array([[1, 2, 3, 4], [1, 2, 0, 0], [0, 0, 0, 0]])
    knows = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]], dtype=bool)
    told = compare(firsts, knows)
    assert told.agreement[0].tolist() == [1.0, 0.5, 0.0]
    assert told.shared_errors[0, 1] == pytest.approx(1 / 3)  # of photos 2, 3 and 4 both miss the last
    assert told.oracle.diagonal().tolist() == [0.5, 0.5, 0.0]
    assert told.oracle[0, 1] == 0.75
    assert told.only == (1, 1, 0)
    assert told.oracle_of_all == 0.75


def test_what_a_choice_tells_of_its_members(tmp_path):
    lab = Lab(tables(tmp_path, 3))
    choice = lab.choice({0: 1.0, 1: 1.0}, "logits")
    told = diversity(lab, [0, 1])
    assert (choice.only[0], choice.only[1]) == told.only
    assert choice.oracle == told.oracle_of_all
    assert choice.only[2] == int((lab.knows[2] & ~lab.knows[0] & ~lab.knows[1]).sum())
    assert lab.choice({1: 1.0}, "logits").agrees[1] == 1.0
    assert choice.gain.mean == pytest.approx(choice.score.map5 - choice.best_score.map5)
