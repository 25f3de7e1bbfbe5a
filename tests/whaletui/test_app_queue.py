"""Queue, GPUs, the map of what was run, and what a new run is told of those before; key presses only."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_kit import RecordedLab, go_to, notices, opened, press, screen_text, settle, write

from whaletui.records.model import State
from whaletui.screens.new_run import NewRun
from whaletui.screens.queue import QueueScreen
from whaletui.screens.run import RunScreen
from whaletui.screens.runs import RunsScreen


@pytest.fixture(autouse=True)
def _no_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queue runs without anybody who would start them."""
    monkeypatch.setattr("whaletui.launch.ensure_keeper", lambda workspace: False)


def order(lab: Path) -> list[int]:
    return [run.id for run in RecordedLab(lab).records.active() if run.state is State.QUEUED]


async def test_a_slot_shows_what_it_does_for_whom_and_the_queue_why_and_until_when(still_lab: Path) -> None:
    async with opened(still_lab) as (app, pilot):
        await press(pilot, "Q")
        text = screen_text(app)
        ours = next(line for line in text.splitlines() if "GPU0" in line)
        for words in ("96%", "41/139 GiB", "64 °C", "412 W", "run 12 best s3: training 35% 8m left"):
            assert words in ours
        assert "held by alice, pid 812" in next(line for line in text.splitlines() if "GPU1" in line)
        assert "jupyter" in text
        waiting = next(line for line in text.splitlines() if "talk-resnet50 s1" in line)
        assert "in 8m" in waiting  # when best s3 has ended
        assert "waits: GPU1 is held by alice" in waiting


async def test_the_queue_is_reordered_and_put_back(lab: Path) -> None:
    recorded = RecordedLab(lab)
    for name in ("second", "third"):
        recorded.run(name)
    async with opened(lab) as (app, pilot):
        await press(pilot, "Q", "end", "K")
        assert order(lab) == [13, 15, 14]
        await press(pilot, "1")
        assert order(lab) == [15, 13, 14]
        await press(pilot, "J", "J")
        assert order(lab) == [13, 14, 15]
        await press(pilot, "u", "u")
        assert order(lab) == [15, 13, 14]
        await press(pilot, "home", "K")
        assert "run 12 (best s3) runs already" in notices(app)[-1]


async def test_a_run_is_held_back_and_let_go(lab: Path) -> None:
    recorded = RecordedLab(lab)
    recorded.run("second")
    async with opened(lab) as (app, pilot):
        await press(pilot, "Q", "down", "h")
        assert order(lab) == [14, 13]
        assert RecordedLab(lab).records.run(13).held
        await press(pilot, "K")
        assert "is held back: h lets it go" in notices(app)[-1]
        await press(pilot, "h")
        assert order(lab) == [13, 14]
        await press(pilot, "u")
        assert RecordedLab(lab).records.run(13).held


async def test_a_waiting_run_is_cancelled_and_one_is_opened(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "Q", "end", "x")
        assert order(lab) == []
        app.look_now()
        await settle(pilot)
        await press(pilot, "home", "enter")
        assert isinstance(app.screen, RunScreen)
        await press(pilot, "escape")
        assert isinstance(app.screen, QueueScreen)
        await press(pilot, "escape")
        assert isinstance(app.screen, RunsScreen)


async def test_missing_cells_of_the_map_are_queued_from_the_nearest_run(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "m")
        text = screen_text(app)
        assert "□" in text
        before = RecordedLab(lab).records.page().total
        await press(pilot, "n")  # resnet50 with seed 0 has its run
        assert "this cell has its run" in notices(app)[-1]
        await press(pilot, "right", "n")
        run = RecordedLab(lab).records.run(before + 1)
        assert (run.backbone, run.seed, run.state) == ("pretrainedmodels/resnet50", 1, State.QUEUED)
        await press(pilot, "A")
        assert "Queue 2 runs?" in screen_text(app)
        await press(pilot, "y")
        assert RecordedLab(lab).records.page().total == before + 3
        assert "0 cells" in screen_text(app)


async def test_an_equal_run_is_told_and_asked_about(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "c", "ctrl+s")
        assert "queued as 14" in notices(app)[-1]
        await press(pilot, "c")
        assert "run 14 is the same spec and seed (queued)" in screen_text(app)
        await press(pilot, "ctrl+s")
        assert "Queue it again all the same?" in screen_text(app)
        await press(pilot, "n")
        assert isinstance(app.screen, NewRun)
        await press(pilot, "down")
        await write(pilot, "9")
        assert "the same spec" not in screen_text(app)


async def test_time_is_foreseen_from_a_finished_run_of_the_same_kind(lab: Path) -> None:
    recorded = RecordedLab(lab)
    folder = str(lab / "whales")
    recorded.finished("measured", 0.5, **{"training.epochs": 10, "data.folder": folder})  # 610 s
    waiting = recorded.run("longer", **{"training.epochs": 20, "data.folder": folder, "seed": 8})
    assert waiting.id == 15
    async with opened(lab) as (app, pilot):
        await press(pilot, "c")
        assert "about 20m, as run 14 took" in screen_text(app)


async def test_what_matters_comes_first_and_the_rest_is_folded_away(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "c")
        text = screen_text(app)
        assert "model.backbone" in text
        assert "clip_norm" not in text
        go_to(app, "optimiser.clip_norm")
        await settle(pilot)
        assert "clip_norm" in screen_text(app)
