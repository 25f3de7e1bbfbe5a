"""Presets: every rung of the talk and its mended twin, and votes that name their members."""

from __future__ import annotations

import re

import pytest

from engine.contract.backbones import check_backbone
from engine.contract.errors import SpecError
from engine.contract.fields import differences, spec_fields
from whaletui.presets import preset, presets, read_spec, read_specs

RUNGS = ("whole", "crop", "siamese", "resnet50", "effnet-b0", "vote")


def test_every_rung_of_the_talk_has_a_mended_twin() -> None:
    names = {entry.name for entry in presets()}
    assert names >= {*RUNGS, *(f"talk-{rung}" for rung in RUNGS), "arcface-knn"}


@pytest.mark.parametrize("name", [entry.name for entry in presets()])
def test_a_preset_says_what_it_is_in_its_own_name(name: str) -> None:
    entry = preset(name)
    assert entry.about.endswith(".")
    for spec in entry.specs:
        check_backbone(spec.model.backbone)
    if not entry.members:
        assert entry.spec.name == name


@pytest.mark.parametrize("rung", [rung for rung in RUNGS if rung != "vote"])
def test_faithful_presets_keep_the_talks_faults_and_twins_mend_them(rung: str) -> None:
    faithful, mended = preset(f"talk-{rung}").spec, preset(rung).spec
    assert (faithful.augment.flip.enabled, mended.augment.flip.enabled) == (True, False)
    assert (faithful.augment.gray.after_normalise, mended.augment.gray.after_normalise) == (True, False)
    assert (faithful.data.mend_labels, mended.data.mend_labels) == (False, True)
    assert (faithful.prediction.calibrate, mended.prediction.calibrate) == (False, True)
    assert (faithful.training.ema, mended.training.ema) == (0.0, 0.999)
    assert faithful.model.backbone == mended.model.backbone


@pytest.mark.parametrize("rung", RUNGS)
def test_each_fault_is_named_by_its_setting_in_a_comment(rung: str) -> None:
    text = preset(f"talk-{rung}").text
    named = re.findall(r"^#   ([a-z_.]+)(?:, [a-z]+)?  ? *[a-z]", text, re.MULTILINE)
    assert named or "`talk-resnet50`" in text  # else it says whose faults it shares
    known = {field.path for field in spec_fields()} | {"blend", "members"}
    for name in named:
        assert any(path == name or path.startswith(f"{name}.") for path in known), name


def test_the_crop_is_all_that_the_two_first_rungs_differ_in() -> None:
    changed = set(differences(preset("talk-whole").spec, preset("talk-crop").spec))
    assert changed == {"name", "crop.enabled", "crop.source", "crop.margin"}


def test_a_vote_stands_for_its_members() -> None:
    vote = preset("talk-vote")
    assert [(spec.name, spec.seed) for spec in read_specs("talk-vote")] == [
        ("talk-resnet50", 0), ("talk-effnet-b0", 0), ("talk-effnet-b0", 1), ("talk-effnet-b0", 2),
    ]  # fmt: skip
    assert vote.blend == "logits"
    assert preset("vote").blend == "probabilities"
    with pytest.raises(SpecError, match="vote of 4 runs"):
        read_spec("talk-vote")
    assert read_specs("thumbnails") == (read_spec("thumbnails"),)
