"""The ensemble lab by keys alone: searches, blends, diversity, records, submissions, Kaggle, pseudo-labels, gallery."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from app_kit import SIZES, TEST_PHOTOS, RecordedLab, Snapshot, notices, opened, press, screen_text, write

from whaletui.screens.ensemble import EnsembleScreen
from whaletui.screens.gallery import Gallery
from whaletui.screens.new_run import NewRun

TO_VOTE = ("end", *["up"] * 7, "space", "space", "e")
"""Keys from home to the vote of both finished runs."""


async def test_a_search_sets_weights_and_says_whether_its_gain_is_real(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, *TO_VOTE, "g")
        told = screen_text(app)
        assert "greedy search" in told
        assert "held out" in told
        assert "noise" in told
        await press(pilot, "space")  # a choice by hand: what the search said is of another one
        assert "greedy search" not in screen_text(app)
        await press(pilot, "w")
        assert "weights search" in screen_text(app)


async def test_runs_that_were_not_selected_are_candidates_too(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", *["up"] * 7, "space", "e")
        told = screen_text(app)
        assert "vote of 1 run " in told
        assert "[ ]  8 talk-effnet-b0" in told or "[ ]  7 talk-resnet50" in told
        await press(pilot, "down", "space")
        assert "vote of 2 members" in screen_text(app)


async def test_a_run_with_other_labels_says_so_where_it_stands(lab: Path) -> None:
    from engine.contract.predictions import ClassList, write_classes

    folder = lab / "runs" / "0007-talk-resnet50" / "predictions"
    write_classes(folder, ClassList(tuple(f"other_{number}" for number in range(9))))
    async with opened(lab) as (app, pilot):
        await press(pilot, *TO_VOTE)
        told = screen_text(app)
        assert "run 7 has other labels than run 8" in told
        assert "vote of 1 run " in told


async def test_the_diversity_matrices_turn(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, *TO_VOTE, "d")
        assert "agreement" in screen_text(app)
        await press(pilot, "right")
        assert "error overlap" in screen_text(app)
        await press(pilot, "right")
        assert "oracle at 5" in screen_text(app)
        await press(pilot, "escape")
        assert isinstance(app.screen, EnsembleScreen)


async def test_an_ensemble_is_saved_opened_renamed_and_made_again(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, *TO_VOTE, "b", "S")
        await write(pilot, "first vote")
        await press(pilot, "enter")
        assert "written down as e1 first vote" in screen_text(app)
        await press(pilot, "o")
        assert "first vote" in screen_text(app)
        await press(pilot, "t")
        await write(pilot, "kept")
        await press(pilot, "enter", "N")
        await write(pilot, "two of a kind")
        await press(pilot, "enter", "c", "down", "R", "ctrl+u")
        await write(pilot, "second")
        await press(pilot, "enter")
        told = screen_text(app)
        assert "#kept" in told
        assert "second" in told
        await press(pilot, "up", "p")
        assert "▸   e1" in screen_text(app)
        await press(pilot, "enter")
        assert "first vote: vote of 2 members   mean of calibrated probabilities" in screen_text(app)
    records = RecordedLab(lab).records
    assert [(one.name, one.tags) for one in records.ensembles()] == [("first vote", ("kept",)), ("second", ("kept",))]
    assert json.loads((lab / "ensembles" / "0001-first-vote.json").read_text())["note"] == "two of a kind"


async def test_an_ensemble_or_a_run_is_added_by_name(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, *TO_VOTE, "S")
        await write(pilot, "pair")
        await press(pilot, "enter", "m")
        await write(pilot, "pair")
        await press(pilot, "enter")
        told = screen_text(app)
        assert "vote of 3 members" in told
        assert "[x]  e1 pair" in told
        assert "pair: vote" not in told  # it is another ensemble now
        await press(pilot, "m")
        await write(pilot, "nobody")
        await press(pilot, "enter")
        assert "there is no run 'nobody'" in notices(app)[-1]


async def test_a_run_whose_scores_are_no_numbers_says_so_where_it_stands(lab: Path) -> None:
    import numpy as np

    path = lab / "runs" / "0007-talk-resnet50" / "predictions" / "valid.npy"
    scores = np.load(path)
    scores[3, 2] = np.nan
    np.save(path, scores)
    async with opened(lab) as (app, pilot):
        await press(pilot, *TO_VOTE)
        assert "run 7 scores photo03.png with a number that is none" in screen_text(app)


async def test_one_key_exports_what_is_shown_with_what_it_is_made_of(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, *TO_VOTE, "plus", "b", "b", "E")
        assert "5 rows written to submissions/vote-8x2-7-geometric.csv" in screen_text(app)
    told = json.loads((lab / "submissions" / "vote-8x2-7-geometric.json").read_text())
    assert [(one["key"], one["weight"]) for one in told["members"]] == [("8", 2.0), ("7", 1.0)]
    assert "--blend geometric" in told["command"]


async def test_the_duplicates_switch_is_marked_as_long_as_it_is_on(lab: Path) -> None:
    for name in ("0007-talk-resnet50", "0008-talk-effnet-b0"):
        (lab / "runs" / name / "predictions" / "test_copies.json").write_text('{"test2.png": "w_5"}')
    async with opened(lab) as (app, pilot):
        await press(pilot, *TO_VOTE, "D")
        assert "DUPLICATES ON" in screen_text(app)
        await press(pilot, "E")
        assert "1 copies took their label" in screen_text(app)
        await press(pilot, "D")
        assert "DUPLICATES ON" not in screen_text(app)
    assert "test2.png,w_5 " in (lab / "submissions" / "vote-8-7-duplicates.csv").read_text()


async def test_pseudo_labels_open_the_form_of_a_run_that_trains_on_them(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, *TO_VOTE, "P", "ctrl+u")
        await write(pilot, "0.3")
        await press(pilot, "enter")
        assert isinstance(app.screen, NewRun)
        assert app.screen.state.origin.data.extra == str(lab / "pseudo-labels" / "vote-8-7-0.3.csv")
    rows = (lab / "pseudo-labels" / "vote-8-7-0.3.csv").read_text().splitlines()
    assert rows[0] == "Image,Id"
    assert {row.split(",")[0] for row in rows[1:]} <= set(TEST_PHOTOS)
    assert all(row.split(",")[1].startswith("w_") for row in rows[1:])


async def test_the_gallery_opens_on_what_the_ensemble_gets_wrong(lab: Path) -> None:
    async with opened(lab) as (app, pilot):
        await press(pilot, "end", *["up"] * 7, "space", "e", "enter")
        assert isinstance(app.screen, Gallery)
        told = screen_text(app)
        assert "vote of 1 member: 8" in told
        assert "worth 1.00" not in told


async def test_kaggle_that_is_not_installed_is_told_and_the_file_stays(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(lab))
    async with opened(lab) as (app, pilot):
        await press(pilot, *TO_VOTE, "k", "y")
        assert "no program kaggle" in notices(app)[-1]
        assert "pip install kaggle" in notices(app)[-1]
    assert (lab / "submissions" / "vote-8-7.csv").exists()


@pytest.mark.parametrize("size", SIZES)
async def test_the_list_of_ensembles(size: str, lab: Path, snapshot: Snapshot) -> None:
    from engine.contract.ranking import Score
    from whaletui.records.model import MemberRecord, SourceRecord

    records = RecordedLab(lab).records
    score = Score(map5=0.641, low=0.624, high=0.657, known=0.6, new=0.9, photos=36, new_photos=4)
    members = [MemberRecord(runs=(7,), weight=2.0), MemberRecord(runs=(8,))]
    gone = (SourceRecord(run_id=99, digest="", seed=0, attempt=1),)
    first = records.add_ensemble("best of both", "geometric", members, score, gain=0.024, held_out=True)
    records.add_ensemble("of a run that is gone", "logits", [MemberRecord(runs=(99,))], score, sources=gone, star=True)
    written = records.add_submission("submissions/a.csv", "00", 5, ensemble_id=first.id, score=score)
    records.note_score(written.id, public=0.6123)
    async with opened(lab, SIZES[size]) as (app, pilot):
        await press(pilot, "e")
        snapshot.check(f"votes-listed-{size}", screen_text(app))
