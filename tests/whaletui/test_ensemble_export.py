"""From recorded runs to submissions and records: made again bit for bit, refused whole, rebuilt from files alone."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shlex
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_kit import RecordedLab, draw_whales
from votes_kit import scored

from engine.contract.errors import RunFolderError
from engine.contract.extra import read_extra
from whaletui.cli.answers import ensemble as ensemble_command
from whaletui.cli.parser import build_parser
from whaletui.ensemble import submission as submission_module
from whaletui.ensemble.errors import EnsembleError
from whaletui.ensemble.evaluate import evaluate_voices
from whaletui.ensemble.export import export_voices, record_ensemble
from whaletui.ensemble.pseudo import write_pseudo_labels
from whaletui.ensemble.renew import news_of, renew
from whaletui.ensemble.voices import voices
from whaletui.records.errors import RecordsError
from whaletui.records.model import MemberRecord, RunRecord
from whaletui.records.rebuild import rebuild

CLASSES = ("new_whale", *(f"w_{number}" for number in range(1, 9)))
VALID = [f"photo{number:02d}.png" for number in range(18)]
TESTED = [f"test{number}.png" for number in range(5)]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordedLab:
    """A workspace with photos and no run."""
    monkeypatch.chdir(tmp_path)
    draw_whales(tmp_path / "whales")
    made = RecordedLab(tmp_path)
    made.records.set_setting("data", str(tmp_path / "whales"))
    return made


def add(lab: RecordedLab, name: str, seed: int = 0, photos: list[str] = VALID, **changes: Any) -> RunRecord:
    """Return a finished run with scores of its own."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, len(CLASSES), len(photos))
    valid = random.normal(size=(len(photos), len(CLASSES)))
    known = {photo: int(photo[5:7]) % len(CLASSES) for photo in photos}
    truth = np.array([known[photo] for photo in photos])
    valid[np.arange(len(photos)), truth] += 1.5
    test = random.normal(size=(len(TESTED), len(CLASSES))) * 2
    return scored(
        lab, name, valid, test, photos, [CLASSES[one] for one in truth], TESTED, CLASSES,
        **{"data.folder": str(lab.workspace.root / "whales"), "seed": seed, **changes},
    )  # fmt: skip


