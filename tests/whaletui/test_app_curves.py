"""Curves of many runs and the log of one: what keys do, what is on top, what cannot be drawn says so."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
from app_kit import HOSTILE, RecordedLab, notices, opened, press, screen_text, settle, write
from test_view_newness import told

from engine.contract import events as e
from engine.contract.rundir import RunDir, write_json
from whaletui.app import WhaleApp
from whaletui.screens.curves import CurvesScreen
from whaletui.screens.run import RunScreen
from whaletui.view.plots import PALETTE_SIZE
from whaletui.widgets.chart import Chart
from whaletui.widgets.log_pane import LogPane

OVERLAY = ("end", *["up"] * 7, "space", "space", "v")
"""Keys from home to the curves of runs 8 and 7."""


def chart(app: WhaleApp, name: str) -> Chart:
    return app.screen.query_one(f"#{name}", Chart)


def step(number: int, loss: float, log_bytes: int = 0) -> e.Step:
    return e.Step(
        step=number, epoch=number / 10, loss=loss, learning_rate=1e-3, images_per_second=100.0, log_bytes=log_bytes
    )


def labelled(app: WhaleApp, name: str = "train_loss") -> list[tuple[str, bool]]:
    return [(one.label, one.top) for one in chart(app, name).plot.curves]


async def test_the_run_under_the_cursor_is_on_top_and_space_hides_it(still_lab: Path) -> None:
    async with opened(still_lab) as (app, pilot):
        await press(pilot, *OVERLAY)
        assert labelled(app) == [("8", True), ("7", False)]
        await press(pilot, "down")
        assert labelled(app) == [("8", False), ("7", True)]
        await press(pilot, "space")
        assert labelled(app) == [("8", False)]
        assert "1 hidden" in screen_text(app)
        await press(pilot, "down", "space")
        assert len(labelled(app)) == 2


async def test_keys_change_how_all_charts_are_looked_at(still_lab: Path) -> None:
    async with opened(still_lab) as (app, pilot):
        await press(pilot, *OVERLAY, "a", "a")
        assert "by time" in screen_text(app)
        assert {chart(app, name).plot.axis for name in ("train_loss", "map5")} == {"time"}
        await press(pilot, "a", "s", "plus")
        plot = chart(app, "map5").plot
        assert (plot.axis, plot.smooth, plot.window) == ("epoch", 0.6, (7.0, 21.0))
        await press(pilot, "right_square_bracket", "minus", "y")
        plot = chart(app, "map5").plot
        assert (plot.window, plot.clip) == (None, False)
        await press(pilot, "l")
        assert (chart(app, "train_loss").plot.log, chart(app, "map5").plot.log) == (True, False)
        await press(pilot, "tab", "tab", "o")
        assert [one.id for one in app.screen.query(Chart) if one.display] == ["map5"]
        await press(pilot, "o", "plus", "0")
        assert chart(app, "map5").plot.window is None


async def test_a_marked_place_shows_the_values_there(still_lab: Path) -> None:
    async with opened(still_lab) as (app, pilot):
        await press(pilot, *OVERLAY, "left")
        assert "values at epoch 28" in screen_text(app)
        await press(pilot, *["ctrl+left"] * 4)
        place = chart(app, "train_loss").plot.cross
        assert place is not None
        assert place < 10
        shown = float(next(line for line in screen_text(app).splitlines() if "8 talk-effnet" in line).split()[3])
        assert shown == pytest.approx(0.4 + 7 * math.exp(-round(place, 1) / 5), abs=0.12)
        await press(pilot, "0")
        assert chart(app, "train_loss").plot.cross is None


async def test_every_run_that_matches_is_marked_and_drawn_and_keeps_its_colour(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await pilot.press("A", "v")  # the second key does not wait for what the first one reads
        await settle(pilot)
        assert isinstance(app.screen, CurvesScreen)
        assert [run.id for run in app.screen.runs] == [13, 12, 11, 10, 9, 8, 7]
        before = dict(app.desk.colours)
        assert len({number % PALETTE_SIZE for number in before.values()}) == 7
        await press(pilot, "escape", "A")
        assert app.desk.selected == {}
        await press(pilot, "end", *["up"] * 7, "v")
        assert app.desk.colours == before
        await press(pilot, "enter")
        assert isinstance(app.screen, RunScreen)


async def test_published_results_have_no_curves(still_lab: Path) -> None:
    async with opened(still_lab) as (app, pilot):
        await press(pilot, "end", "v")
        assert "no curves" in notices(app)[-1]


async def test_new_points_are_drawn_at_the_next_look_and_not_before(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "down", "v")
        recorded = RecordedLab(lab)
        before = chart(app, "train_loss").plot
        app.look_now()
        await settle(pilot)
        assert chart(app, "train_loss").plot is before  # nothing is painted where nothing was said
        recorded.say(recorded.records.run(12), step(999, 0.1234))
        app.look_now()
        await settle(pilot)
        assert "12 0.123" in screen_text(app)


async def test_a_screen_that_lies_beneath_another_hears_nothing_until_it_is_back(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        home, heard = app.screen, []
        plain = home.hear  # type: ignore[attr-defined]
        home.hear = lambda pulse: (heard.append(pulse), plain(pulse))  # type: ignore[attr-defined]
        await press(pilot, "down", "v")
        recorded = RecordedLab(lab)
        recorded.say(recorded.records.run(12), step(999, 0.1234))
        app.look_now()
        await settle(pilot)
        assert heard == []
        await press(pilot, "escape")
        assert heard
        assert "train 0.123" in screen_text(app)


async def test_a_metric_that_is_never_a_number_and_one_run_with_a_hostile_name(tmp_path: Path) -> None:
    recorded = RecordedLab(tmp_path / "odd")
    run = recorded.start(recorded.run(HOSTILE))
    recorded.say(run, *(step(number, math.nan) for number in range(1, 61)))
    async with opened(tmp_path / "odd") as (app, pilot):
        await press(pilot, "v")
        text = screen_text(app)
        assert "none of 60 values is a number" in text
        assert "[/] [bold red]x[/]" in text
        assert not {character for character in text if ord(character) < 32 and character != "\n"}
        recorded.say(run, step(61, 5.0), step(62, math.inf), step(63, 4.0))
        app.look_now()
        await settle(pilot)
        assert "×" in screen_text(app)
        await press(pilot, "l", "s", "plus", "minus", "left", "0")
        assert app.return_code is None


def logging(tmp_path: Path, lines: int) -> RecordedLab:
    """Return a lab with one run that noted how long its log was at each step; a step every hundred lines."""
    recorded = RecordedLab(tmp_path / "lab")
    run = recorded.start(recorded.run("talks"))
    text = [f"line {number:06d} says nothing\n" for number in range(lines)]
    text[lines // 2] = "line that Matters\n"
    recorded.log(run, "".join(text))
    sizes = [sum(map(len, text[: number * 100])) for number in range(lines // 100)]
    recorded.say(run, *(step(number + 1, 1.0 / (number + 1), size) for number, size in enumerate(sizes)))
    return recorded


async def test_a_log_is_searched_and_its_line_is_marked_in_the_curves_by_when_it_was_written(tmp_path: Path) -> None:
    logging(tmp_path, 20_000)
    async with opened(tmp_path / "lab") as (app, pilot):
        await press(pilot, "enter")
        pane = app.screen.query_one(LogPane)
        assert pane.following
        assert "line 019999 says nothing" in screen_text(app)
        assert chart(app, "loss").plot.cross is None
        await press(pilot, "slash")
        await write(pilot, "matters")
        await press(pilot, "enter")
        assert pane.lines[pane.cursor].text == "line that Matters"
        assert chart(app, "loss").plot.cross == pytest.approx(10.1)  # said at step 101, a tenth of an epoch each
        await press(pilot, "n")
        assert "no line after" in notices(app)[-1]
        await press(pilot, "home")
        assert "line 000000 says nothing" in screen_text(app)
        assert chart(app, "loss").plot.cross == pytest.approx(0.1)
        await press(pilot, *["pagedown"] * 3, "end")
        assert pane.following
        assert "line 019999 says nothing" in screen_text(app)
        assert chart(app, "loss").plot.cross is None


async def test_a_click_on_a_curve_goes_to_the_line_that_was_written_then(tmp_path: Path) -> None:
    logging(tmp_path, 2_000)
    async with opened(tmp_path / "lab") as (app, pilot):
        await press(pilot, "enter")
        target = chart(app, "loss")
        await pilot.click(target, offset=(target.size.width // 2, 4))
        await settle(pilot)
        pane = app.screen.query_one(LogPane)
        number = int(pane.lines[pane.cursor].text.split()[1])
        assert 800 <= number <= 1200


async def test_every_line_of_a_long_log_can_be_walked_to(tmp_path: Path) -> None:
    logging(tmp_path, 20_000)
    async with opened(tmp_path / "lab", (80, 24)) as (app, pilot):
        await press(pilot, "enter", "home")
        pane = app.screen.query_one(LogPane)
        seen = 0
        while not pane.following:
            pane.action_page(40)
            await settle(pilot)
            assert len(pane.lines) <= 20_000
            number = pane.lines[pane.cursor].text.split()[1]
            assert number == "that" or int(number) > seen
            seen = seen if number == "that" else int(number)
        assert seen == 19_999


async def test_a_folder_that_is_removed_under_the_app_is_told_and_nothing_falls_over(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "down", "enter")
        assert "step 119" in screen_text(app)
        shutil.rmtree(lab / RecordedLab(lab).records.run(12).folder)
        app.look_now()
        await settle(pilot)
        text = screen_text(app)
        assert "its folder is gone" in text
        assert "train 0.826" in text  # what was read stays
        await press(pilot, "tab", "tab", "tab")
        assert "there is no folder" in screen_text(app)


async def test_environment_and_files_of_a_run(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", *["up"] * 7, "enter", "tab", "tab")
        assert "no summary yet" in screen_text(app)
        await press(pilot, "tab")
        text = screen_text(app)
        assert "attempt-1/events.jsonl" in text
        assert "predictions/valid.npy" in text


async def test_the_sweep_of_new_whale_is_a_tab_of_its_run(lab: Path) -> None:
    run_dir = RunDir(next((lab / "runs").glob("0008-*")))
    write_json(run_dir.predictions / "new_whale.json", told(0.1, 0.3, 0.4, 0.2))
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", *["up"] * 7, "enter", *["tab"] * 4)
        text = screen_text(app)
        assert "MAP@5 0.300 before, 0.350 calibrated" in text
        assert "▁███ 0.100" in text
        (run_dir.predictions / "new_whale.json").write_text("{")
        await press(pilot, *["tab"] * 6)
        assert "cannot be read" in screen_text(app)
