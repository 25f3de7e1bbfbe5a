"""Migrations: the scripts make the tables that the types describe, once, with a copy kept, and never backwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from jobs_kit import DATABASES, database_for

from whaletui.records import schema
from whaletui.records.dbapi import dbapi as sqlite3
from whaletui.records.errors import RecordsError
from whaletui.records.records import Records
from whaletui.records.store import Store
from whaletui.records.tables import Base
from whaletui.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("WHALETUI_DATABASE_URL", raising=False)
    return Workspace(tmp_path / "lab")


def set_revision(workspace: Workspace, revision: str) -> None:
    with closing(sqlite3.connect(workspace.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.commit()


def test_the_listed_revisions_are_those_of_the_scripts() -> None:
    scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == schema.REVISIONS
    assert scripts.get_current_head() == schema.HEAD


@pytest.fixture(params=DATABASES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    with database_for(request, tmp_path / "lab"):
        yield Records.open(Workspace(tmp_path / "lab"))


def test_the_migrations_make_the_tables_that_the_types_describe(opened: Records) -> None:
    records = opened
    with records.store.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_newer_database_is_read_and_left_alone(workspace: Workspace) -> None:
    Records.open(workspace)
    set_revision(workspace, "0999")
    before = workspace.database.read_bytes()
    records = Records.open(workspace)
    assert "newer whaletui (schema 0999" in records.read_only
    assert records.page().total == 6
    for change in (lambda: records.star(1), lambda: records.set_setting("data", "x")):
        with pytest.raises(RecordsError, match="this one only reads"):
            change()
    assert workspace.database.read_bytes() == before


def test_a_database_of_another_program_is_left_alone(workspace: Workspace) -> None:
    workspace.prepare()
    with closing(sqlite3.connect(workspace.database)) as connection:
        connection.execute("CREATE TABLE recipes (id INTEGER)")
    with pytest.raises(RecordsError, match="holds the table recipes"):
        Records.open(workspace)


def test_an_existing_database_is_copied_before_a_migration_and_few_copies_are_kept(workspace: Workspace) -> None:
    records = Records.open(workspace)
    records.set_setting("data", "/photos")
    copies = [schema.back_up(workspace.database, f"{number:04d}") for number in range(9)]
    kept = sorted(path for path in copies if path.exists())
    assert kept == copies[-schema.BACKUPS_KEPT :]
    with closing(sqlite3.connect(kept[-1])) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT value FROM settings").fetchall() == [("/photos",)]


def test_a_migration_that_fails_leaves_the_old_database(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    Records.open(workspace).set_setting("data", "/photos")
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "0900"))
    monkeypatch.setattr(schema, "HEAD", "0900")

    def fail(store: Store, is_new: bool) -> None:
        with store.writing() as session:
            session.connection().exec_driver_sql("ALTER TABLE settings ADD COLUMN more TEXT")
            raise RecordsError("struck down half-way")

    monkeypatch.setattr(schema, "_migrate", fail)
    with pytest.raises(RecordsError, match="half-way"):
        Records.open(workspace)
    assert len(list(workspace.root.glob("experiments.db.backups/*.db"))) == 1
    with closing(sqlite3.connect(workspace.database)) as connection:
        assert [row[1] for row in connection.execute("PRAGMA table_info(settings)")] == ["name", "value"]


def test_two_programs_make_one_database(workspace: Workspace) -> None:
    barrier, totals = threading.Barrier(4), []

    def open_it() -> None:
        barrier.wait()
        totals.append(Records.open(workspace).page().total)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals == [6, 6, 6, 6]


def test_a_workspace_that_cannot_be_written_is_named(workspace: Workspace) -> None:
    workspace.root.parent.mkdir(exist_ok=True)
    workspace.root.write_text("a file")
    with pytest.raises(RecordsError, match="lab"):
        Records.open(workspace)
