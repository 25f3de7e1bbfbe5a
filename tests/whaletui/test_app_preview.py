"""The preview of an augmentation: opened from the form, walked through by keys, or why there is none, in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from app_kit import PHOTOS, SIZES, WHALES, RecordedLab, Snapshot, go_to, notices, opened, press, screen_text, write

from engine.contract.augment import AugmentSpec
from engine.contract.errors import SpecError
from engine.contract.preview import Draw, Preview
from engine.contract.spec import RunSpec
from whaletui.__main__ import main
from whaletui.jobs.preview import Place, draw_previews
from whaletui.screens.new_run import NewRun
from whaletui.screens.preview import PreviewScreen
from whaletui.view.augment_lines import augment_lines
from whaletui.workspace import Workspace

APPLIED: tuple[tuple[str, ...], ...] = (("flip", "rotate"), (), ("gray",), ("clahe", "motion blur", "gray"))


@pytest.fixture
def asked(still_lab: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[RunSpec, list[Place]]]:
    """Have the engine's answer stand still: photos of the data as they are; return what was asked for."""
    heard: list[tuple[RunSpec, list[Place]]] = []

    def draw(
        workspace: Workspace, spec: RunSpec, places: Sequence[Place], sheet: object = None, hear: object = None
    ) -> tuple[Preview, ...]:
        heard.append((spec, list(places)))
        return tuple(_drawn(Path(spec.data.folder), row, turn) for row, turn in places)

    monkeypatch.setattr("whaletui.jobs.preview.draw_previews", draw)
    monkeypatch.setattr("whaletui.cli.data.draw_previews", draw)
    return heard


def _drawn(folder: Path, row: int, turn: int) -> Preview:
    path = str(folder / "train" / PHOTOS[row])
    told = {"row": row, "turn": turn, "photos": 36, "photo": PHOTOS[row], "label": WHALES[row % len(WHALES)]}
    if row == 2:
        return Preview(**told, trouble=f"the photo {PHOTOS[row]} cannot be read: [/] \x1b[31m cut short")
    return Preview(**told, plain=path, draws=tuple(Draw(path=path, applied=APPLIED[(n + turn) % 4]) for n in range(12)))


@pytest.mark.parametrize("size", SIZES)
async def test_screen(size: str, still_lab: Path, asked: list[object], snapshot: Snapshot) -> None:
    async with opened(still_lab, SIZES[size]) as (app, pilot):
        await press(pilot, "c", "f2")
        snapshot.check(f"preview-{size}", screen_text(app))


async def test_photos_and_draws_are_walked_through_and_remembered(
    still_lab: Path, asked: list[tuple[RunSpec, list[Place]]]
) -> None:
    async with opened(still_lab) as (app, pilot):
        await press(pilot, "c", "f2")
        screen = app.screen
        assert isinstance(screen, PreviewScreen)
        assert [places[0] for _, places in asked] == [(0, 0), (1, 0)]  # then those that the next keys lead to
        assert (35, 0) in asked[1][1]
        assert asked[0][0].data.folder == str(still_lab / "whales")
        await press(pilot, "question_mark")
        assert "other draws" in screen_text(app)
        await press(pilot, "escape", "right", "space")
        assert screen.place == (1, 1)
        assert "photo 2 of 36   photo01.png   w_1   epochs 13 to 24" in screen_text(app)
        await press(pilot, "up", "up", "left", "left")
        assert screen.place == (35, 0)  # before the first comes the last
        places = [place for _, some in asked for place in some]
        assert len(places) == len(set(places))  # nothing is drawn twice
        await press(pilot, "escape")
        assert isinstance(app.screen, NewRun)
        await press(pilot, "f2")
        assert "photo 36 of 36" in screen_text(app)
        await press(pilot, "home", "right", "right")
        assert "photo02.png cannot be read: [/]" in screen_text(app)
        assert "\x1b" not in screen_text(app)
        await press(pilot, "right")
        assert "cannot be read" not in screen_text(app)
        assert "flip, rotate" in screen_text(app)


async def test_what_was_typed_is_drawn_and_a_list_by_its_first(
    still_lab: Path, asked: list[tuple[RunSpec, list[Place]]]
) -> None:
    async with opened(still_lab) as (app, pilot):
        await press(pilot, "c")
        go_to(app, "augment.affine.enabled")
        await press(pilot, "space")
        go_to(app, "seed")
        await write(pilot, ",7")
        await press(pilot, "f2")
        assert asked[0][0].augment.affine.enabled
        assert "of the first of 2 runs" in screen_text(app)
        assert "affine      50%, scale 0.1, shift 0.05" in screen_text(app)


