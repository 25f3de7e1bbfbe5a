"""Specs: written and read back, refused with the field named, told apart by digest."""

import hashlib
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.errors import SpecError
from engine.contract.fields import differences, field_of, get_value, spec_fields
from engine.contract.later import LATER
from engine.contract.method import ArcFaceMethod, TripletMethod
from engine.contract.spec import RunSpec


def test_round_trip():
    spec = RunSpec().with_values({"name": 'a "b"\n[x]', "model.dropout": 0.25, "augment.flip.enabled": False})
    assert RunSpec.from_toml(spec.to_toml()) == spec
    assert RunSpec.from_json(spec.to_json()) == spec


def test_every_field_is_explained_and_ranged():
    for field in spec_fields():
        assert field.help, field.path
        if field.kind in ("integer", "number"):
            assert field.low is not None, f"{field.path} has no lower bound"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"model.backbon": "x"}, "model.backbon", "did you mean model.backbone"),
        ({"training.epochs": 0}, "training.epochs", "from 1"),
        ({"training.epochs": "many"}, "training.epochs", "a whole number"),
        ({"training.epochs": 2.5}, "training.epochs", "a whole number"),
        ({"optimiser.kind": "lion"}, "optimiser.kind", "adam, adamw, sgd"),
        ({"optimiser.learning_rate": float("nan")}, "optimiser.learning_rate", "above 0"),
        ({"data.fold": 5}, "data.fold", "data.folds is 5"),
        ({"crop.enabled": True}, "crop.enabled", "crop.source"),
        ({"model.backbone": "resnet50"}, "model.backbone", "timm/NAME"),
        ({"optimiser.warmup_epochs": 99.0}, "optimiser.warmup_epochs", "training.epochs"),
        ({"augment.degrade.motion_blur.limit": 8}, "augment.degrade.motion_blur.limit", "odd"),
        ({"model": 3}, "model", "model.backbone"),
        ({"method.margin": 0.2}, "method.margin", "belongs to the kind triplet, but method.kind is classifier"),
        ({"method.kind": "triplet", "method.label_smoothing": 0.1}, "method.label_smoothing", "method.kind=classifier"),
        ({"method.kind": "triplet", "method.margin": -1}, "method.margin", "above 0"),
        ({"method.kind": "telepathy"}, "method.kind", "one of classifier, triplet"),
    ],
)
def test_refused_with_the_field_named(changes, field, says):
    with pytest.raises(SpecError) as refusal:
        RunSpec().with_values(changes)
    assert refusal.value.field == field
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epochs = 3", "no field 'epochs'"),
        ("[training]\nepoch = 3", "did you mean training.epochs"),
        ("[training\nepochs = 3", "line 1"),
        ('method.kind = "telepathy"', "method.kind is 'telepathy'"),
        ("method = 3", "method is 3"),
        ("[method]\nmargin = 0.2", "set method.kind=triplet"),
        ('[method]\nkind = "arcface"\nmargin = 0.2', "method.kind is arcface"),
        ("model = 3", "model is 3"),
        ("\xff", "TOML"),
    ],
)
def test_toml_refused(text, says):
    with pytest.raises(SpecError, match=says):
        RunSpec.from_toml(text.encode("latin-1"))


def test_digest_forgets_name_and_seed_alone():
    spec = RunSpec()
    assert spec.with_values({"name": "other", "seed": 7}).digest == spec.digest
    assert spec.with_values({"data.fold": 1}).digest != spec.digest


def test_differences_name_the_path_and_both_values():
    assert differences(RunSpec(), RunSpec().with_values({"image.width": 96})) == {"image.width": (256, 96)}


def test_another_kind_of_method_brings_its_own_fields_and_takes_the_others_away():
    smoothed = RunSpec().with_values({"method.label_smoothing": 0.1})
    triplet = smoothed.with_values({"method.margin": "0.2", "method.kind": "triplet"})  # in any order
    assert triplet.method == TripletMethod(margin=0.2)
    assert RunSpec.from_toml(triplet.to_toml()) == triplet
    assert triplet.with_values({"method.kind": "classifier"}) == RunSpec()
    assert triplet.with_values({"method.width": 64, "method.kind": "arcface"}).method == ArcFaceMethod(width=64)
    assert RunSpec.from_toml("[method]\nlabel_smoothing = 0.1") == smoothed  # a spec of before there were kinds


def test_differences_of_kinds_leave_out_what_is_at_its_default():
    triplet = RunSpec().with_values({"method.kind": "triplet", "method.margin": 0.2})
    assert differences(RunSpec(), triplet) == {"method.kind": ("classifier", "triplet"), "method.margin": ("", 0.2)}
    assert get_value(RunSpec().to_values(), "method.margin") == ""


def test_kinds_that_share_a_field_agree_about_it():
    shared = [(field.path, field.default) for field in spec_fields() if len(field.kinds) > 1]
    assert ("method.width", 512) in shared
    for kind in field_of("method.kind").choices:
        values = RunSpec().with_values({"method.kind": kind}).to_values()["method"]
        for path, default in shared:
            assert values.get(path.removeprefix("method."), default) == default, (kind, path)


def test_text_is_read_by_its_field():
    spec = RunSpec().with_values(
        {"augment.flip.enabled": "no", "training.epochs": "3", "optimiser.learning_rate": "1e-4"}
    )
    assert (spec.augment.flip.enabled, spec.training.epochs, spec.optimiser.learning_rate) == (False, 3, 1e-4)
    assert "true or false" in field_of("augment.flip.enabled").allowed


@given(st.text())
def test_any_text_is_a_spec_or_a_spec_error(text):
    with suppress(SpecError):
        assert isinstance(RunSpec.from_toml(text), RunSpec)


def test_later_fields_leave_what_was_recorded_before_them_as_it_was():
    """Digests and texts are of a version that had none: runs of then and now are twins, and fold into one row."""
    spec = RunSpec()
    assert spec.digest == "0235142d0a05053d472d57f6feef260ab0c6d18009f8d589d2f94e122b9b5a8d"
    assert spec.digest_over_folds == "9f27bafc91d709fab8d84f67a22a2eb051c45d492a25a6ce99dd4c4826f4b5cf"
    text = hashlib.sha256(spec.to_json().encode()).hexdigest()
    assert text == "c289de7c59711a54ef1ade30d3a9bbe1341f15ef1867f6719cdf0a4d5980db38"
    written = json.loads(spec.to_json())
    assert all(set(names).isdisjoint(written[part]) for part, names in LATER.items())


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, names in LATER.items() for name in names])
def test_a_spec_written_before_a_field_is_read_and_means_the_same(part, name):
    values = RunSpec().to_values()
    default = values[part].pop(name)
    assert RunSpec.of(values) == RunSpec()
    other = {"enabled": True} if isinstance(default, dict) else default + 1
    changed = RunSpec.of(RunSpec().to_values() | {part: RunSpec().to_values()[part] | {name: other}})
    assert changed.digest != RunSpec().digest
    assert RunSpec.from_json(changed.to_json()) == RunSpec.from_toml(changed.to_toml()) == changed
