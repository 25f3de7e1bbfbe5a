"""Home: filter, sort, selection, pages, liveness, and what a person changes there; key presses only."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_kit import HOSTILE, NOW, RecordedLab, fill, notices, opened, press, screen_text, settle, write
from textual.geometry import Region

from engine.contract import events as e
from whaletui.app import WhaleApp
from whaletui.desk import Desk
from whaletui.records.model import State
from whaletui.screens.run import RunScreen
from whaletui.screens.runs import RunsScreen
from whaletui.widgets.run_table import RunTable
from whaletui.workspace import Workspace


def rows(app: object) -> list[int]:
    return [facts.record.id for facts in app.screen.query_one(RunTable).facts]  # type: ignore[attr-defined]


async def test_filter_is_live_keeps_the_rows_while_it_cannot_be_read_and_escape_clears_it(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "slash")
        await write(pilot, "state=finished")
        assert rows(app) == [8, 7]
        await press(pilot, "backspace")
        assert "state is never 'finishe'" in screen_text(app)
        assert rows(app) == [8, 7]
        await write(pilot, "d map5>")
        assert "map5 is compared with nothing" in screen_text(app)
        assert rows(app) == [8, 7]
        await write(pilot, "0.54")
        assert rows(app) == [7]
        await press(pilot, "escape")
        assert len(rows(app)) == 13
        assert isinstance(app.focused, RunTable)


async def test_a_filter_is_kept_on_enter_and_cleared_by_escape_in_the_table(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "slash")
        await write(pilot, "tag=best")
        await press(pilot, "enter")
        assert rows(app) == [7]
        assert "1 of 13 runs match" in screen_text(app)
        await press(pilot, "escape")
        assert len(rows(app)) == 13


async def test_selection_outlives_filter_and_order(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", *["up"] * 7, "space", "slash")
        await write(pilot, "state=queued")
        await press(pilot, "enter", "S")
        assert list(app.desk.selected) == [8]
        await press(pilot, "escape")
        assert [facts.record.id for facts in app.screen.query_one(RunTable).facts if facts.selected] == [8]
        await press(pilot, "escape")
        assert not app.desk.selected


async def test_sort_is_chosen_by_name_and_turned_round(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "s")
        await write(pilot, "MAP@5")
        await press(pilot, "enter")
        scored = [facts.record.map5 for facts in app.screen.query_one(RunTable).facts if facts.record.map5 is not None]
        assert scored == sorted(scored, reverse=True)
        await press(pilot, "S")
        scored = [facts.record.map5 for facts in app.screen.query_one(RunTable).facts if facts.record.map5 is not None]
        assert scored == sorted(scored)


async def test_pages_are_turned(tmp_path: Path) -> None:
    recorded = RecordedLab(tmp_path / "many")
    records = [recorded.run(f"run {number}") for number in range(20)]
    assert records
    async with opened(tmp_path / "many") as (app, pilot):
        home = app.screen
        assert isinstance(home, RunsScreen)
        home.page_rows = 10
        home.reload()
        await settle(pilot)
        assert rows(app) == list(range(26, 16, -1))
        assert "1 to 10 of 26" in screen_text(app)
        await press(pilot, "right_square_bracket", "right_square_bracket", "right_square_bracket")
        assert rows(app) == [6, 5, 4, 3, 2, 1]
        await press(pilot, "left_square_bracket")
        assert rows(app) == list(range(16, 6, -1))


async def test_what_a_run_says_is_on_screen_after_the_next_look(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        recorded = RecordedLab(lab)
        running = next(run for run in recorded.records.active() if run.state is State.RUNNING)
        await press(pilot, "down")
        recorded.say(
            running,
            e.Step(step=999, epoch=39.0, loss=0.1234, learning_rate=1e-5, images_per_second=9.0, eta_seconds=61.0),
        )
        app.look_now()
        await settle(pilot)
        text = screen_text(app)
        assert "training 98% 1m left" in text
        assert "train 0.123" in text


async def test_only_cells_that_changed_are_painted(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(lab) as (app, pilot):
        painted: list[Region] = []
        table = app.screen.query_one(RunTable)
        monkeypatch.setattr(table, "refresh", lambda *regions, **_: painted.extend(regions))
        app.look_now()
        await settle(pilot)
        assert painted == []
        recorded = RecordedLab(lab)
        recorded.say(
            recorded.records.run(12),
            e.Step(step=999, epoch=39.0, loss=0.1, learning_rate=1e-5, images_per_second=9.0, eta_seconds=61.0),
        )
        app.look_now()
        await settle(pilot)
        assert {region.y for region in painted} == {2}  # the second row, below the titles
        assert 0 < sum(region.width for region in painted) < table.size.width / 2


async def test_another_program_adds_a_run_and_it_appears(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        RecordedLab(lab).run("from elsewhere")
        app.look_now()
        await settle(pilot)
        assert "from elsewhere" in screen_text(app)


async def test_star_note_and_tags(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "asterisk", "N")
        await write(pilot, "waits long")
        await press(pilot, "enter", "t")
        await write(pilot, "slow night")
        await press(pilot, "enter")
        run = RecordedLab(lab).records.run(13)
        assert (run.star, run.note, run.tags) == (True, "waits long", ("night", "slow"))
        assert "#slow" in screen_text(app)
        await press(pilot, "N", "escape")
        assert RecordedLab(lab).records.run(13).note == "waits long"


async def test_delete_asks_first_and_refuses_a_run_that_waits(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "D")
        assert "cancelled first" in notices(app)[-1]
        await press(pilot, "end", *["up"] * 7, "D", "n")
        assert 8 in rows(app)
        await press(pilot, "D", "y")
        assert 8 not in rows(app)
        assert 7 in rows(app)


async def test_cancel_stops_gently_first_and_asks_before_at_once(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "x")
        assert RecordedLab(lab).records.run(13).state is State.CANCELLED
        await press(pilot, "down", "x")
        assert RecordedLab(lab).records.asked_to_stop() == {12}
        await press(pilot, "x")
        assert "at once?" in screen_text(app)
        await press(pilot, "n")
        assert isinstance(app.screen, RunsScreen)


async def test_a_failing_change_is_told_with_the_run_named(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", "D", "y")
        assert "run 1" in notices(app)[-1]
        assert "published result" in notices(app)[-1]


async def test_a_run_whose_processes_are_gone_is_not_shown_as_running_for_long(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Path] = []
    monkeypatch.setattr("whaletui.jobs.keeper.ensure_keeper", lambda workspace: kept.append(workspace.root))
    app = WhaleApp(Desk(Workspace(lab), now=lambda: NOW), ticking=False)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        shown = {facts.record.id: facts.record.state for facts in app.screen.query_one(RunTable).facts}
        assert shown[12] is not State.RUNNING
        app.desk._tended_at = 0.0
        app.look_now()
        await settle(pilot)
        assert kept[-1] == lab  # somebody waits, so somebody is seen to


async def test_an_empty_workspace_says_how_to_begin(tmp_path: Path) -> None:
    async with opened(tmp_path / "empty", (80, 24)) as (app, _):
        text = screen_text(app)
        assert "No run of ours yet" in text
        assert "no data yet" in text


async def test_names_notes_logs_and_errors_cannot_reach_the_terminal_or_the_markup(tmp_path: Path) -> None:
    recorded = RecordedLab(tmp_path / "hostile")
    run = recorded.start(recorded.run(HOSTILE))
    recorded.say(run, e.Phase(name=HOSTILE), e.Warned(message=HOSTILE))
    recorded.log(run, HOSTILE + "\n")
    recorded.end(run, State.FAILED, HOSTILE)
    recorded.records.note(run.id, HOSTILE)
    recorded.records.tag(run.id, "[/]")
    async with opened(tmp_path / "hostile", (120, 30)) as (app, pilot):
        for keys in [(), ("D",), ("escape", "N"), ("escape", "t"), ("escape", "enter"), ("tab",), ("tab",),
                     ("escape", "c"), ("escape", "question_mark"), ("escape", "ctrl+p")]:  # fmt: skip
            await press(pilot, *keys)
            text = screen_text(app)
            assert not {character for character in text if ord(character) < 32 and character != "\n"}
            assert "\u202e" not in text
        await write(pilot, "evil")
        await press(pilot, "down", "enter")
        assert isinstance(app.screen, RunScreen)
        assert "[/] [bold red]x[/]" in screen_text(app)


async def test_records_that_cannot_be_opened_are_told_not_a_crash(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "experiments.db").write_bytes(b"no database at all" * 1000)
    async with opened(folder, (100, 24)) as (app, _):
        assert len(notices(app)) == 1
        assert "experiments.db" in notices(app)[0]


async def test_ages_come_from_the_held_clock(lab: Path) -> None:
    recorded = RecordedLab(lab)
    assert recorded.records.run(13).created_at == NOW - 3000
    async with opened(lab) as (app, _):
        assert " 50m" in screen_text(app)


def test_the_filled_lab_has_a_run_in_every_state(tmp_path: Path) -> None:
    states = {run.state for run in fill(tmp_path / "lab").records.page().rows}
    assert states == set(State)
