"""The database locked, deleted, overwritten, cut off from its log, or struck down half-way through a migration."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from jobs_kit import Lab, wait_until

from whaletui.jobs.keeper import ensure_keeper, stop_keeper
from whaletui.jobs.local import cancel
from whaletui.records import care, schema, sqlite
from whaletui.records.care import daily_backup, mend, what_is_wrong
from whaletui.records.dbapi import dbapi as sqlite3  # two SQLites in one process do not see the locks of one another
from whaletui.records.errors import RecordsError
from whaletui.records.model import MemberRecord, RunRecord, State
from whaletui.records.rebuild import rebuild
from whaletui.records.records import Records
from whaletui.records.store import Store


def whaletui(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "whaletui", "-w", str(lab.workspace.root), *words]
    return subprocess.run(command, capture_output=True, text=True)


def finished(lab: Lab, count: int = 1) -> list[RunRecord]:
    """Return runs that ended, all of whose traces are on disk."""
    runs = [lab.add(f"finish {number}") for number in range(count)]
    ensure_keeper(lab.workspace)
    ended = [lab.await_state(run, State.FINISHED) for run in runs]
    stop_keeper(lab.workspace)
    return ended


def test_a_locked_database_hurts_no_run_and_a_wish_to_stop_gets_through(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = lab.add("wait")
    ensure_keeper(lab.workspace)
    lab.await_engine(run)
    running = lab.await_state(run, State.RUNNING)
    attempt = lab.attempt(run)
    attempt = lab.attempt(run)
    monkeypatch.setattr(sqlite, "PRAGMAS", ("busy_timeout = 100", "foreign_keys = ON"))
    monkeypatch.setattr(sqlite, "BUSY_MILLISECONDS", 100)
    with closing(sqlite3.connect(lab.workspace.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RecordsError, match="being written by another program"):
            lab.records.star(run.id)
        with pytest.raises(RecordsError, match="being written by another program"):
            cancel(lab.records, lab.workspace, running)  # the wish is in the run's folder before the records are
        wait_until(lambda: attempt.exit.exists(), "the engine stops while the database is locked")
        other.execute("ROLLBACK")
    assert lab.await_state(run, State.CANCELLED).reason == "stopped at epoch 1.5"


def test_a_database_deleted_while_it_is_used_is_made_again(lab: Lab) -> None:
    run = lab.add("wait")
    ensure_keeper(lab.workspace)
    lab.await_engine(run)
    lab.await_state(run, State.RUNNING)
    for path in lab.workspace.root.glob("experiments.db*"):
        if path.is_file():
            path.unlink()
    wait_until(lambda: what_is_wrong(lab.workspace) == "", "the keeper makes it again")
    assert lab.run(run).state is State.RUNNING
    assert list(lab.records.leases().values()) == [run.id]
    lab.let_go(run)
    lab.await_state(run, State.FINISHED)


def test_a_write_into_a_file_that_was_replaced_is_told(lab: Lab) -> None:
    copy = lab.workspace.database.with_suffix(".copy")
    copy.write_bytes(lab.workspace.database.read_bytes())
    with pytest.raises(RecordsError, match="deleted or replaced"), Store(lab.workspace).writing():
        os.replace(copy, lab.workspace.database)


@pytest.mark.parametrize("damage", ["header", "page", "cut", "text"])
def test_a_damaged_database_is_moved_aside_and_made_again(lab: Lab, damage: str) -> None:
    runs = finished(lab, 2)
    lab.records.note(runs[0].id, "kept")
    before = [lab.run(run) for run in runs]
    with closing(sqlite3.connect(lab.workspace.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'runs'").fetchone()
        (page,) = connection.execute("PRAGMA page_size").fetchone()
    whole = bytearray(lab.workspace.database.read_bytes())
    if damage == "header":
        whole[:100] = bytes(100)
    elif damage == "page":
        whole[(root - 1) * page : root * page] = os.urandom(page)
    elif damage == "cut":
        del whole[len(whole) // 2 :]
    else:
        whole[:] = b"no database at all\n" * 200
    lab.workspace.database.write_bytes(whole)
    told = whaletui(lab, "ls").stderr  # need not touch what is damaged; a start looks
    told += mend(lab.workspace) + lab.workspace.keeper_log.read_text()  # one that a supervisor started may be first
    assert "made again from runs/, 2 runs" in told
    assert [lab.run(run) for run in runs] == before
    assert what_is_wrong(lab.workspace) == ""
    assert list(lab.workspace.root.glob("experiments.db.backups/before-rebuild-*.db"))


def test_what_only_the_database_knew_comes_from_its_newest_sound_copy(lab: Lab) -> None:
    from engine.contract.ranking import Score

    (run,) = finished(lab)
    score = Score(map5=0.6, low=0.5, high=0.7, known=0.5, new=0.5, photos=3, new_photos=0)
    vote = lab.records.add_ensemble("v", "logits", [MemberRecord(runs=(run.id,))], score)
    lab.records.set_setting("data", "/photos")
    assert not daily_backup(lab.workspace)  # the keeper has copied it today
    for copy in schema.backups(lab.workspace.database):
        copy.unlink()
    assert daily_backup(lab.workspace)
    lab.workspace.database.write_bytes(b"gone" * 1000)
    report = rebuild(lab.workspace)
    assert "those of its copy" in report.damaged[0]
    assert lab.records.ensembles() == [vote]
    assert lab.records.setting("data") == "/photos"


def test_seven_daily_copies_are_kept(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(care, "DAY_SECONDS", -1.0)
    names = set()
    for number in range(9):
        monkeypatch.setattr(schema.time, "strftime", lambda form, number=number: f"2026112{number}-000000")
        assert daily_backup(lab.workspace)
        names = {path.name for path in schema.backups(lab.workspace.database)}
    assert len(names) == schema.BACKUPS_KEPT
    assert "experiments-daily-20261128-000000.db" in names


def test_a_lost_write_ahead_log_is_made_good_by_a_rebuild(lab: Lab) -> None:
    (first,) = finished(lab)
    with closing(sqlite3.connect(lab.workspace.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # while one reader stays, what is written next is in the log alone
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM runs").fetchone()
        second = lab.add("finish second")
        copied = lab.workspace.database.read_bytes()
    for path in lab.workspace.root.glob("experiments.db-*"):
        path.unlink()
    lab.workspace.database.write_bytes(copied)  # as if copied without its log
    with pytest.raises(RecordsError, match=f"no run {second.id}"):
        lab.run(second)
    assert rebuild(lab.workspace).runs == 2
    assert (lab.run(first).state, lab.run(second)) == (State.FINISHED, second)


@pytest.mark.parametrize("moment", ["before", "within", "after"])
def test_killed_in_a_migration_the_schema_is_the_old_or_the_new_one(lab: Lab, moment: str) -> None:
    lab.records.set_setting("data", "/photos")
    child = os.fork()
    if child == 0:
        schema.REVISIONS, schema.HEAD = (*schema.REVISIONS, "9999"), "9999"

        def migrate(store: Store, is_new: bool) -> None:
            if moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            with store.writing() as session:
                session.connection().exec_driver_sql("ALTER TABLE settings ADD COLUMN more TEXT")
                session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
                if moment == "within":
                    os.kill(os.getpid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

        schema._migrate = migrate  # type: ignore[assignment]
        Records.open(lab.workspace)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    with closing(sqlite3.connect(lab.workspace.database)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(settings)")]
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert connection.execute("SELECT value FROM settings WHERE name = 'data'").fetchone() == ("/photos",)
    assert (columns == ["name", "value", "more"], version == "9999") in ((True, True), (False, False))
    assert (version == "9999") == (moment == "after")
    assert what_is_wrong(lab.workspace) == ""
    assert len(schema.backups(lab.workspace.database)) == 1  # taken before anything was touched


def test_a_newer_database_can_be_read_by_the_command_line_and_is_not_touched(lab: Lab) -> None:
    run = lab.add("finish")
    with closing(sqlite3.connect(lab.workspace.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    assert f" {run.id}  finish" in whaletui(lab, "ls").stdout
    refused = whaletui(lab, "star", str(run.id))
    assert refused.returncode == 1
    assert "newer whaletui (schema 9999" in refused.stderr
    keeper = [sys.executable, "-m", "whaletui.jobs.keeper", str(lab.workspace.root)]
    done = subprocess.run(keeper, capture_output=True, text=True)
    assert done.returncode == 1
    assert "newer whaletui" in done.stderr
    assert not (lab.folder(run) / "attempt-1").exists()


def test_a_rebuild_struck_down_half_way_leaves_the_old_database_or_the_new(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = finished(lab)
    before = lab.run(run)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("whaletui.records.rebuild._carry_over", fail)
    with pytest.raises(OSError, match="No space"):
        rebuild(lab.workspace)
    assert lab.run(run) == before
    monkeypatch.undo()
    assert rebuild(lab.workspace).runs == 1
    assert lab.run(run) == before
    assert not list(lab.workspace.root.glob("experiments.db.making*"))


def test_network_disks_get_no_write_ahead_log(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sqlite.choose_journal(lab.workspace.database) == "wal"
    monkeypatch.setattr(sqlite, "filesystem", lambda path: "nfs4")
    Records.open(lab.workspace)
    with closing(sqlite3.connect(lab.workspace.database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    began = time.monotonic()
    lab.records.set_setting("data", "/photos")
    assert time.monotonic() - began < 30
    assert not list(tmp_path.glob("workspace/experiments.db-wal"))
