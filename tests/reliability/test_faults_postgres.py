"""A PostgreSQL that crashes, falls silent, refuses, is slow or belongs to somebody else: runs and wishes stay."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from app_kit import notices, settle
from jobs_kit import Lab, make_lab, wait_until
from postgres_kit import PASSWORD, Server
from sqlalchemy.exc import OperationalError

from engine.contract.spec import RunSpec
from whaletui.__main__ import main
from whaletui.app import WhaleApp
from whaletui.desk import Desk
from whaletui.jobs import processes
from whaletui.jobs.keeper import ensure_keeper
from whaletui.jobs.local import cancel
from whaletui.records import postgres as speaking
from whaletui.records.errors import RecordsError, UnreachableError
from whaletui.records.model import State
from whaletui.records.postgres import scrubbed
from whaletui.records.records import Records
from whaletui.records.store import URL_VARIABLE, Store
from whaletui.workspace import Workspace

pytestmark = pytest.mark.postgres


@pytest.fixture
def server(postgres: Server) -> Iterator[Server]:
    """Return the server, which runs again when the test is done with it."""
    yield postgres
    if postgres.process is None:
        postgres.start()
    postgres.halt(signal.SIGCONT)


@pytest.fixture
def team(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Return a workspace whose records are on the server."""
    url = server.new_database(tmp_path / "workspace")
    for lab in make_lab(tmp_path, monkeypatch, url):
        yield lab
        if server.process is None:
            server.start()


Command = Callable[..., str]