async def test_a_refused_spec_is_not_drawn_and_the_cursor_goes_there(
    still_lab: Path, asked: list[tuple[RunSpec, list[Place]]]
) -> None:
    async with opened(still_lab) as (app, pilot):
        await press(pilot, "c")
        go_to(app, "augment.erase.low")
        await press(pilot, "ctrl+u")
        await write(pilot, "0.9")
        await press(pilot, "f2")
        assert isinstance(app.screen, NewRun)
        assert "augment.erase.low is 0.9, above augment.erase.high, 0.3" in screen_text(app)
        assert "cannot be previewed yet" in notices(app)[-1]
        assert asked == []


def _without_data(lab: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (lab / "whales").rename(lab / "gone")
    return "there is no folder"


def _without_pictures(lab: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("WHALETUI_PICTURES", "off")
    return "no pictures in this terminal"


def _without_mercy(lab: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    def refuse(*words: object, **more: object) -> None:
        raise SpecError("albumentations refuses the augmentation: [/] \x1b[31m")

    monkeypatch.setattr("whaletui.jobs.preview.draw_previews", refuse)
    return "refuses the augmentation: [/]"


@pytest.mark.parametrize("spoil", [_without_data, _without_pictures, _without_mercy])
async def test_what_cannot_be_drawn_is_said_in_place(
    spoil: Callable[[Path, pytest.MonkeyPatch], str], lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = spoil(lab, monkeypatch)
    async with opened(lab, SIZES["80x24"]) as (app, pilot):
        await press(pilot, "c", "f2")
        assert sentence in screen_text(app)
        assert "\x1b" not in screen_text(app)
        await press(pilot, "right", "space", "end")  # nothing to walk through, and nothing breaks
        await pilot.resize_terminal(20, 5)
        await press(pilot, "escape")
        assert isinstance(app.screen, NewRun)


def test_the_real_engine_draws(lab: Path) -> None:
    spec = RunSpec().with_values({"data.folder": str(lab / "whales")})
    shown = draw_previews(Workspace(lab), spec, [(3, 1)], lab / "sheet.png")[0]
    assert (shown.row, shown.turn, shown.photo) == (3, 1, PHOTOS[3])
    assert all(Path(draw.path).is_relative_to(lab / "cache") for draw in shown.draws)
    assert (lab / "sheet.png").is_file()


def test_the_command_writes_a_sheet_or_says_why_not(
    lab: Path,
    asked: list[tuple[RunSpec, list[Place]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        "whaletui.cli.data.draw_previews", __import__("whaletui.jobs.preview").jobs.preview.draw_previews
    )
    words = ["-w", str(lab), "data", "--preview", "crop", "--set", "crop.enabled=false"]
    assert main([*words, "--photo", PHOTOS[5], "--out", "sheet.png"]) == 0
    assert "photo05.png (w_5) and 12 draws of crop written to sheet.png" in capsys.readouterr().out
    assert asked[0][1] == [(5, 0)]
    assert main([*words, "--json"]) == 0
    assert '"path": "crop.png"' in capsys.readouterr().out
    for wrong, why in (
        ([*words, "--photo", "photo5.png"], "no photo 'photo5.png'"),
        ([*words, "--set", "seed=1,2"], "the lists make 2 runs"),
        (["-w", str(lab), "data", "--out", "x.png"], "belong to --preview"),
    ):
        assert main(wrong) == 1
        assert why in capsys.readouterr().err


def test_lines_tell_what_is_on_and_how_often() -> None:
    lines = dict(augment_lines(AugmentSpec()))
    assert list(lines) == ["flip", "clahe", "jitter", "rotate", "motion blur", "downscale", "gray"]
    assert lines["clahe"] == "29%, clip 0.2, tiles 3"  # half of the photos, of those 0.7 of 1.2
    assert lines["gray"] == "50%, after normalise"
    off = RunSpec().with_values({"augment.tone.clahe.enabled": False, "augment.tone.jitter.p": 0, "augment.flip.p": 0})
    assert not {"clahe", "jitter", "flip"} & set(dict(augment_lines(off.augment)))


def test_a_recorded_spec_of_before_is_previewed_as_any(lab: Path) -> None:
    record = RecordedLab(lab).records.run(7)
    assert "affine" not in record.spec_json
    assert augment_lines(record.spec.augment) == augment_lines(AugmentSpec())
