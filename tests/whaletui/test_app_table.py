"""The table of runs: columns that differ, folding, baseline, views, names, files, the clipboard; key presses only."""

from __future__ import annotations

import base64
import csv
import re
from pathlib import Path

import pytest
from app_kit import RecordedLab, notices, opened, press, screen_text, settle, write
from textual.widgets import Input

from whaletui.app import WhaleApp
from whaletui.records.model import State
from whaletui.view.remembered import Remembered, View, keep, recall
from whaletui.widgets.run_table import RunTable


def table(app: WhaleApp) -> RunTable:
    return app.screen.query_one(RunTable)


def titles(app: WhaleApp) -> list[str]:
    return [column.key for column in table(app).columns]


def names(app: WhaleApp) -> list[str]:
    return [
        column.cell(facts).text for facts in table(app).facts for column in table(app).columns if column.key == "name"
    ]


@pytest.fixture
def seeds(lab: Path) -> Path:
    """Return a workspace with three runs that differ in their seed alone, ids 14 to 16: 0.50, 0.52, 0.54."""
    recorded = RecordedLab(lab)
    for seed in range(3):
        recorded.finished(f"bench s{seed}", 0.5 + 0.02 * seed, seed=seed, age=2000, **{"training.epochs": 4})
    return lab


async def test_only_columns_that_differ_are_shown_and_settings_among_them(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        assert {"training.batch", "optimiser.kind", "seed"} <= set(titles(app))  # big has 512, best s3 has adamw
        assert "fold" not in titles(app)
        assert "training.workers" not in titles(app)
        await press(pilot, "slash")
        await write(pilot, "talk-effnet-b0")
        await press(pilot, "enter")
        assert {"id", "name", "state", "map5", "backbone"} <= set(titles(app))  # a single row shows what it holds
        await press(pilot, "escape", "slash")
        await write(pilot, "state=finished")
        await press(pilot, "enter")
        assert "backbone" in titles(app)  # of the two finished runs only this, and what comes of it, differs
        assert not {"method", "seed", "training.batch", "optimiser.kind"} & set(titles(app))


async def test_columns_are_chosen_ordered_and_remembered(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "o")
        await write(pilot, "workers")
        await press(pilot, "space", *["shift+up"] * 30, "enter")
        assert titles(app)[:3] == ["mark", "training.workers", "id"]
        assert " workers" in screen_text(app).splitlines()[1]
    async with opened(lab) as (app, pilot):
        assert titles(app)[:3] == ["mark", "training.workers", "id"]
        await press(pilot, "o", "ctrl+r")
        assert "training.workers" not in titles(app)


async def test_any_setting_is_sorted_by_and_the_order_is_remembered(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "s")
        await write(pilot, "training.batch")
        await press(pilot, "enter")
        assert table(app).facts[0].record.name == "big"
    async with opened(lab) as (app, _):
        assert table(app).facts[0].record.name == "big"


async def test_seeds_fold_into_one_row_with_mean_and_deviation_and_open_with_a_key(seeds: Path) -> None:
    async with opened(seeds) as (app, pilot):
        await press(pilot, "f")
        line = next(line for line in screen_text(app).splitlines() if "bench ×3" in line)
        assert "0.520" in line
        assert "±0.020 (3)" in line  # sample deviation of 0.50, 0.52, 0.54
        assert " 0-2 " in line
        assert "id 14-16" in screen_text(app)  # the last line names the runs
        await press(pilot, "right")
        assert [name.strip() for name in names(app)[:4]] == ["bench ×3", "bench s0", "bench s1", "bench s2"]
        await press(pilot, "down", "left")
        assert "bench s0" not in screen_text(app)
        await press(pilot, "space")
        assert sorted(app.desk.selected) == [14, 15, 16]
    async with opened(seeds) as (app, pilot):
        assert "bench ×3" in screen_text(app)
        await press(pilot, "f")
        assert "bench s0" in screen_text(app)


async def test_folded_rows_are_pages_and_sorted_by_their_mean(seeds: Path) -> None:
    async with opened(seeds) as (app, pilot):
        await press(pilot, "f", "s")
        await write(pilot, "MAP@5")
        await press(pilot, "enter")
        facts = table(app).facts  # of a single run the recorded figure counts, not the newest
        scores = [one.figure("map5") if one.members else one.record.map5 for one in facts]
        known = [score for score in scores if score is not None]
        assert known == sorted(known, reverse=True)


async def test_a_pinned_baseline_stands_above_and_differences_are_against_it(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", *["up"] * 7, "p")
        lines = screen_text(app).splitlines()
        assert "⚑" in lines[2]
        assert "talk-effnet-b0" in lines[2]
        assert "+0.017" in next(line for line in lines if "7 talk-resnet50 " in line)
    async with opened(lab) as (app, pilot):
        assert "⚑" in screen_text(app).splitlines()[2]
        await press(pilot, "end", *["up"] * 7, "p")
        assert "⚑" not in screen_text(app)


async def test_a_name_is_typed_over_in_place_and_taken_back(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "R")
        line = app.screen.query_one(Input)
        assert line.region.y == 2
        assert line.value == "talk-resnet50 s1"
        await press(pilot, "ctrl+u")
        await write(pilot, "better name")
        await press(pilot, "enter")
        assert "better name" in screen_text(app)
        await press(pilot, "R", "x", "escape", "u")
        assert RecordedLab(lab).records.run(13).name == "talk-resnet50 s1"
        assert "taken back: renaming run 13" in notices(app)[-1]


async def test_edits_are_taken_back_newest_first(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "asterisk", "N")
        await write(pilot, "a note")
        await press(pilot, "enter", "t")
        await write(pilot, "tag")
        await press(pilot, "enter")
        records = RecordedLab(lab).records
        seen = []
        for _ in range(3):
            await press(pilot, "u")
            run = records.run(13)
            seen.append((run.tags, run.note, run.star))
        assert seen == [((), "a note", True), ((), "", True), ((), "", False)]
        await press(pilot, "u")
        assert "nothing was edited" in notices(app)[-1]


async def test_the_filter_completes_words_and_brings_back_those_of_before(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "slash")
        await write(pilot, "sta")
        await press(pilot, "tab")
        await write(pilot, "=fini")
        await press(pilot, "tab", "enter")
        assert app.screen.view.filter == "state=finished"  # type: ignore[attr-defined]
        await press(pilot, "escape", "slash")
        await write(pilot, "tag=best")
        await press(pilot, "enter", "escape", "slash", "up", "up")
        assert app.screen.query_one("#filter Input", Input).value == "state=finished"
        await press(pilot, "down", "down", "down")
        assert isinstance(app.focused, RunTable)


async def test_views_are_saved_gone_to_and_forgotten(seeds: Path) -> None:
    async with opened(seeds) as (app, pilot):
        await press(pilot, "f", "slash")
        await write(pilot, "state=finished")
        await press(pilot, "enter", "w", "enter")
        await write(pilot, "the finished")
        await press(pilot, "enter", "escape", "f")
        assert len(table(app).facts) == 16
    async with opened(seeds) as (app, pilot):
        await press(pilot, "w")
        assert "the finished" in screen_text(app)
        await press(pilot, "enter")
        assert names(app) == ["bench ×3", "talk-effnet-b0", "talk-resnet50"]
        assert "state=finished" in screen_text(app)
        await press(pilot, "w", "up", "enter", "enter", "w")
        assert "the finished" not in screen_text(app)


async def test_the_table_is_written_as_csv_and_as_markdown(seeds: Path) -> None:
    async with opened(seeds) as (app, pilot):
        await press(pilot, "f", "T", "enter")
        assert "11 rows written" in notices(app)[-1]
        rows = list(csv.DictReader((seeds / "runs.csv").open()))
        folded = next(row for row in rows if row["name"] == "bench ×3")
        assert (folded["MAP@5"], folded["95 % interval"], folded["seed"]) == ("0.520", "±0.020 (3)", "0-2")
        await press(pilot, "T", "enter", "n", "T", "ctrl+u")
        await write(pilot, "runs.md")
        await press(pilot, "enter")
        lines = (seeds / "runs.md").read_text().splitlines()
        assert len(lines) == 13
        assert len({len(line) for line in lines}) == 1
        assert lines[1].startswith("| ---")
        await press(pilot, "T", "ctrl+u")
        await write(pilot, "runs.xlsx")
        await press(pilot, "enter")
        assert "neither .csv nor .md" in notices(app)[-1]


async def test_the_command_of_a_run_goes_to_the_clipboard_as_base64_and_nothing_else(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    written: list[str] = []
    async with opened(lab) as (app, pilot):
        monkeypatch.setattr(app, "_write", written.append)
        await press(pilot, *["down"] * 4, "y")
        (sequence,) = written
        found = re.fullmatch(r"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", sequence)
        assert found is not None
        command = base64.b64decode(found[1]).decode()
        assert command.startswith("whaletui run talk-effnet-b0 ")
        assert "--set seed=2" in command
        assert "--set training.batch=512" in command


async def test_the_end_of_a_run_is_told_on_screen_by_bell_and_by_ones_own_command(
    lab: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "tell"
    script.write_text(f'#!/bin/sh\necho "$WHALETUI_RUN $WHALETUI_STATE $1" > {tmp_path}/told\n')
    script.chmod(0o755)
    monkeypatch.setenv("WHALETUI_NOTIFY", str(script))
    monkeypatch.delenv("TMUX", raising=False)
    written: list[str] = []
    async with opened(lab) as (app, pilot):
        monkeypatch.setattr(app, "_write", written.append)
        RecordedLab(lab).end(RecordedLab(lab).records.run(12), State.FINISHED, map5=0.61)
        app.look_now()
        await settle(pilot)
        assert "run 12 (best s3) finished: MAP@5 0.610" in notices(app)[-1]
        assert written == ["\x07\x1b]9;whaletui: run 12 (best s3) finished: MAP@5 0.610 in 10m\x07"]
        assert (tmp_path / "told").read_text() == "12 finished run 12 (best s3) finished: MAP@5 0.610 in 10m\n"


async def test_a_notifying_command_that_fails_is_told(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHALETUI_NOTIFY", "/nowhere/at-all")
    async with opened(lab) as (app, pilot):
        RecordedLab(lab).end(RecordedLab(lab).records.run(12), State.FINISHED, map5=0.61)
        app.look_now()
        await settle(pilot)
        assert any("WHALETUI_NOTIFY is '/nowhere/at-all'" in notice for notice in notices(app))


async def test_a_remembered_view_that_cannot_be_read_is_kept_aside_and_told(lab: Path) -> None:
    (lab / "view.json").write_text("{no json")
    async with opened(lab) as (app, _):
        assert "view.json.damaged keeps what it held" in notices(app)[0]
        assert len(table(app).facts) == 13
    assert (lab / "view.json.damaged").read_text() == "{no json"


async def test_the_theme_is_remembered_and_one_has_no_colour(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        app.theme = "whale-plain"
        await settle(pilot)
        colours = {
            segment.style.color.name
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None and segment.style.color is not None
        }
        assert colours == {"default"}
    async with opened(lab) as (app, _):
        assert app.theme == "whale-plain"


def test_what_is_remembered_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = Remembered(
        view=View(sort="map5", columns=("mark", "id")), views={"a": View(folded=True)}, baseline=7, theme="whale-light"
    ).with_filter("tag=best")
    keep(tmp_path, kept)
    assert recall(tmp_path) == kept
    assert kept.with_filter(" tag=best ").filters == ("tag=best",)


async def test_without_colour_the_cursor_is_seen_by_being_reversed(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        app.theme = "whale-plain"
        await press(pilot, "down")
        strips = app.screen._compositor.render_strips()
        reversed_lines = [
            y for y, strip in enumerate(strips)
            if any(segment.style is not None and segment.style.reverse and segment.text.strip() for segment in strip)
        ]  # fmt: skip
        assert reversed_lines == [3]
