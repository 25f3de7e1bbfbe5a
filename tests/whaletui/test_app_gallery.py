"""The gallery: neighbours by embedding or by table, ways to sift, two runs against each other, unreadable photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from app_kit import PHOTOS, WHALES, RecordedLab, draw_whales, notices, opened, press, screen_text
from PIL import Image

from engine.contract.errors import DataError, RunFolderError
from engine.contract.predictions import Photos
from engine.contract.rundir import write_json
from whaletui.app import WhaleApp
from whaletui.screens.gallery import Gallery
from whaletui.view.looked import WAYS, Guess, Looked, sifted
from whaletui.view.neighbours import Neighbours, read_boxes


def looked(photo: str, truth: str, *guesses: tuple[str, float]) -> Looked:
    names = [whale for whale, _ in guesses]
    worth = 1 / (names.index(truth) + 1) if truth in names else 0.0
    return Looked(photo=photo, truth=truth, guesses=tuple(Guess(*one) for one in guesses), worth=worth)


RIGHT = looked("right", "w_1", ("w_1", 0.9), ("w_2", 0.1))
SECOND = looked("second", "w_1", ("w_2", 0.6), ("w_1", 0.3))
MISSED = looked("missed", "w_1", ("w_2", 0.8), ("w_3", 0.1))
NEW = looked("new", "new_whale", ("w_2", 0.5), ("new_whale", 0.4))
ALL = [RIGHT, SECOND, MISSED, NEW]


@pytest.mark.parametrize(
    ("way", "kept"),
    [
        ("all", ALL), ("wrong", [SECOND, MISSED, NEW]), ("missed", [MISSED]), ("surest", [MISSED, SECOND, NEW]),
        ("unsure", [NEW, SECOND, MISSED, RIGHT]), ("new", [NEW]), ("here", [RIGHT]), ("there", [SECOND]),
    ],
)  # fmt: skip
def test_sifting_by_hand(way: str, kept: list[Looked]) -> None:
    others = {
        "right": looked("right", "w_1", ("w_9", 0.9)), "second": looked("second", "w_1", ("w_1", 0.9)),
        "missed": looked("missed", "w_1", ("w_2", 0.9)),
    }  # fmt: skip
    assert sifted(ALL, way, others) == kept
    assert set(WAYS) == {"all", "wrong", "missed", "surest", "unsure", "new", "here", "there"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return photos of which two more of each whale were trained on than the recorded runs validate on."""
    folder = tmp_path / "whales"
    draw_whales(folder)
    with open(folder / "train.csv", "a") as table:
        for whale in WHALES[1:]:
            for copy in "ab":
                Image.new("RGB", (20, 12), "white").save(folder / "train" / f"{whale}{copy}.png")
                table.write(f"{whale}{copy}.png,{whale}\n")
    return folder


def test_a_whale_is_shown_by_its_first_photo_that_was_not_held_back(data: Path) -> None:
    found = Neighbours(data, set(PHOTOS), None).of(looked("photo01.png", "w_1", ("w_1", 0.9), ("new_whale", 0.1)))
    assert [(one.photo, one.count, one.similarity) for one in found] == [("w_1a.png", 2, None), ("", 0, None)]


def embed(folder: Path, part: str, rows: dict[str, list[float]]) -> None:
    folder.mkdir(exist_ok=True)
    np.save(folder / f"{part}.npy", np.array(list(rows.values()), dtype=np.float16))
    write_json(folder / f"{part}.json", Photos(names=tuple(rows)))


