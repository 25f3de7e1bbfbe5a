"""Specs: written and read back, refused with the field named, told apart by digest."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.errors import SpecError
from engine.contract.fields import differences, field_of, spec_fields
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
