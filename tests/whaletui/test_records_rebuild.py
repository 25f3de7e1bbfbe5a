"""The database made again from the run folders equals the one that was lost; what is damaged is counted and named."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from jobs_kit import DATABASES, Lab, make_lab
from postgres_kit import Server

from engine.contract.ranking import Score
from engine.contract.rundir import write_json
from engine.contract.spec import RunSpec
from engine.contract.summary import Best, Environment, Figures, Summary
from whaletui.jobs.keeper import ensure_keeper, stop_keeper
from whaletui.jobs.local import cancel
from whaletui.jobs.settle import reconcile
from whaletui.records.errors import RecordsError
from whaletui.records.model import MemberRecord, RunRecord, State
from whaletui.records.rebuild import rebuild
from whaletui.records.records import Records
from whaletui.records.store import URL_VARIABLE


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    yield from make_lab(tmp_path, monkeypatch)


@pytest.fixture(params=DATABASES)
def lab_anywhere(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    on_server = request.param == "postgresql"
    url = request.getfixturevalue("postgres").new_database(tmp_path / "workspace") if on_server else ""
    yield from make_lab(tmp_path, monkeypatch, url)


def all_runs(records: Records) -> list[RunRecord]:
    """Return every run of ours; when the published rows were made is of no account."""
    return list(records.page("-state=published", limit=1000).rows)


def summary(**changes: object) -> Summary:
    figures = Figures(map5=0.61, low=0.5, high=0.7, known=0.4, new=None, photos=3, new_photos=0)
    environment = Environment(python="3", torch="2", timm="1", device="CPU", precision="float32", host="here")
    made = Summary(
        score=figures, best=Best(epoch=4, map5=0.7), baselines={"constant": 0.1, "duplicates": 0.2}, epochs=4, steps=8,
        loss=0.9, valid_loss=None, seconds={"total": 12.5}, environment=environment, spec_digest="", classes_digest="",
        classes=3, attempt=1, train_photos=9, test_photos=3, test_copies=0, peak_memory_bytes=1,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def test_the_rebuilt_database_equals_the_lost_one(lab_anywhere: Lab) -> None:
    lab = lab_anywhere
    finished, failed, odd, cancelled = (lab.add(name) for name in ("finish", "fail", "code4", "finish later"))
    write_json(lab.folder(finished) / "summary.json", summary())
    lab.records.note(finished.id, "good")
    lab.records.tag(finished.id, "keep")
    lab.records.star(failed.id)
    lab.records.rename(odd.id, "another name")
    cancel(lab.records, lab.workspace, cancelled)
    running, waiting = lab.add("wait"), lab.add("finish last")
    ensure_keeper(lab.workspace)
    lab.await_engine(running)
    lab.await_state(running, State.RUNNING)
    stop_keeper(lab.workspace)
    reconcile(lab.records, lab.workspace)
    score = Score(map5=0.6, low=0.5, high=0.7, known=0.5, new=math.nan, photos=3, new_photos=0)
    vote = lab.records.add_ensemble("v", "logits", [MemberRecord(runs=(finished.id,))], score)
    written = lab.records.add_submission("submissions/v.csv", "00", 3, ensemble_id=vote.id)
    lab.records.set_setting("data", "/photos")
    before, leases = all_runs(lab.records), lab.records.leases()

    report = rebuild(lab.workspace)

    after = all_runs(lab.records)
    assert (report.runs, report.damaged) == (6, ())
    assert (report.moved_to is not None and report.moved_to.exists()) == lab.records.store.is_file
    passing = {running.id: {"epoch", "loss"}, waiting.id: {"reason"}}  # its keeper writes these again at each tick
    for old, new in zip(before, after, strict=True):
        differing = {name for name in old.__struct_fields__ if getattr(old, name) != getattr(new, name)}
        assert differing <= passing.get(old.id, set()), old.name
    assert lab.run(finished).map5 == 0.61
    assert (lab.run(finished).baseline_duplicates, lab.run(finished).seconds) == (0.2, 12.5)
    assert (lab.run(cancelled).state, lab.run(waiting).state) == (State.CANCELLED, State.QUEUED)
    assert lab.records.leases() == leases == {next(iter(leases)): running.id}
    assert lab.records.ensembles() == [vote]
    assert lab.records.submissions() == [written]
    assert lab.records.setting("data") == "/photos"
    assert lab.records.page("state=published").matching == 6
    assert lab.add("finish").id == waiting.id + 1


def test_damaged_folders_are_named_and_left_out(lab: Lab) -> None:
    good, torn, foreign, twice = (lab.add(name, **{"data.folder": "/whales"}) for name in ("a", "b", "c", "d"))
    (lab.folder(torn) / "spec.toml").write_text('name = "b')
    (lab.folder(foreign) / "record.json").unlink()
    (lab.folder(twice) / "record.json").write_bytes((lab.folder(good) / "record.json").read_bytes())
    (lab.workspace.runs / ".0099-half.partial").mkdir()
    lab.workspace.database.write_bytes(b"no database at all" * 100)
    report = rebuild(lab.workspace)
    assert report.runs == 1
    assert [trouble.split(":")[0] for trouble in report.damaged] == [
        "votes, submissions and settings of the old database", "0008-b", "0009-c", "0010-d",
    ]  # fmt: skip
    assert [run.id for run in all_runs(lab.records)] == [good.id]
    assert lab.records.setting("data") == "/whales"


def test_a_workspace_without_a_database_is_built_from_its_folders(lab: Lab) -> None:
    run = lab.add("a")
    for path in lab.workspace.root.glob("experiments.db*"):
        if path.is_file():
            path.unlink()
    report = rebuild(lab.workspace)
    assert (report.runs, report.moved_to) == (1, None)
    assert lab.run(run) == run


@pytest.mark.postgres
def test_the_records_of_a_file_move_to_a_server(lab: Lab, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [lab.add("a"), lab.add("b")]
    lab.records.note(runs[0].id, "kept")
    before = all_runs(lab.records)
    postgres.execute("CREATE DATABASE team")
    monkeypatch.setenv(URL_VARIABLE, postgres.url("team"))
    assert rebuild(lab.workspace).runs == 2
    moved = Records.open(lab.workspace)
    assert not moved.store.is_file
    assert all_runs(moved) == before
    assert moved.add_run(before[0].spec).id == runs[1].id + 1
    assert rebuild(lab.workspace).runs == 3  # once more, over what is there


@pytest.mark.postgres
def test_a_rebuild_on_a_server_that_breaks_off_changes_nothing(
    lab: Lab, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL_VARIABLE, postgres.new_database(lab.workspace.root))
    records = Records.open(lab.workspace)
    run = records.add_run(RunSpec.of({}))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("whaletui.records.rebuild._carry_over", fail)
        with pytest.raises(OSError, match="No space"):
            rebuild(lab.workspace)
    assert all_runs(records) == [run]
    assert records.add_run(run.spec).id == run.id + 1


def test_records_in_a_file_elsewhere_are_not_rebuilt(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, "sqlite:////somewhere/lab.db")
    with pytest.raises(RecordsError, match="not a file"):
        rebuild(lab.workspace)