def test_where_there_are_embeddings_it_is_the_nearest_one(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "embeddings"
    embed(folder, "valid", {"photo01.png": [0.0, 3.0]})
    embed(folder, "gallery", {"w_1a.png": [5.0, 0.0], "w_1b.png": [1.0, 1.0], "w_2a.png": [0.0, -1.0]})
    known = Neighbours(data, set(PHOTOS), folder)
    near, far = known.of(looked("photo01.png", "w_1", ("w_1", 0.9), ("w_2", 0.1)))
    assert (near.photo, near.similarity) == ("w_1b.png", pytest.approx(0.5**0.5, abs=1e-3))
    assert (far.photo, far.similarity) == ("w_2a.png", pytest.approx(-1.0))
    np.save(folder / "gallery.npy", np.zeros((2, 2), dtype=np.float16))
    with pytest.raises(RunFolderError, match=r"gallery\.json"):
        Neighbours(data, set(PHOTOS), folder)


def test_boxes_are_read_with_their_corners_in_order(tmp_path: Path) -> None:
    table = tmp_path / "boxes.tsv"
    table.write_text("fn\tbbox\na.png\t1 2 30 40\nb.png\t9 50 3 20\n")
    assert read_boxes(table) == {"a.png": (1, 2, 30, 40), "b.png": (3, 20, 9, 50)}
    table.write_text("fn,bbox\na.png,one two\n")
    with pytest.raises(DataError, match=r"a\.png"):
        read_boxes(table)
    with pytest.raises(DataError, match="columns fn and bbox"):
        read_boxes(tmp_path / "none.csv")


@pytest.fixture
def pair(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace with two finished runs on those photos; the second is the stronger one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHALETUI_PICTURES", "blocks")
    recorded = RecordedLab(tmp_path / "lab")
    for name, score in (("weak", 0.3), ("strong", 0.9)):
        recorded.finished(name, score)
    return tmp_path / "lab"


def gallery(app: WhaleApp) -> Gallery:
    assert isinstance(app.screen, Gallery)
    return app.screen


async def test_each_guess_stands_beside_a_photo_of_that_whale(pair: Path) -> None:
    async with opened(pair) as (app, pilot):
        await press(pilot, "g")
        text = screen_text(app)
        assert text.count("2 photos") == sum(g.whale != "new_whale" for g in gallery(app).shown[0].guesses)
        assert "▀" * 10 in text


async def test_two_selected_runs_are_set_against_each_other(pair: Path) -> None:
    async with opened(pair) as (app, pilot):
        await press(pilot, "space", "space", "g")
        screen = gallery(app)
        assert "right here, wrong there" in screen_text(app)
        assert screen.shown
        assert all(one.worth == 1 and screen.others[one.photo].worth < 1 for one in screen.shown)
        assert "run 7 said" in screen_text(app)


async def test_another_run_is_named_with_a_key_and_ways_are_chosen_from_a_list(pair: Path) -> None:
    async with opened(pair) as (app, pilot):
        await press(pilot, "g", "w")
        wrong = len(gallery(app).shown)
        assert f"1 of {wrong}" in screen_text(app)
        await press(pilot, "w", "f", "s", "u", "r", "e", "s", "t", "enter")
        shares = [one.first.share for one in gallery(app).shown]
        assert (len(shares), shares) == (wrong, sorted(shares, reverse=True))
        await press(pilot, "b", "w", "e", "a", "k", "enter")
        assert gallery(app).way == "here"
        assert "against run 7" in screen_text(app)
        await press(pilot, "end", "left", "down", "home")
        assert gallery(app).place == 0


async def test_a_photo_that_cannot_be_read_says_so_in_its_place(pair: Path, data: Path) -> None:
    (data / "train" / "photo00.png").write_bytes(b"no picture at all")
    (data / "train" / "photo01.png").unlink()
    async with opened(pair) as (app, pilot):
        await press(pilot, "g")
        assert "photo00.png cannot be shown" in screen_text(app)
        await press(pilot, "right")
        assert "photo01.png cannot be shown" in screen_text(app)
        await press(pilot, "right")
        assert "▀" * 10 in screen_text(app)


async def test_pictures_are_sent_as_pixels_where_the_terminal_draws_them_and_not_at_all_where_it_shows_none(
    pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setenv("WHALETUI_PICTURES", "kitty")
    async with opened(pair) as (app, pilot):
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "write", written.append)
        await press(pilot, "g")
        assert sum("\x1b_Ga=T,U=1" in piece for piece in written) >= 5
        assert "\U0010eeee" in screen_text(app)
        assert "\x1b" not in screen_text(app)
    monkeypatch.setenv("WHALETUI_PICTURES", "off")
    async with opened(pair) as (app, pilot):
        await press(pilot, "g")
        assert "no pictures in this" in screen_text(app)


async def test_a_table_that_is_gone_is_told_and_the_guesses_stay(pair: Path, data: Path) -> None:
    (data / "train.csv").unlink()
    async with opened(pair, (80, 24)) as (app, pilot):
        await press(pilot, "g")
        assert "train.csv" in notices(app)[-1]
        assert "▸ 1" in screen_text(app)