def command(lab: RecordedLab, text: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `whaletui ensemble …` in this process; returns its JSON."""
    capsys.readouterr()
    options = build_parser().parse_args(["-w", str(lab.workspace.root), *shlex.split(text)[1:], "--json"])
    assert ensemble_command(options) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("blend", ["logits", "probabilities", "geometric", "ranks"])
def test_the_command_in_the_provenance_makes_the_same_bytes_again(lab, capsys, blend):
    first, second = add(lab, "a", 1), add(lab, "b", 2)
    members = voices(lab.records, [str(first.id), str(second.id)])
    made = export_voices(lab.records, lab.workspace, members, blend, [2, 1])
    told, text = json.loads(made.provenance.read_text()), made.path.read_bytes()
    assert told["sha256"] == hashlib.sha256(text).hexdigest() == made.submission.sha256
    assert [(one["runs"][0]["digest"], one["runs"][0]["seed"]) for one in told["members"]] == [
        (first.digest, 1), (second.digest, 2),
    ]  # fmt: skip
    assert (told["members"][0]["beta"] is None) == (blend in ("logits", "ranks"))
    assert told["validation"]["map5"] == made.ensemble.map5
    made.path.unlink()
    again = command(lab, told["command"], capsys)
    assert made.path.read_bytes() == text
    assert again["sha256"] == told["sha256"]
    assert again["submission"] == made.submission.id  # the same bytes in the same place are one submission
    assert len(lab.records.ensembles()) == 1


def test_other_contents_of_the_same_name_are_left_alone(lab):
    run = add(lab, "a", 1)
    first = export_voices(lab.records, lab.workspace, voices(lab.records, ["7"]), "logits")
    folder = lab.workspace.run_dir(run.folder).predictions
    scores = np.load(folder / "test.npy")
    np.save(folder / "test.npy", scores[:, ::-1])
    second = export_voices(lab.records, lab.workspace, voices(lab.records, ["7"]), "logits")
    assert (first.path.name, second.path.name) == ("run-7.csv", "run-7-2.csv")
    assert hashlib.sha256(first.path.read_bytes()).hexdigest() == first.submission.sha256


def test_a_member_without_test_scores_is_named_and_no_file_is_left(lab):
    run = add(lab, "a", 1)
    add(lab, "b", 2)
    (lab.workspace.run_dir(run.folder).predictions / "test.npy").unlink()
    with pytest.raises(RunFolderError, match="no test scores"):
        export_voices(lab.records, lab.workspace, voices(lab.records, ["7", "8"]), "logits")
    assert list(lab.workspace.submissions.iterdir()) == []
    assert lab.records.submissions() == []


def test_a_sample_submission_with_other_photos_names_the_row(lab):
    add(lab, "a", 1)
    sample = lab.workspace.root / "whales" / "sample_submission.csv"
    sample.write_text(sample.read_text().replace("test3.png", "test9.png"))
    (lab.workspace.root / "whales" / "test" / "test3.png").rename(lab.workspace.root / "whales" / "test" / "test9.png")
    with pytest.raises(EnsembleError, match=r"line 5 asks for test9\.png"):
        export_voices(lab.records, lab.workspace, voices(lab.records, ["7"]), "logits")
    assert list(lab.workspace.submissions.iterdir()) == []


def test_a_disk_that_fills_up_at_the_second_file_leaves_neither(lab, monkeypatch):
    add(lab, "a", 1)
    real, written = os.fsync, []

    def full(handle: int) -> None:
        written.append(handle)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(submission_module.os, "fsync", full)
    with pytest.raises(EnsembleError, match="No space left"):
        export_voices(lab.records, lab.workspace, voices(lab.records, ["7"]), "logits")
    assert list(lab.workspace.submissions.iterdir()) == []
    assert lab.records.submissions() == []


def test_two_exports_at_once_leave_one_table_with_its_own_provenance(lab):
    add(lab, "a", 1)
    add(lab, "b", 2)
    target, barrier = lab.workspace.submissions / "same.csv", threading.Barrier(2)

    def export(names: list[str]) -> None:
        members = voices(lab.records, names)
        barrier.wait()
        for _ in range(5):
            export_voices(lab.records, lab.workspace, members, "logits", path=target)

    threads = [threading.Thread(target=export, args=(names,)) for names in (["7"], ["7", "8"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = json.loads(target.with_suffix(".json").read_text())
    assert told["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert sorted(path.name for path in lab.workspace.submissions.iterdir()) == ["records", "same.csv", "same.json"]
    assert len(lab.records.ensembles()) == 1


def test_folds_of_one_spec_are_one_member(lab, capsys):
    add(lab, "cv", 3, VALID[:9], **{"data.fold": 0, "data.folds": 2})
    add(lab, "cv", 3, VALID[9:], **{"data.fold": 1, "data.folds": 2})
    add(lab, "whole", 4, VALID[:9], **{"data.fold": 0, "data.folds": 2})
    told = command(lab, "whaletui ensemble 7 8", capsys)
    assert told["members"] == ["7+8"]
    assert told["score"]["photos"] == 18
    beside = command(lab, "whaletui ensemble 9 8 7 --export", capsys)
    assert (beside["members"], beside["score"]["photos"]) == (["9", "8+7"[::-1]], 9)
    again = command(lab, "whaletui ensemble 9 7+8 --export", capsys)
    assert again["sha256"] == beside["sha256"]


def test_an_ensemble_is_a_member_of_another_but_never_of_itself(lab, capsys):
    for seed in (1, 2, 3):
        add(lab, f"r{seed}", seed)
    inner = command(lab, "whaletui ensemble 7 8 --name inner --blend probabilities", capsys)
    outer = command(lab, "whaletui ensemble inner 9 --name outer --export", capsys)
    assert outer["members"] == [f"e{inner['ensemble']}", "9"]
    assert json.loads(Path(outer["provenance"]).read_text())["members"][0]["members"][1]["key"] == "8"
    lab.records.change_ensemble(inner["ensemble"], members=(MemberRecord(ensemble_id=outer["ensemble"]),))
    with pytest.raises(EnsembleError, match="votes in itself: e1 in e2 in e1"):
        voices(lab.records, ["inner"])
    with pytest.raises(RecordsError, match="e1 is a member of e2"):
        lab.records.delete_ensemble(1)


def test_an_ensemble_named_alone_is_opened_and_cloned_with_changes(lab, capsys):
    add(lab, "a", 1)
    add(lab, "b", 2)
    command(lab, "whaletui ensemble 7 8 --weights 3 1 --name first --tag good --note why", capsys)
    clone = command(lab, "whaletui ensemble first --blend ranks --name second", capsys)
    assert (clone["members"], clone["weights"], clone["blend"]) == (["7", "8"], [3, 1], "ranks")
    listed = command(lab, "whaletui ensemble --list", capsys)
    assert [(one["name"], one["tags"], one["note"]) for one in listed] == [
        ("first", ["good"], "why"),
        ("second", [], ""),
    ]
    told = command(lab, "whaletui ensemble first second first --compare", capsys)
    assert told[2]["against_first"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert told[1]["against_first"]["mean"] == pytest.approx(told[1]["map5"] - told[0]["map5"])
    command(lab, "whaletui ensemble e1 --tag=-good --tag better", capsys)
    assert lab.records.ensemble(1).tags == ("better",)


def test_a_member_that_was_trained_again_is_told_and_takes_its_place(lab):
    add(lab, "a", 1)
    add(lab, "b", 2)
    members = voices(lab.records, ["7", "8"])
    scored_then = evaluate_voices(lab.workspace, members, "logits", [2, 1])
    record = record_ensemble(lab.records, members, "logits", [2, 1], scored_then, "pair")
    assert news_of(lab.records, [record]) == {}
    newer = add(lab, "a", 1)
    assert newer.digest == members[0].runs[0].digest
    assert news_of(lab.records, [record]) == {record.id: "run 7 was trained again as run 9"}
    made = renew(lab.records, lab.workspace, record)
    assert made.members == (MemberRecord(runs=(9,), weight=2.0), MemberRecord(runs=(8,), weight=1.0))
    assert (made.id, made.name) == (record.id, "pair")
    assert news_of(lab.records, [made]) == {}


def test_ensembles_and_submissions_come_back_from_their_files_alone(lab):
    add(lab, "a", 1)
    add(lab, "b", 2)
    made = export_voices(lab.records, lab.workspace, voices(lab.records, ["7", "8"]), "probabilities", [2, 1])
    lab.records.change_ensemble(made.ensemble.id, note="kept", tags=("one", "two"), star=True)
    lab.records.note_score(made.submission.id, public=0.61)
    before = lab.records.ensembles(), lab.records.submissions()
    lab.workspace.database.unlink()
    for rest in lab.workspace.root.glob("experiments.db-*"):
        rest.unlink()
    assert rebuild(lab.workspace).damaged == ()
    assert (lab.records.ensembles(), lab.records.submissions()) == before
    broken = lab.workspace.ensembles / "0002-torn.json"
    broken.write_text('{"id": 2, "name"')
    assert [trouble.split(":")[0] for trouble in rebuild(lab.workspace).damaged] == ["0002-torn.json"]
    assert lab.records.ensembles() == before[0]


def test_copies_take_their_label_only_where_asked_and_known(lab, capsys):
    run = add(lab, "a", 1)
    with pytest.raises(EnsembleError, match="no member knows"):
        export_voices(lab.records, lab.workspace, voices(lab.records, ["7"]), "logits", duplicates=True)
    copies = lab.workspace.run_dir(run.folder).predictions / "test_copies.json"
    copies.write_text('{"test1.png": "w_7", "test4.png": "w_2"}')
    plain = command(lab, "whaletui ensemble 7 --export", capsys)
    copied = command(lab, "whaletui ensemble 7 --duplicates --export", capsys)
    assert (plain["copies"], copied["copies"]) == (None, 2)
    rows = dict(line.split(",") for line in Path(copied["export"]).read_text().splitlines()[1:])
    before = dict(line.split(",") for line in Path(plain["export"]).read_text().splitlines()[1:])
    assert rows["test1.png"].split()[0] == "w_7"
    assert rows["test4.png"].split()[0] == "w_2"
    assert rows["test0.png"] == before["test0.png"]
    assert all(len(set(row.split())) == 5 for row in rows.values())


def test_pseudo_labels_are_of_known_whales_and_kept_from_folds_that_labelled_them(lab):
    add(lab, "a", 1)
    add(lab, "b", 2)
    members = voices(lab.records, ["7", "8"])
    path = lab.workspace.root / "pseudo.csv"
    made = write_pseudo_labels(lab.workspace, members, "logits", None, path, 0.2)
    assert 0 < made.rows <= 5
    assert "new_whale" not in path.read_text()
    from engine.contract.dataset import read_dataset
    from engine.contract.errors import DataError
    from engine.contract.spec import DataSpec

    dataset = read_dataset(lab.workspace.root / "whales")
    assert len(read_extra(DataSpec(extra=str(path)), dataset)) == made.rows
    with pytest.raises(DataError, match="trained on validation photos of this fold"):
        read_extra(DataSpec(extra=str(path), fold=1), dataset)
    with pytest.raises(EnsembleError, match="no test photo"):
        write_pseudo_labels(lab.workspace, members, "logits", None, path, 0.999999)
    other = add(lab, "c", 3, VALID, **{"data.fold": 1})
    with pytest.raises(EnsembleError, match="different folds"):
        write_pseudo_labels(lab.workspace, voices(lab.records, ["7", str(other.id)]), "logits", None, path, 0.2)


def test_the_search_of_the_command_line_chooses_and_is_recorded_as_held_out(lab, capsys):
    for seed in (1, 2, 3):
        add(lab, f"r{seed}", seed)
    told = command(lab, "whaletui ensemble 7 8 9 --select greedy --diversity --name searched", capsys)
    assert set(told["search"]) >= {"held_out", "held_out_single", "gain", "real", "weights"}
    assert len(told["diversity"]["agreement"]) == 3
    record = lab.records.find_ensemble("searched")
    assert record.held_out
    assert record.gain == pytest.approx(told["search"]["gain"]["mean"])


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["7", "7"], "named twice"), (["9"], "no run"), (["e5"], "no ensemble e5"), (["nobody"], "no run 'nobody'"),
        (["7+8"], "not folds of one spec"), ([], "no run is selected"), (["1"], "published"),
    ],
)  # fmt: skip
def test_names_that_stand_for_nobody_are_refused(lab, names, says):
    add(lab, "a", 1)
    add(lab, "b", 2, **{"data.fold": 1})
    with pytest.raises((EnsembleError, RecordsError), match=says):
        voices(lab.records, names)
