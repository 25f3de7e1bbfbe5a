"""Chart maths without an app: spikes stay, gaps stay open, axes are round, any numbers are survived."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from whaletui.view import few_points, many_points
from whaletui.view.axes import Frame, axis_labels
from whaletui.view.braille import LEVEL, draw
from whaletui.view.plots import Curve, Level, Plot, curve
from whaletui.view.raster import dots, pack, thin
from whaletui.view.series import Series, XAxis

SQUARE = Frame(left=0.0, right=1.0, low=0.0, high=1.0, log=False)


def series(x: list[float], y: list[float]) -> Series:
    made = Series()
    for point in zip(x, y, strict=True):
        made.append(*point)
    return made


def lines(plot: Plot, width: int = 40, height: int = 8) -> list[str]:
    return ["".join(text for text, _ in row) for row in draw(plot, width, height)]


def test_a_diagonal_touches_every_column_from_corner_to_corner() -> None:
    grid = dots(np.array([0.0, 1.0]), np.array([0.0, 1.0]), SQUARE, width=4, height=2)
    assert grid.shape == (8, 8)
    assert np.array_equal(grid, np.eye(8, dtype=bool)[::-1])


def test_dots_are_packed_as_braille_counts_them() -> None:
    grid = np.zeros((4, 2), dtype=bool)
    grid[0, 0] = grid[3, 1] = True
    assert chr(0x2800 + int(pack(grid)[0, 0])) == "⢁"


def test_one_spike_in_a_hundred_thousand_points_stays_at_full_height() -> None:
    y = np.zeros(100_000)
    y[61_803] = 1.0
    grid = dots(np.linspace(0, 1, y.size), y, SQUARE, width=40, height=5)
    assert grid[0].sum() == 1
    assert abs(int(np.flatnonzero(grid[0])[0]) - 0.61803 * 79) <= 1


def test_thinning_keeps_first_lowest_highest_and_last_of_a_column() -> None:
    kept = thin(np.zeros(6, dtype=np.int64), np.array([3.0, 9.0, 5.0, 1.0, 4.0, 2.0]), np.zeros(6, dtype=np.int64))
    assert kept.tolist() == [0, 1, 3, 5]


def test_what_is_no_number_leaves_a_gap_and_is_not_drawn_across() -> None:
    x = np.linspace(0, 1, 101)
    y = np.full(101, 0.5)
    y[40:60] = math.nan
    grid = dots(x, y, SQUARE, width=50, height=3)
    drawn = set(np.flatnonzero(grid.sum(axis=0)).tolist())
    assert drawn >= {*range(38), *range(61, 100)}
    assert not drawn & set(range(41, 58))


def test_an_infinite_or_absurd_value_is_a_gap_not_the_scale() -> None:
    plot = Plot(title="loss", curves=(curve("a", series([0, 1, 2, 3], [1.0, math.inf, 1e305, 2.0])),))
    assert any("2┤" in line for line in lines(plot))


def test_a_flat_curve_runs_through_the_middle() -> None:
    rows = lines(Plot(title="x", curves=(curve("a", series([0, 1, 2], [0.3, 0.3, 0.3])),)), height=8)
    drawn = [
        number for number, row in enumerate(rows[:-1]) if any("\u2800" < character <= "\u28ff" for character in row)
    ]
    assert drawn == [3]


def test_levels_give_way_to_curves_and_are_named_where_there_is_room() -> None:
    rising = curve("a", series([0, 1, 2], [0.1, 0.5, 0.6]))
    plot = Plot(title="m", curves=(rising,), levels=(Level(label="constant", value=0.325),))
    found = [row for row in draw(plot, 60, 9) if any(colour == LEVEL for _, colour in row)]
    assert len(found) == 1
    assert "constant 0.325" in "".join(text for text, _ in found[0])


def test_levels_of_one_row_share_their_names() -> None:
    rising = curve("a", series([0, 1, 2], [0.1, 0.5, 0.6]))
    both = (Level(label="constant", value=0.3), Level(label="duplicates", value=0.3))
    text = "\n".join(lines(Plot(title="m", curves=(rising,), levels=both), 70, 9))
    assert " constant 0.300, duplicates 0.300 " in text


def test_logarithmic_axes_are_labelled_with_round_values() -> None:
    plot = Plot(title="loss", curves=(curve("a", series([0, 1, 2, 3], [100.0, 1.0, 0.0, 0.01])),), log=True)
    text = "\n".join(lines(plot, height=12))
    assert [label for label in ("100┤", " 1┤", "0.01┤") if label in text] == ["100┤", " 1┤", "0.01┤"]


def test_labels_are_round_and_on_different_rows() -> None:
    labels = axis_labels(Frame(left=0, right=1, low=0.13, high=7.9, log=False), rows=12)
    assert {float(text) for text in labels.values()} == {2.0, 4.0, 6.0}


def test_dashed_and_dotted_curves_differ_without_colour() -> None:
    curves = [curve("a", series([0, 9], [0, 9]), dash=dash) for dash in (0, 1, 2)]
    assert len({"\n".join(lines(Plot(title="x", curves=(one,)))) for one in curves}) == 3


numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), max_size=30), st.integers(0, 50), st.integers(0, 12), st.booleans())
def test_any_numbers_in_any_room_are_drawn_within_it(
    points: list[tuple[float, float]], width: int, height: int, log: bool
) -> None:
    held = series([x for x, _ in points], [y for _, y in points])
    one = Curve(label="a", series=held, points=len(held))
    rows = draw(Plot(title="t", curves=(one,), log=log), width, height)
    assert len(rows) == height
    assert all(sum(len(text) for text, _ in row) <= max(width, 16) for row in rows)


def test_names_of_levels_that_are_wider_than_the_chart_are_left_out() -> None:
    levels = tuple(Level(label=label, value=0.123) for label in ("constant", "duplicates"))
    cells = draw(Plot(title="MAP@5", curves=(), levels=levels), width=26, height=8)
    assert "duplicates" not in "".join(text for row in cells for text, _ in row)


NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.integers(0, 9).map(float), st.sampled_from([math.nan, math.inf, 1e299]))


@given(
    curves=st.lists(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=30), min_size=1, max_size=4),
    log=st.booleans(),
    width=st.integers(12, 60),
    height=st.integers(2, 12),
    axis=st.sampled_from(["epoch", "time"]),
)
@settings(deadline=None, max_examples=200)
def test_few_points_are_drawn_as_many_are_dot_for_dot(
    curves: list[list[tuple[float, float]]], log: bool, width: int, height: int, axis: XAxis
) -> None:
    made = tuple(
        curve(str(number), series([x for x, _ in points], [y for _, y in points]), number, number % 3, origin=-5.0)
        for number, points in enumerate(curves)
    )
    levels = (Level(label="constant", value=0.325),)
    plot = Plot(title="", curves=made, log=log, axis=axis)
    few = few_points.prepare(plot, levels, width, height)
    many = many_points.prepare(plot, levels, width, height)
    if isinstance(few, str) or isinstance(many, str):
        assert few == many
        return
    assert sorted(few.ink(plot)) == sorted(many.ink(plot))
    assert (few.frame, few.labels, few.gutter, few.beyond) == (many.frame, many.labels, many.gutter, many.beyond)
    assert set(few.gaps) == set(many.gaps)
