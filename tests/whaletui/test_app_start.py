"""How the app starts and ends: what it imports before the first paint, its exit code, its last net for text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from app_kit import opened, screen_text
from rich.segment import Segment
from textual.color import Color
from textual.filter import Monochrome

from whaletui.app import TICK_SECONDS, TICK_SECONDS_SSH, WhaleApp, run_app
from whaletui.widgets.clean_lines import CleanLines
from whaletui.workspace import Workspace

HEAVY = (
    "torch",
    "numpy",
    "sqlalchemy",
    "alembic",
    "PIL",
    "pandas",
    "timm",
    "whaletui.records.records",
    "whaletui.jobs.keeper",
)


def test_importing_the_app_waits_for_nothing_heavy() -> None:
    code = "import sys, whaletui.app; print(' '.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not set(HEAVY) & set(done.stdout.split())


def test_the_first_paint_comes_before_numpy_and_the_records(tmp_path: Path) -> None:
    code = f"""
import asyncio, sys
from whaletui.app import WhaleApp
from whaletui.desk import Desk
from whaletui.workspace import Workspace

class Watched(WhaleApp):
    def look_now(self):
        print([name for name in {HEAVY!r} if name in sys.modules])

async def main():
    app = Watched(Desk(Workspace({str(tmp_path)!r})), ticking=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[0] == "[]"


def test_a_crash_is_not_exit_code_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(app: WhaleApp, **_: object) -> None:
        app._return_code = 1

    monkeypatch.setattr(WhaleApp, "run", crash)
    assert run_app(Workspace(tmp_path)) == 1


def test_no_control_character_passes_the_last_net() -> None:
    clean = CleanLines()
    dirty = [Segment("a\x1b]0;t\x07b\x00\x9b31mc\u202ed"), Segment("plain"), Segment("ünïcode ▀⣿")]
    texts = [segment.text for segment in clean.apply(dirty, Color(0, 0, 0))]
    assert texts == ["a]0;tb31mcd", "plain", "ünïcode ▀⣿"]


async def test_the_net_is_hung_and_no_color_is_heeded(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(lab, (80, 24)) as (app, _):
        kinds = [type(entry) for entry in app.get_line_filters()]
        assert CleanLines in kinds
        assert Monochrome in kinds
        assert "✗    9 big" in screen_text(app)


def test_the_pulse_is_slower_over_ssh_and_animations_are_off() -> None:
    assert (TICK_SECONDS, TICK_SECONDS_SSH) == (0.5, 1.0)
    assert os.environ["TEXTUAL_ANIMATIONS"] == "none"
