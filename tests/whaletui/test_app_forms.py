"""The new-run form, the vote and the gallery: what is typed, launched, blended, exported; key presses only."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_kit import RecordedLab, go_to, notices, opened, press, screen_text, write
from textual.widgets import Input

from whaletui.records.model import State
from whaletui.screens.new_run import NewRun
from whaletui.screens.runs import RunsScreen
from whaletui.widgets.run_table import RunTable
from whaletui.widgets.spec_form import ValueInput


@pytest.fixture(autouse=True)
def _no_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queue runs without anybody who would start them."""
    monkeypatch.setattr("whaletui.launch.ensure_keeper", lambda workspace: False)
    monkeypatch.setattr("whaletui.jobs.keeper.ensure_keeper", lambda workspace: False)


def queued(lab: Path) -> list[str]:
    return [run.name for run in RecordedLab(lab).records.active() if run.state is State.QUEUED]


async def test_a_clone_is_changed_and_launched_and_its_list_makes_two_runs(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "c", "down")
        await write(pilot, ",7")
        assert "launch 2 runs" in screen_text(app)
        assert "1 → 1,7" in screen_text(app)
        await press(pilot, "ctrl+s")
        assert isinstance(app.screen, RunsScreen)
        assert "queued as 14 to 15" in notices(app)[-1]
        assert [RecordedLab(lab).records.run(run_id).seed for run_id in (14, 15)] == [1, 7]


async def test_a_refused_value_is_named_and_the_cursor_goes_there(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "c", *["down"] * 2)
        await write(pilot, "9")  # fold 09 of 5
        await press(pilot, "up", "up", "ctrl+s")
        assert "data.fold is 9, but data.folds is 5" in screen_text(app)
        assert isinstance(app.screen, NewRun)
        focused = app.focused
        assert isinstance(focused, ValueInput)
        assert focused.value == "09"
        assert len(queued(lab)) == 1


async def test_a_field_far_down_in_a_part_that_was_closed_is_gone_to(lab: Path) -> None:
    async with opened(lab, (80, 24)) as (app, pilot):
        await press(pilot, "c")
        go_to(app, "augment.erase.p")
        await press(pilot, "ctrl+u")
        await write(pilot, "2")
        assert "augment.erase.p is 2.0, but takes a number from 0 to 1" in screen_text(app)
        focused = app.focused
        assert isinstance(focused, ValueInput)
        assert focused.value == "2"


async def test_space_steps_through_choices_and_undo_takes_it_back(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "c")
        go_to(app, "optimiser.kind")
        await press(pilot, "space")
        assert "adam → adamw" in screen_text(app)
        await press(pilot, "ctrl+z")
        assert "no change yet" in screen_text(app)


async def test_the_kind_of_method_is_switched_and_brings_its_settings(lab: Path) -> None:
    async with opened(lab, (120, 60)) as (app, pilot):
        await press(pilot, "c")
        go_to(app, "method.kind")
        assert "label_smoothing" in screen_text(app)
        await press(pilot, "space")
        assert "classifier → triplet" in screen_text(app)
        assert "label_smoothing" not in screen_text(app)
        go_to(app, "method.margin")
        await press(pilot, "ctrl+u")
        await write(pilot, "0.2")
        assert "1 → 0.2" in screen_text(app)
        assert "can be launched" in screen_text(app)


async def test_a_backbone_is_completed_and_an_unknown_one_refused(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "c")
        go_to(app, "model.backbone")
        await press(pilot, "ctrl+u")
        await write(pilot, "timm/resnet1")
        assert "there is no backbone 'timm/resnet1'" in screen_text(app)
        await press(pilot, "right")
        assert app.screen.query_one(ValueInput).value == "timm/resnet18"
        assert "can be launched" in screen_text(app)


async def test_data_that_are_missing_are_refused_at_launch_and_nothing_is_recorded(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "c")
        go_to(app, "data.folder")
        await write(pilot, "-gone")
        await press(pilot, "ctrl+s")
        assert isinstance(app.screen, NewRun)
        assert "whales-gone" in notices(app)[-1]
        assert len(queued(lab)) == 1