@pytest.fixture
def whaletui(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that does a command and returns all that it printed."""

    def do(folder: Path, *words: str) -> str:
        main(["-w", str(folder), *words])
        return "".join(capsys.readouterr())

    return do


def test_a_database_server_that_crashes_hurts_no_run_and_forgets_nothing_queued(
    team: Lab, server: Server, whaletui: Command
) -> None:
    run, waiting, doomed = team.add("wait"), team.add("finish"), team.add("wait more")
    ensure_keeper(team.workspace)
    _, engine = team.await_engine(run)
    running = team.await_state(run, State.RUNNING)
    assert cancel(team.records, team.workspace, team.run(doomed)).endswith("is cancelled")
    server.stop(signal.SIGQUIT)
    with pytest.raises(UnreachableError, match="cannot be reached"):
        team.records.star(run.id)
    assert "cannot be reached" in whaletui(team.workspace.root, "ls")
    assert processes.is_alive(engine)
    with pytest.raises(UnreachableError):
        cancel(team.records, team.workspace, running)  # the wish is in the run's folder before the records are
    wait_until(lambda: team.attempt_of(running).exit.exists(), "the engine stops while the server is away")
    wait_until(lambda: b"cannot be reached" in team.workspace.keeper_log.read_bytes(), "the keeper says so")
    before = team.keeper_pid()
    server.start()
    assert team.await_state(run, State.CANCELLED).reason == "stopped at epoch 1.5"
    assert team.await_state(waiting, State.FINISHED).map5 == 0.5
    assert before, "the keeper has waited"
    assert team.run(doomed).state is State.CANCELLED


def test_a_server_that_falls_silent_is_hung_up_on(team: Lab, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = team.records.store
    store.patience_seconds = 0.3
    reading = store.reading()
    select = reading.__enter__()
    select("SELECT 1")
    server.halt()  # its connections stay open, the kernel acknowledges what is sent: nothing ever comes back
    with pytest.raises(OperationalError) as broken:
        select("SELECT 2")
    with pytest.raises(UnreachableError, match="cannot be reached"):
        reading.__exit__(OperationalError, broken.value, None)
    monkeypatch.setattr(speaking, "CONNECT_SECONDS", 2)
    with pytest.raises(UnreachableError, match="timeout"):
        Store(team.workspace).reading().__enter__()
    server.halt(signal.SIGCONT)
    assert team.records.page().total == 6


def test_whoever_waits_too_long_for_a_turn_is_told(team: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    run = team.add("finish")
    monkeypatch.setattr(speaking, "STATEMENT_SECONDS", 0.2)
    hasty = Records.open(team.workspace)
    with team.records.store.writing():
        assert hasty.run(run.id) == run  # reading waits for nobody
        with pytest.raises(RecordsError, match="being written by another program"):
            hasty.star(run.id)
    hasty.star(run.id)
    assert team.run(run).star


async def test_the_app_outlives_its_database_server(team: Lab, server: Server) -> None:
    run = team.add("wait")
    app = WhaleApp(Desk(Workspace(team.workspace.root)), ticking=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert [record.id for record in app.desk.standing().active] == [run.id]
        server.stop(signal.SIGQUIT)
        for _ in range(3):
            app.desk._tended_at = app.desk._seen = float("-inf")  # as if a second had passed
            app.look_now()
            await settle(pilot)
        assert len([told for told in notices(app) if "cannot be reached" in told]) == 1
        server.start()
        other = team.add("finish")
        app.desk._tended_at = app.desk._seen = float("-inf")
        app.look_now()
        await settle(pilot)
        assert {record.id for record in app.desk.standing().active} == {run.id, other.id}


def test_a_password_is_never_shown_and_a_file_serves_instead(
    team: Lab, server: Server, whaletui: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = team.records.store.url.rpartition("/")[2]
    server.execute(f"DROP ROLE IF EXISTS strict; CREATE ROLE strict SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    bare = server.url(database, "strict")
    shown = ""
    wrong = "wr0ng-secret"
    for url in (
        bare.replace("strict@", f"strict:{wrong}@"),
        bare + f"?password={wrong}",
        bare.replace("strict@", f"s:{wrong}@{wrong}@"),
    ):
        monkeypatch.setenv(URL_VARIABLE, url)
        shown += whaletui(team.workspace.root, "ls") + whaletui(team.workspace.root, "doctor")
    assert shown.count("authentication failed") == 4
    assert shown.count("%40") == 2
    monkeypatch.setenv(URL_VARIABLE, bare.replace("strict@", f"strict:{PASSWORD}@"))
    told = whaletui(team.workspace.root, "doctor")
    assert "as strict" in told
    assert "~/.pgpass" in told
    passes = tmp_path / "passes"
    passes.write_text(f"127.0.0.1:*:*:strict:{PASSWORD}\n")
    passes.chmod(0o600)
    monkeypatch.setenv(URL_VARIABLE, bare)
    monkeypatch.setenv("PGPASSFILE", str(passes))
    run = Records.open(team.workspace).add_run(RunSpec.of({}).with_values({"name": "finish env"}))
    ensure_keeper(team.workspace)
    team.await_state(run, State.FINISHED)  # the keeper was told of the file, too
    environ = (team.workspace.root / run.folder / "environ.json").read_text()
    assert "PGPASSFILE" not in environ
    assert URL_VARIABLE not in environ  # an engine knows no database
    logs = "".join(path.read_text() for path in team.workspace.root.rglob("*.log"))
    for secret in (wrong, PASSWORD):
        assert secret not in shown + told + logs


@pytest.mark.parametrize(
    "url", ["postgresql://me:hun/ter@2@here/lab", "postgresql://me:hun/ter%402@here/lab?sslpassword=hun/ter"]
)
def test_what_a_parser_repeats_of_a_url_holds_no_password(url: str) -> None:
    assert "hun" not in scrubbed(f"cannot reach {url}: no host '2@here', nor hun/ter@2", url)


def test_a_second_workspace_cannot_take_the_database_for_its_own(team: Lab, tmp_path: Path) -> None:
    run = team.add("finish")
    with pytest.raises(RecordsError, match="records of another workspace"):
        Records.open(Workspace(tmp_path / "other"))
    assert not (tmp_path / "other" / "runs").exists()
    assert Records.open(team.workspace).run(run.id) == run


def test_several_machines_make_one_database(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"fresh{time.monotonic_ns()}"
    server.execute(f"CREATE DATABASE {name}")
    monkeypatch.setenv(URL_VARIABLE, server.url(name))
    barrier, totals = threading.Barrier(4), []

    def open_it() -> None:
        barrier.wait()
        totals.append(Records.open(Workspace(tmp_path / "shared")).page().total)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals == [6, 6, 6, 6]


def test_a_database_of_another_program_or_of_few_letters_is_left_alone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.execute("DROP DATABASE IF EXISTS recipes")
    server.execute("CREATE DATABASE recipes")
    server.execute("CREATE TABLE runs (dish text)", "recipes")
    server.execute("DROP DATABASE IF EXISTS latin")
    server.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    for name, words in (("recipes", "another program's"), ("latin", "no place for every letter")):
        monkeypatch.setenv(URL_VARIABLE, server.url(name))
        with pytest.raises(RecordsError, match=words):
            Records.open(Workspace(tmp_path / "lab"))
    monkeypatch.setenv(URL_VARIABLE, "mysql://me:hunter2@here/lab")
    with pytest.raises(RecordsError, match="names no database that whaletui knows: mysql"):
        Records.open(Workspace(tmp_path / "lab"))
