"""Figures in words, columns that give way, what differs, and the form without its widgets."""

from __future__ import annotations

import math

import pytest

from engine.contract.errors import SpecError
from engine.contract.method import ClassifierMethod, TripletMethod
from engine.contract.spec import RunSpec
from whaletui.view import explain, formats
from whaletui.view.columns import COLUMNS, layout
from whaletui.view.form import FormState, fields_by_part


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (formats.score(0.5444), "0.544"),
        (formats.score(None), ""),
        (formats.score(math.nan), "–"),
        (formats.interval(0.51, math.nan), ""),
        (formats.delta(0.5, 0.394), "+0.106"),
        (formats.loss(math.nan), "NaN"),
        (formats.loss(-math.inf), "inf"),
        (formats.loss(123456.0), "123456"),
        (formats.span(59.9), "59s"),
        (formats.span(7500), "2h 05m"),
        (formats.span(200_000), "2d 7h"),
        (formats.span(math.inf), ""),
        (formats.age(-5), "0s"),
        (formats.age(3600 * 50), "2d"),
        (formats.age(86400 * 30), "4w"),
        (formats.count(1, "run"), "1 run"),
        (formats.count(2610, "photo"), "2,610 photos"),
        (formats.bar(0.5, 4), "██  "),
        (formats.bar(7.0, 4), "████"),
        (formats.plain(1e-3), "0.001"),
        (formats.plain(True), "true"),
    ],
)
def test_words(seen: str, wanted: str) -> None:
    assert seen == wanted


@pytest.mark.parametrize("width", range(0, 240, 7))
def test_columns_leave_from_the_end_and_never_overflow(width: int) -> None:
    placed = layout(width)
    assert [one.column for one in placed] == list(COLUMNS[: len(placed)])
    assert sum(one.width for one in placed) + len(placed) - 1 <= max(width, 0)


def test_at_80_cells_the_score_is_there_with_its_interval_and_its_difference() -> None:
    assert {"name", "state", "map5", "delta", "interval"} <= {one.column.key for one in layout(78)}


def test_changes_name_path_and_both_values_but_not_name_and_folder() -> None:
    spec = RunSpec().with_values({"name": "x", "data.folder": "/y", "optimiser.kind": "sgd", "seed": 4})
    assert explain.changes(spec, RunSpec()) == (("seed", "0", "4"), ("optimiser.kind", "adam", "sgd"))


def test_changes_fit_the_line_and_say_how_many_more() -> None:
    found = explain.changes(
        RunSpec().with_values({"seed": 4, "optimiser.kind": "sgd", "training.epochs": 9, "training.batch": 8}),
        RunSpec(),
    )
    words = explain.change_words(found, 40)
    assert len(words) <= 40
    assert words.endswith("more")


def test_a_change_is_named_by_its_part_where_its_own_name_would_say_nothing() -> None:
    found = explain.changes(RunSpec().with_values({"crop.enabled": True, "crop.source": "boxes.tsv"}), RunSpec())
    assert explain.change_words(found, 80) == "crop.enabled true, source boxes.tsv"


def form() -> FormState:
    return FormState(origin=RunSpec(), origin_name="the defaults")


def test_every_field_but_fixed_ones_is_in_the_form_once() -> None:
    paths = [field.path for fields in fields_by_part().values() for field in fields]
    assert len(paths) == len(set(paths))
    assert {"name", "seed", "model.backbone", "augment.degrade.downscale.low"} <= set(paths)
    assert "method.kind" in paths
    assert "method.margin" not in paths


def test_the_kind_of_method_decides_which_settings_are_asked() -> None:
    def asked(state: FormState) -> set[str]:
        return {field.path for field in fields_by_part(state.kinds)["method"]}

    state = form().typed("method.label_smoothing", "0.1").typed("method.kind", "triplet").typed("method.margin", "0.2")
    assert {"method.kind", "method.margin"} <= asked(state)
    assert "method.label_smoothing" not in asked(state)
    assert [change.path for change in state.changes()] == ["method.kind", "method.margin"]
    (spec,) = state.specs()
    assert spec.method == TripletMethod(margin=0.2)
    back = state.typed("method.kind", "classifier")
    assert back.specs()[0].method == ClassifierMethod(label_smoothing=0.1)  # what was typed before is not lost
    assert asked(state.typed("method.kind", "tripl")) == {"method.kind"}
    both = form().typed("method.kind", "classifier,triplet")
    assert {"method.label_smoothing", "method.margin"} <= asked(both)
    assert [spec.method for spec in both.specs()] == [ClassifierMethod(), TripletMethod()]


def test_commas_make_every_combination_and_a_text_typed_back_is_no_change() -> None:
    state = form().typed("seed", "0,1,2").typed("training.epochs", "4, 8").typed("optimiser.kind", "sgd")
    assert {(spec.seed, spec.training.epochs, spec.optimiser.kind) for spec in state.specs()} == {
        (seed, epochs, "sgd") for seed in (0, 1, 2) for epochs in (4, 8)
    }
    assert form().typed("seed", "5").typed("seed", "0").texts == {}
    assert form().typed("name", "a, b").specs()[0].name == "a, b"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("training.epochs", "many"),
        ("training.epochs", "0"),
        ("seed", "1,,2"),
        ("optimiser.kind", "sgd,adamm"),
        ("model.backbone", "timm/resnet1"),
        ("optimiser.warmup_epochs", "99"),
        ("data.fold", "5"),
        ("crop.enabled", "true"),
        ("model.dropout", "nan"),
    ],
)
def test_what_the_spec_refuses_names_its_field(path: str, text: str) -> None:
    with pytest.raises(SpecError) as refusal:
        form().typed(path, text).specs()
    assert refusal.value.field == path


def test_a_clash_that_another_field_resolves_is_none() -> None:
    state = form().typed("data.fold", "7").typed("data.folds", "10")
    assert state.specs()[0].data.fold == 7


def test_too_many_runs_are_refused_before_they_are_made() -> None:
    many = ",".join(map(str, range(1, 40)))
    with pytest.raises(SpecError, match="runs"):
        form().typed("seed", many).typed("training.epochs", many).specs()