async def test_parts_open_and_close(lab: Path) -> None:
    async with opened(lab, (120, 60)) as (app, pilot):
        await press(pilot, "c")
        assert "downscale" not in screen_text(app)
        go_to(app, "augment.gray.p")
        await press(pilot, *["up"] * 4)
        assert "downscale" in screen_text(app)


async def test_leaving_a_changed_form_asks(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "c", "x", "escape", "n")
        assert isinstance(app.screen, NewRun)
        await press(pilot, "escape", "y")
        assert isinstance(app.screen, RunsScreen)


async def test_a_preset_is_narrowed_by_typing(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "n")
        await write(pilot, "talk-effnet")
        await press(pilot, "enter")
        assert "from preset talk-effnet-b0" in screen_text(app)
        assert isinstance(app.focused, Input)


async def test_a_run_is_queued_again(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "r")
        assert "still runs or waits" in notices(app)[-1]
        await press(pilot, *["down"] * 4)
        failed = app.screen.query_one(RunTable).current
        assert failed is not None
        assert failed.record.name == "big"
        await press(pilot, "r")
        assert queued(lab) == ["big", "talk-resnet50 s1"]  # in the place that it had
        assert RecordedLab(lab).records.run(failed.record.id).state is State.QUEUED  # the same run goes on
        assert "starts from its first step" in notices(app)[-1]


async def test_a_finished_run_is_queued_again_as_a_new_one(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", *["up"] * 7)
        finished = app.screen.query_one(RunTable).current
        assert finished is not None
        assert finished.record.state is State.FINISHED
        await press(pilot, "r")
        current = app.screen.query_one(RunTable).current
        assert current is not None
        assert current.record.id == 14  # what the next key is about is what was just made
        assert current.record.backbone == finished.record.backbone


async def test_members_of_a_vote_come_and_go_while_its_score_follows(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", *["up"] * 7, "space", "space", "e")
        both = screen_text(app)
        assert "vote of 2 members   mean of the logits" in both
        await press(pilot, "space")
        alone = screen_text(app)
        assert "vote of 1 run " in alone
        assert "gain +0.000 noise" in alone.replace("[0.000 0.000] ", "")
        await press(pilot, "space", "b", "plus")
        assert "mean of calibrated probabilities" in screen_text(app)
        assert "▮▮ 2" in screen_text(app)
        await press(pilot, "space", "down", "space")
        assert "no member votes" in screen_text(app)


async def test_one_key_writes_the_checked_submission_and_says_where(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", *["up"] * 7, "space", "space", "E")
        assert "submissions/vote-8-7.csv" in notices(app)[-1]
        rows = (lab / "submissions" / "vote-8-7.csv").read_text().splitlines()
        assert len(rows) == 1 + 5
        assert all(len(set(row.split(",")[1].split())) == 5 for row in rows[1:])
        await press(pilot, "e", "b", "E")
        assert "5 rows written to submissions/vote-8-7-probabilities.csv" in screen_text(app)


async def test_runs_that_cannot_vote_together_say_why(lab: Path) -> None:
    path = lab / "runs" / "0008-talk-effnet-b0" / "predictions" / "valid.npy"
    path.write_bytes(path.read_bytes()[:200])
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", *["up"] * 7, "space", "space", "e")
        assert "valid.npy" in screen_text(app)


async def test_the_gallery_steps_through_photos_and_keeps_to_the_wrong_ones(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", *["up"] * 7, "g")
        assert "1 of 36" in screen_text(app)
        assert "▀▀▀▀" in screen_text(app)
        await press(pilot, "right", "left", "left")
        assert "36 of 36" in screen_text(app)
        await press(pilot, "w")
        text = screen_text(app)
        assert "first guess wrong" in text
        assert "worth 1.00" not in text
        (lab / "whales" / "train" / "photo00.png").write_bytes(b"no picture")
        await press(pilot, "w", "home")
        for _ in range(36):
            await press(pilot, "right")
            if "photo00.png" in screen_text(app):
                break
        assert "photo00.png cannot be shown" in screen_text(app)
