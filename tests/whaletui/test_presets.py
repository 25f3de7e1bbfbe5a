"""Presets: every rung of the talk and its mended twin, and votes that name their members."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from app_kit import RecordedLab, notices, opened, press, screen_text, write

from engine.contract.backbones import check_backbone
from engine.contract.errors import SpecError
from engine.contract.fields import differences, spec_fields
from whaletui.__main__ import main
from whaletui.presets import grid, preset, presets, read_spec, read_specs

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


@pytest.mark.parametrize("rung", [rung for rung in RUNGS if rung != "vote"])
def test_trap_13_mended_photos_have_the_shape_of_a_fluke(rung: str) -> None:
    image = preset(rung).spec.image
    assert image.width == 2 * image.height
    assert image.statistics == "backbone"


def test_a_list_of_folds_is_a_cross_validation() -> None:
    folds = grid(preset("siamese").spec, ["data.fold=0,1,2,3,4"])
    assert [spec.data.fold for spec in folds] == [0, 1, 2, 3, 4]
    assert len({(spec.digest_over_folds, spec.seed) for spec in folds}) == 1


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


@pytest.fixture
def _no_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queue runs without anybody who would start them."""
    monkeypatch.setattr("whaletui.launch.ensure_keeper", lambda workspace: False)


def queued(lab: Path) -> list[tuple[int, str, int]]:
    return [(run.id, run.name, run.seed) for run in RecordedLab(lab).records.active() if run.id > 13]


@pytest.mark.usefixtures("_no_keeper")
def test_running_a_vote_queues_its_members_and_says_how_to_blend_them(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-w", str(lab), "run", "talk-vote", "--set", "training.epochs=2"]) == 0
    assert "whaletui ensemble 14 15 16 17 --blend logits" in capsys.readouterr().out
    assert sorted(queued(lab)) == [
        (14, "talk-resnet50", 0), (15, "talk-effnet-b0", 0), (16, "talk-effnet-b0", 1), (17, "talk-effnet-b0", 2),
    ]  # fmt: skip
    assert main(["-w", str(lab), "run", "talk-resnet50"]) == 0
    assert "blend" not in capsys.readouterr().out


@pytest.mark.usefixtures("_no_keeper")
async def test_choosing_a_vote_in_the_app_asks_and_queues_its_members(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "n")
        await write(pilot, "talk-vote")
        await press(pilot, "enter")
        assert "Queue the 4 runs of talk-vote?" in screen_text(app)
        await press(pilot, "y")
        assert "queued as 14 to 17" in notices(app)[-1]
        assert len(queued(lab)) == 4
