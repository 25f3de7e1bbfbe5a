"""From a series to a chart: smoothing by hand, extremes kept, windows cut, and how curves are looked at."""

from __future__ import annotations

import math

import numpy as np
import pytest

from whaletui.view.look import SMOOTHS, Look, whole_of
from whaletui.view.plots import PALETTE_SIZE, colours_of
from whaletui.view.points import BLOCK, extremes, shown_points, smoothed, value_at
from whaletui.view.runview import RunView
from whaletui.view.series import Series


def series(y: list[float]) -> Series:
    made = Series()
    for place, value in enumerate(y):
        made.append(float(place), value)
    return made


def test_smoothing_by_hand() -> None:
    # halves: e = 2, then (2*0.25 + 4*0.5) / 0.75 = 3.333, then (0.25 + 1 + 4) / 0.875
    assert smoothed(np.array([2.0, 4.0, 8.0]), 0.5) == pytest.approx([2.0, 10 / 3, 6.0])


def test_smoothing_over_blocks_is_the_plain_recursion_and_passes_over_what_is_no_number() -> None:
    y = np.random.default_rng(0).normal(size=3 * BLOCK + 17)
    y[[5, 70, 71]] = math.nan
    average, weight, expected = 0.0, 0.9, []
    for count, value in enumerate(y[np.isfinite(y)], start=1):
        average = weight * average + (1 - weight) * value
        expected.append(average / (1 - weight**count))
    found = smoothed(y, weight)
    assert found[np.isfinite(y)] == pytest.approx(expected)
    assert np.isnan(found[[5, 70, 71]]).all()


def test_a_coarse_curve_keeps_every_spike_and_gap_as_it_grows() -> None:
    one = series([0.0] * 100_000)
    columns = 40
    shown_points(one, "epoch", 0.0, None, columns)
    for spot, value in ((61_803, 1.0), (70_001, math.nan)):
        one.y[spot] = value  # before it is looked at the next time, as if it had just been said
    fresh = series(one.y.tolist())
    for place in range(100_000, 100_200):
        fresh.append(float(place), -5.0 if place == 100_100 else 0.0)
    x, y = shown_points(fresh, "epoch", 0.0, None, columns)
    assert len(x) < 10_000
    assert (y[x == 61_803.0], y[x == 100_100.0]) == (1.0, -5.0)
    assert np.isnan(y[x == 70_001.0]).all()
    assert x[-1] == 100_199.0


def test_extremes_of_a_block_by_hand() -> None:
    y = np.zeros(BLOCK + 2)
    y[[10, 20]] = (3.0, -3.0)
    assert extremes(y).tolist() == [0, 10, 20, BLOCK, BLOCK + 1]


def test_a_window_holds_its_points_and_one_neighbour_on_each_side() -> None:
    x, _ = shown_points(series([0.0] * 10), "epoch", 0.0, (2.5, 4.5), 40)
    assert x.tolist() == [2.0, 3.0, 4.0, 5.0]
    assert shown_points(series([0.0] * 10), "epoch", 0.0, (50.0, 60.0), 40)[0].size == 0


def test_an_axis_of_time_counts_hours_from_the_start_of_the_run() -> None:
    one = series([1.0, 2.0])
    one.axes.time[:] = type(one.y)("d", [7200.0, 10800.0])
    assert shown_points(one, "time", 3600.0, None, 40)[0].tolist() == [1.0, 2.0]
    assert value_at(one, "time", 3600.0, 1.9) == 2.0


def test_the_value_at_a_place_is_that_of_the_nearest_point() -> None:
    assert [value_at(series([5.0, 6.0, 7.0]), "epoch", 0.0, place) for place in (-9.0, 0.4, 0.6, 99.0)] == [5, 5, 6, 7]
    assert value_at(Series(), "epoch", 0.0, 1.0) is None


def test_runs_keep_their_colours_and_new_ones_take_those_that_are_free() -> None:
    first = colours_of([1, 9], {})  # both would like the same one
    assert first[1] % PALETTE_SIZE != first[9] % PALETTE_SIZE
    later = colours_of([9, 3, 17], first)
    assert later[9] == first[9]
    assert len({number % PALETTE_SIZE for number in later.values()}) == 3
    many = colours_of(list(range(PALETTE_SIZE * 2)), {})
    assert len(set(many.values())) == PALETTE_SIZE * 2  # the second of a colour has another stroke


def test_zoom_stays_inside_and_keeps_the_marked_place() -> None:
    whole = (0.0, 100.0)
    near = Look(cross=80.0).zoomed(0.5, whole)
    assert near.window == (40.0, 90.0)
    assert near.zoomed(2.0, whole).window is None
    assert near.panned(1.0, whole).window == (50.0, 100.0)
    assert near.panned(-9.0, whole).window == (0.0, 50.0)
    for _ in range(200):
        near = near.zoomed(0.5, whole)
    assert near.window is not None
    assert near.window[1] > near.window[0]


def test_the_mark_begins_at_the_newest_point_and_moves_the_window_along() -> None:
    whole = (0.0, 100.0)
    assert Look().stepped(-1, 50, whole).cross == 100.0
    assert Look(cross=100.0).stepped(-10, 50, whole).cross == 80.0
    moved = Look(window=(0.0, 10.0), cross=10.0).stepped(5, 10, whole)
    assert moved.cross == 15.0
    assert moved.window == (10.0, 20.0)
    assert Look(cross=3.0).next_axis().cross is None  # three epochs are not three steps


def test_smoothing_goes_round() -> None:
    look = Look()
    for expected in (*SMOOTHS[1:], 0.0):
        look = look.next_smooth()
        assert look.smooth == expected


def test_the_whole_of_an_axis_is_that_of_all_runs_and_never_empty() -> None:
    view = RunView.new()
    assert whole_of([view], ["train_loss"], "epoch") == (0.0, 1.0)
    view.curves.train_loss.append(7.0, 1.0)
    assert whole_of([view, RunView.new()], ["train_loss"], "step") == (0.0, 7.0)
