"""The index: what goes in comes out, folders are whole or absent, ids are never reused, threads do not collide."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from jobs_kit import DATABASES, database_for, new_records

from engine.contract.errors import DiskError
from engine.contract.ranking import Score
from engine.contract.rundir import RunDir
from engine.contract.spec import RunSpec
from whaletui.records import folders, sqlite
from whaletui.records.errors import RecordsError
from whaletui.records.model import MemberRecord, Outcome, RunRecord, State
from whaletui.records.records import Records
from whaletui.view.runview import RunView


@pytest.fixture(params=DATABASES)
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    with database_for(request, tmp_path / "lab"):
        yield new_records(tmp_path / "lab")


@pytest.fixture
def in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    monkeypatch.delenv("WHALETUI_DATABASE_URL", raising=False)
    return new_records(tmp_path / "lab")


def add(records: Records, name: str = "a run", **changes: object) -> RunRecord:
    return records.add_run(RunSpec.of({}).with_values({"name": name, **changes}), now=1000.0)


def claim(records: Records, run: RunRecord, slot: str = "cpu-0", attempt: int = 1) -> bool:
    return records.claim(run.id, attempt, "here", (slot, slot.upper()), now=1001.0)


def test_a_new_workspace_holds_the_six_published_results(records: Records) -> None:
    rows = records.page(sort="id", descending=False).rows
    assert [(row.id, row.map5, row.state) for row in rows] == [
        (number, map5, State.PUBLISHED)
        for number, map5 in enumerate((0.31331, 0.3592, 0.43178, 0.55436, 0.53723, 0.62427), start=1)
    ]
    assert rows[2].method == "triplet"
    assert "0.52606 and 0.49614" in rows[4].note
    assert all(row.reason == "published: Kaggle score of the talk" for row in rows)
    assert all(row.spec.with_values({"name": "clone"}).training.epochs in (20, 28) for row in rows)
    with pytest.raises(RecordsError, match="published"):
        records.delete(1)


def test_a_run_comes_back_as_it_was_recorded(records: Records) -> None:
    spec = RunSpec.of({}).with_values({"name": "Ünï [/]", "seed": 7, "model.backbone": "timm/resnet18"})
    added = records.add_run(spec, now=1000.0)
    assert added == records.run(7) == records.find("7") == records.find("Ünï [/]")
    assert added.spec == spec
    assert (added.state, added.created_at, added.digest) == (State.QUEUED, 1000.0, spec.digest)
    assert RunDir(records.workspace.root / added.folder).spec() == spec
    assert added.folder == "runs/0007-n"


def test_an_unknown_run_offers_the_nearest_and_a_shared_name_its_ids(records: Records) -> None:
    add(records, "resnet50")
    with pytest.raises(RecordsError, match="did you mean resnet50"):
        records.find("resnet5")
    with pytest.raises(RecordsError, match="the newest is 7"):
        records.run(99)
    add(records, "resnet50")
    with pytest.raises(RecordsError, match="7, 8"):
        records.find("resnet50")


def test_text_from_outside_is_stored_without_what_databases_refuse(records: Records) -> None:
    run = add(records, "a\x00b\ud800c")
    assert records.run(run.id).name == "abc"
    records.note(run.id, "one\x00 \udfff two\x1b[0m")
    records.tag(run.id, "t\x00")
    assert records.run(run.id).note == "one  two\x1b[0m"
    assert records.run(run.id).tags == ("t",)


def test_what_a_person_changes_is_in_the_folder_too(records: Records) -> None:
    run = add(records)
    records.rename(run.id, "better")
    records.note(run.id, "why")
    records.star(run.id)
    records.move(run.id, -1.5)
    for tag in ("b", "a", "b", "gone"):
        records.tag(run.id, tag)
    records.untag(run.id, "gone")
    told = folders.read_record(records.workspace.root / run.folder)
    assert (told.name, told.note, told.star, told.tags, told.position) == ("better", "why", True, ("a", "b"), -1.5)
    assert folders.RecordFile.of(records.run(run.id)) == told
    for wrong in ("", "two words", "x" * 61):
        with pytest.raises(RecordsError, match="tag"):
            records.tag(run.id, wrong)
    with pytest.raises(RecordsError, match="name"):
        records.rename(run.id, " \x00")


def test_a_figure_that_is_no_number_is_none(records: Records) -> None:
    run = add(records)
    claim(records, run)
    records.settle(run.id, 1, Outcome(state=State.FAILED, loss=math.nan, map5=math.inf, epoch=2.0))
    assert (records.run(run.id).loss, records.run(run.id).map5, records.run(run.id).epoch) == (None, None, 2.0)


def test_an_id_is_never_given_again_and_a_delete_frees_the_folder(records: Records) -> None:
    run = add(records)
    folder = records.workspace.root / run.folder
    (folder / "big").write_bytes(b"x" * 100_000)
    with pytest.raises(RecordsError, match="queued"):
        records.delete(run.id)
    records.request_cancel(run.id)
    assert records.delete(run.id) >= 100_000
    assert list(records.workspace.runs.iterdir()) == []
    assert add(records).id == run.id + 1


def test_deleting_a_run_without_a_folder_leaves_the_workspace_alone(records: Records) -> None:
    run = add(records)
    records.request_cancel(run.id)
    records._writer.change(run.id, folder="")
    assert records.delete(run.id) == 0
    assert (records.workspace.root / run.folder / "spec.toml").exists()
    assert records.found(run.id) is None


def test_a_run_whose_folder_cannot_be_made_is_not_recorded(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "write_atomic", full)
    with pytest.raises(DiskError, match="No space left"):
        add(records)
    assert records.page().total == 6
    assert list(records.workspace.runs.iterdir()) == []


def test_a_run_that_cannot_be_recorded_leaves_no_folder(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RecordsError("locked")

    monkeypatch.setattr(type(records._writer), "insert", refuse)
    with pytest.raises(RecordsError):
        add(records)
    assert list(records.workspace.runs.iterdir()) == []


def test_a_slot_is_given_once_whoever_asks(records: Records) -> None:
    runs = [add(records) for _ in range(8)]
    barrier, won = threading.Barrier(8), []

    def ask(run: RunRecord) -> None:
        barrier.wait()
        if claim(records, run, "GPU-1"):
            won.append(run.id)

    threads = [threading.Thread(target=ask, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert records.leases() == {("here", "GPU-1"): won[0]}
    assert [run.id for run in records.in_states(State.RUNNING)] == won


def test_an_attempt_is_claimed_settled_and_put_back_once(records: Records) -> None:
    run = add(records)
    assert claim(records, run)
    assert not claim(records, run, "cpu-1")
    assert not records.settle(run.id, 2, Outcome(state=State.LOST))
    assert records.put_back(run.id, 1, "again")
    assert records.leases() == {}
    assert not claim(records, run)  # the first attempt is spent
    assert claim(records, run, attempt=2)
    assert records.settle(run.id, 2, Outcome(state=State.FINISHED, map5=0.5))
    assert not records.settle(run.id, 2, Outcome(state=State.LOST))
    assert (records.run(run.id).state, records.run(run.id).map5) == (State.FINISHED, 0.5)


def test_a_lost_run_that_speaks_again_runs_again(records: Records) -> None:
    run = add(records)
    claim(records, run)
    records.settle(run.id, 1, Outcome(state=State.LOST, ended_at=5.0))
    assert records.revive(run.id, 1, "here", ("cpu-0", "CPU0"), now=6.0)
    assert records.run(run.id).state is State.RUNNING
    assert records.leases() == {("here", "cpu-0"): run.id}


def test_progress_and_reasons_touch_only_active_runs(records: Records) -> None:
    running, waiting, ended = add(records), add(records), add(records)
    claim(records, running)
    records.request_cancel(ended.id)
    view = RunView.new()
    records.progress({run.id: type(view)(curves=view.curves, epoch=1.5, loss=2.0) for run in (running, waiting)})
    records.set_reasons({waiting.id: "behind", ended.id: "no"})
    assert (records.run(running.id).epoch, records.run(waiting.id).epoch) == (1.5, 0.0)
    assert (records.run(waiting.id).reason, records.run(ended.id).reason) == ("behind", "cancelled before it started")
    assert [run.id for run in records.active()] == [running.id, waiting.id]


def test_the_queue_follows_positions(records: Records) -> None:
    first, second = add(records), add(records)
    records.move(second.id, 0.5)
    assert [run.id for run in records.active()] == [second.id, first.id]


def test_votes_submissions_and_settings(records: Records) -> None:
    run = add(records)
    score = Score(map5=0.6, low=0.5, high=0.7, known=0.5, new=math.nan, photos=3, new_photos=0)
    members = [MemberRecord(runs=(run.id,), weight=2.0), MemberRecord(runs=(4, 5), weight=1.0)]
    vote = records.add_ensemble("vote", "logits", members, score, now=3.0)
    assert records.ensembles() == [vote]
    assert vote.members == tuple(members)
    written = records.add_submission("submissions/a.csv", "ab" * 32, 2610, ensemble_id=vote.id, now=4.0)
    records.note_score(written.id, public=0.61)
    records.note_score(written.id, private=0.62)
    assert [(entry.public, entry.private, entry.rows) for entry in records.submissions()] == [(0.61, 0.62, 2610)]
    with pytest.raises(RecordsError, match="no submission 9"):
        records.note_score(9, 0.5)
    with pytest.raises(RecordsError, match="between 0 and 1"):
        records.note_score(written.id, 62.0)
    records.set_setting("data", "/photos")
    records.set_setting("data", "/more")
    assert (records.setting("data"), records.setting("none")) == ("/more", "")


def test_threads_write_at_once_and_nothing_is_lost(records: Records) -> None:
    run = add(records)

    def tag(word: str) -> None:
        records.tag(run.id, word)

    threads = [threading.Thread(target=tag, args=(f"t{number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(records.run(run.id).tags) == {f"t{number}" for number in range(12)}


READ_ONLY = """
import sys
from whaletui.records.records import Records
from whaletui.workspace import Workspace
records = Records.open(Workspace(sys.argv[1]))
page = records.page("map5>0.4 model.backbone=resnet*", sort="map5")
records.run(1); records.active(); records.setting("data"); records.find("talk: ResNet50")
heavy = {"sqlalchemy", "alembic", "numpy", "torch", "textual"} & set(sys.modules)
assert not heavy, heavy
records.set_setting("data", "x")
assert "sqlalchemy" in sys.modules and "alembic" not in sys.modules
print(len(page.rows))
"""


def test_reading_an_up_to_date_database_loads_no_database_library(in_a_file: Records) -> None:
    folder = str(in_a_file.workspace.root)
    done = subprocess.run([sys.executable, "-c", READ_ONLY, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3\n"


def test_the_database_is_its_owners_and_keeps_the_promised_pragmas(in_a_file: Records) -> None:
    assert in_a_file.store.path.stat().st_mode & 0o077 == 0
    connection = sqlite.connect(in_a_file.store.path)
    told = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "busy_timeout")
    }
    connection.close()
    assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0,
                    "busy_timeout": 30_000}  # fmt: skip


def test_no_write_ahead_log_on_a_network_disk(in_a_file: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    def journal() -> str:
        connection = sqlite.connect(in_a_file.store.path)
        try:
            return str(connection.execute("PRAGMA journal_mode").fetchone()[0])
        finally:
            connection.close()

    assert journal() == "wal"
    monkeypatch.setattr(sqlite, "filesystem", lambda path: "nfs4")
    Records.open(in_a_file.workspace).set_setting("data", "/photos")
    assert journal() == "delete"


def test_the_file_system_is_that_of_the_deepest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:1 / /home rw shared:1 - nfs4 server:/home rw\n"
        "3 2 0:2 / /home/me/fast\\040disk rw - xfs /dev/sdb rw\n"
    )
    seen = [sqlite.filesystem(Path(path), mounts) for path in ("/srv/a", "/home/me/lab", "/home/me/fast disk/lab")]
    assert seen == ["ext4", "nfs4", "xfs"]
    assert sqlite.filesystem(tmp_path, tmp_path / "none") == ""


def test_a_damaged_database_says_how_to_mend_it(in_a_file: Records) -> None:
    path = in_a_file.store.path
    data = bytearray(path.read_bytes())
    data[:100] = os.urandom(100)
    path.write_bytes(bytes(data))
    with pytest.raises(RecordsError, match="rebuild"):
        Records.open(in_a_file.workspace)
