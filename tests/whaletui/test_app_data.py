"""The screen of all photos: figures, thumbnails with boxes, ways through them; the engine's look stands still."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_kit import PHOTOS, SIZES, TEST_PHOTOS, WHALES, Snapshot, notices, opened, press, screen_text

from engine.contract.errors import DataError
from engine.contract.photo_facts import DataFacts, PhotoFacts
from whaletui.screens.data import DataScreen


def facts(folder: Path, boxes: str) -> DataFacts:
    photos = [
        PhotoFacts(
            name=name, part="train", label=WHALES[number % len(WHALES)], height=40, width=64, grey=number % 4 == 0,
            group=1 if number in (2, 3) else -1,
            box=(6.0, 6.0, 32.0, 58.0) if boxes and number % 3 else None,
            confidence=round(0.2 + number / 50, 2) if boxes and number % 3 else None,
        )
        for number, name in enumerate(PHOTOS)
    ]  # fmt: skip
    photos += [PhotoFacts(name=name, part="test", height=40, width=64) for name in TEST_PHOTOS]
    return DataFacts(folder=str(folder), digest="", photos=tuple(photos), boxes=boxes)


@pytest.fixture
def looks(still_lab: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the engine's answer stand still; return the tables of boxes that were asked for."""
    asked: list[str] = []

    def look(workspace: object, folder: str, boxes: str = "", hear: object = None) -> DataFacts:
        asked.append(boxes)
        return facts(still_lab / "whales", boxes)

    monkeypatch.setattr("whaletui.jobs.data.look_at_data", look)
    return asked


@pytest.mark.parametrize("size", SIZES)
async def test_screen(size: str, still_lab: Path, looks: list[str], snapshot: Snapshot) -> None:
    async with opened(still_lab, SIZES[size]) as (app, pilot):
        await press(pilot, "b", "right")
        snapshot.check(f"data-{size}", screen_text(app))


async def test_photos_are_walked_through_by_keys(still_lab: Path, looks: list[str]) -> None:
    async with opened(still_lab) as (app, pilot):
        await press(pilot, "b")
        screen = app.screen
        assert isinstance(screen, DataScreen)
        assert looks == [""]  # no table lies with these data
        await press(pilot, "left")
        assert screen.current is not None
        assert screen.current.name == TEST_PHOTOS[-1]  # before the first comes the last
        await press(pilot, "v", "d", "u", "p", "enter")
        assert [photo.name for photo in screen.photos] == [PHOTOS[2], PHOTOS[3]]
        assert "two labels" in [walk.name for walk in screen.walks]
        await press(pilot, "right_square_bracket")
        assert screen.current.name == PHOTOS[3]
        await press(pilot, "escape")
        assert not isinstance(app.screen, DataScreen)


async def test_whose_boxes_are_drawn_is_chosen(lab: Path, looks: list[str]) -> None:
    (lab / "whales" / "boxes.tsv").write_text("fn\tbbox\n")
    async with opened(lab) as (app, pilot):
        await press(pilot, "b")
        screen = app.screen
        assert isinstance(screen, DataScreen)
        assert looks == ["boxes.tsv"]
        assert "least certain" in [walk.name for walk in screen.walks]
        await press(pilot, "b")
        assert "boxes.tsv" in screen_text(app)
        await press(pilot, "n", "o", "space", "b", "enter")
        assert looks == ["boxes.tsv", ""]
        assert "no boxes" in screen_text(app)


async def test_data_that_cannot_be_looked_at_are_told(still_lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: object) -> DataFacts:
        raise DataError("train.csv is missing [/] \x1b[31m", "bring it")

    monkeypatch.setattr("whaletui.jobs.data.look_at_data", refuse)
    async with opened(still_lab) as (app, pilot):
        await press(pilot, "b")
        assert any("train.csv is missing [/]" in notice and "\x1b" not in notice for notice in notices(app))
        await press(pilot, "v", "right", "left_square_bracket")  # nothing to walk through, and nothing breaks
        assert app.return_code is None
