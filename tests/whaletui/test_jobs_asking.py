"""Asking the engine: its answer, its refusal in its own kind of error, and its breaking off in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_kit import draw_whales

from engine.contract.errors import DataError, WhaleError
from whaletui.jobs.asking import Progress, ask
from whaletui.jobs.data import look_at_data
from whaletui.workspace import Workspace


def test_a_refusal_arrives_as_the_error_that_it_was(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder") as caught:
        ask("engine.data", [str(tmp_path / "nowhere"), "--cache", str(tmp_path)])
    assert caught.value.hint == "name the folder that holds train.csv and train/"


def test_an_engine_that_breaks_says_its_last_line() -> None:
    with pytest.raises(WhaleError, match=r"the engine broke off: .*engine\.nothing"):
        ask("engine.nothing", [])


def test_it_is_heard_how_far_it_is_and_whoever_leaves_stops_it(tmp_path: Path) -> None:
    draw_whales(tmp_path / "whales")
    heard: list[Progress] = []
    facts = look_at_data(Workspace(tmp_path), str(tmp_path / "whales"), hear=heard.append)
    assert len(facts.photos) == 41
    assert heard[0].phase == "reading photos"
    assert heard[0].total == 41

    def leave(progress: Progress) -> None:
        raise KeyboardInterrupt

    (tmp_path / "whales" / "train" / "photo00.png").touch()  # what was looked at before is out of date
    with pytest.raises(KeyboardInterrupt):
        look_at_data(Workspace(tmp_path), str(tmp_path / "whales"), hear=leave)
