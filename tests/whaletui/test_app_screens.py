"""Every screen at both sizes, reached by keys alone, compared with the text that was looked at and kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_kit import SIZES, Snapshot, opened, press, screen_text

from engine.contract.spec import RunSpec
from whaletui.presets import Preset
from whaletui.screens.new_run import NewRun
from whaletui.screens.runs import RunsScreen

PRESETS = tuple(
    Preset(name=name, about=f"What {name} is good for, in a sentence.", spec=RunSpec(name=name), text="")
    for name in ("talk-resnet50", "thumbnails")
)
"""Presets that stand still, whatever becomes of those that ship."""

WAYS = {
    "runs": (),
    "runs-on-a-finished-run": ("end", *["up"] * 6),
    "run-live": ("down", "enter"),
    "run-failed": ("down", "down", "down", "down", "enter"),
    "run-spec": ("down", "enter", "tab"),
    "presets": ("n",),
    "new-run": ("c", "down", "9", "comma", "3"),
    "compare": ("end", *["up"] * 7, "space", "space", "d"),
    "ensemble": ("end", *["up"] * 7, "space", "space", "e"),
    "diversity": ("end", *["up"] * 7, "space", "space", "e", "d"),
    "votes": ("e",),
    "gallery": ("end", *["up"] * 7, "g", "right"),
    "folded": ("f",),
    "columns": ("o",),
    "queue": ("Q",),
    "coverage": ("m",),
    "sort": ("s",),
    "help": ("question_mark",),
    "delete": ("end", *["up"] * 7, "D"),
    "note": ("N",),
}
"""Keys from home to each screen. Seven rows up from the last stands the newest finished run."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS)
async def test_screen(
    way: str, size: str, still_lab: Path, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whaletui.presets.presets", lambda: PRESETS)
    async with opened(still_lab, SIZES[size]) as (app, pilot):
        await press(pilot, *WAYS[way])
        snapshot.check(f"{way}-{size}", screen_text(app))


async def test_no_screen_falls_over_in_a_tiny_terminal(still_lab: Path) -> None:
    async with opened(still_lab, (20, 5)) as (app, pilot):
        for way, keys in WAYS.items():
            await press(pilot, "home", *keys)
            await pilot.resize_terminal(1, 1)
            await pilot.resize_terminal(20, 5)
            while not isinstance(app.screen, RunsScreen):
                leaving_form = isinstance(app.screen_stack[-2], NewRun)  # it asks whether what was typed may go
                await press(pilot, "y" if leaving_form else "escape")
            await press(pilot, "escape")
            assert app.return_code is None, way
