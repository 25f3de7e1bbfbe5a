"""A keeper that dies at once is started more and more seldom, and why is shown; one that works makes that forgotten."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_kit import notices, settle
from jobs_kit import Lab, make_lab, wait_until

from engine.contract.errors import WhaleError
from whaletui.app import WhaleApp
from whaletui.desk import Desk
from whaletui.jobs import starts as counting
from whaletui.jobs.keeper import ensure_keeper
from whaletui.jobs.starts import FIRST_PAUSE_SECONDS, FREE_STARTS, LONGEST_PAUSE_SECONDS, ON_ITS_WAY_SECONDS, Starts
from whaletui.records.model import State
from whaletui.workspace import Workspace

DEAD = 2**22 - 1  # a pid that is never given


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    yield from make_lab(tmp_path, monkeypatch)


def test_starts_become_rarer_until_one_works(tmp_path: Path) -> None:
    workspace, clock = Workspace(tmp_path), [1000.0]
    starts = Starts(workspace, lambda: clock[0])
    (tmp_path / "keeper.log").write_text("keeper: an old word\nImportError: no module named \x1b[31mnumpy\n")
    for _ in range(FREE_STARTS):
        assert starts.why_not_now() == ""
        starts.note(DEAD)
    for pause in (FIRST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2, FIRST_PAUSE_SECONDS * 4):
        clock[0] += pause - 0.01
        assert "ImportError: no module named numpy; the next is started" in starts.why_not_now()
        clock[0] += 0.01
        assert starts.why_not_now() == ""
        starts.note(DEAD)
    for _ in range(100):
        starts.note(DEAD)
    clock[0] += LONGEST_PAUSE_SECONDS
    assert starts.why_not_now() == ""
    clock[0] -= 1.0
    assert "5m after the last" in starts.why_not_now()
    starts.forget()
    assert starts.why_not_now() == ""


def test_a_start_of_the_machine_or_a_damaged_file_is_no_reason_to_wait(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for _ in range(9):
        Starts(workspace, lambda: 5000.0).note(DEAD)
    assert Starts(workspace, lambda: 5000.0).why_not_now()
    assert Starts(workspace, lambda: 10.0).why_not_now() == ""
    for damage in ("[1, ", "{}", "[[]]", "\x00", "7"):
        workspace.keeper_starts.write_text(damage)
        assert Starts(workspace).why_not_now() == ""


def test_one_that_is_on_its_way_is_waited_for_but_not_for_ever(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(counting, "boot_seconds", lambda: clock[0])
    with subprocess.Popen(["sleep", "600"]) as slow:
        Starts(lab.workspace).note(slow.pid)
        assert Starts(lab.workspace).on_its_way
        assert not ensure_keeper(lab.workspace)
        clock[0] += ON_ITS_WAY_SECONDS
        assert not Starts(lab.workspace).on_its_way
        clock[0] -= 1.0
        slow.kill()
        slow.wait()
    assert not Starts(lab.workspace).on_its_way


async def test_the_app_does_not_start_keepers_in_a_tight_loop_and_says_why(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, clock = lab.add("finish"), [1000.0]
    monkeypatch.setattr(counting, "boot_seconds", lambda: clock[0])
    spawned: list[Path] = []

    def die_at_once(workspace: Path) -> subprocess.Popen[bytes]:
        spawned.append(workspace)
        died = subprocess.Popen(["sh", "-c", "echo keeper: the disk is on fire > keeper.log; exit 1"], cwd=workspace)
        died.wait()
        return died

    with monkeypatch.context() as patch:
        patch.setattr("whaletui.jobs.keeper.spawn_keeper", die_at_once)
        app = WhaleApp(Desk(lab.workspace), ticking=False)
        async with app.run_test(size=(100, 30)) as pilot:
            await settle(pilot)
            for _ in range(12):
                app.desk._tended_at = float("-inf")  # as if a second had passed
                app.look_now()
                await settle(pilot)
            assert len(spawned) == FREE_STARTS
            assert len([told for told in notices(app) if "ended at once 3 times: the disk is on fire" in told]) == 1
            assert [record.id for record in app.desk.standing().active] == [run.id]  # it is looked at all the same
    with pytest.raises(WhaleError, match="runs go on, the queue waits"):
        ensure_keeper(lab.workspace)
    clock[0] += FIRST_PAUSE_SECONDS
    assert ensure_keeper(lab.workspace)
    lab.await_state(run, State.FINISHED)
    wait_until(lambda: not lab.workspace.keeper_starts.exists(), "the keeper that works wipes the slate clean")
