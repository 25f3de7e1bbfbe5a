"""What tests of records and jobs share: a workspace whose engine is the stand-in, and waiting that is bounded."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from engine.contract.rundir import Attempt
from engine.contract.spec import RunSpec
from whaletui.jobs import locks, processes
from whaletui.jobs.keeper import stop_keeper
from whaletui.jobs.local import ENGINE_VARIABLE
from whaletui.jobs.traces import supervisor_of
from whaletui.records.model import RunRecord, State
from whaletui.records.records import Records
from whaletui.records.store import URL_VARIABLE
from whaletui.workspace import Workspace

GENEROUS_SECONDS = 30.0


def wait_until(holds: Callable[[], object], what: str, seconds: float = GENEROUS_SECONDS) -> float:
    """Return how long it took until something held; fails the test where it does not come to pass."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"waited {seconds} s in vain: {what}"
        time.sleep(0.02)
    return time.monotonic() - began


@cache
def new_database() -> bytes:
    """Return the database of a new workspace, made once: migrating each time would cost more than the tests."""
    with tempfile.TemporaryDirectory() as folder:
        Records.open(Workspace(folder))
        return (Path(folder) / "experiments.db").read_bytes()


def new_records(folder: Path) -> Records:
    """Return the records of a new workspace."""
    workspace = Workspace(folder)
    workspace.prepare()
    if os.environ.get(URL_VARIABLE):
        return Records.open(workspace)
    workspace.database.touch(mode=0o600)
    workspace.database.write_bytes(new_database())
    return Records.open(workspace)


DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))
"""Parameters of a fixture whose tests hold for both kinds of databases."""


@contextlib.contextmanager
def database_for(request: pytest.FixtureRequest, folder: Path) -> Iterator[None]:
    """Let the records of a workspace lie where the fixture's parameter says, one of `DATABASES`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(URL_VARIABLE, raising=False)
        if request.param == "postgresql":
            patch.setenv(URL_VARIABLE, request.getfixturevalue("postgres").new_database(folder))
        yield


class Lab:
    """A workspace with its records, and shortcuts to what tests do with runs."""

    def __init__(self, folder: Path) -> None:
        self.records = new_records(folder)
        self.workspace = self.records.workspace

    def add(self, name: str, **changes: object) -> RunRecord:
        """Queue a run whose name tells the stand-in what to do."""
        return self.records.add_run(RunSpec.of({}).with_values({"name": name, **changes}))

    def run(self, run: RunRecord) -> RunRecord:
        """Return a run as it stands now."""
        return self.records.run(run.id)

    def folder(self, run: RunRecord) -> Path:
        """Return the run's folder."""
        return self.workspace.root / run.folder

    def attempt(self, run: RunRecord) -> Attempt:
        """Return the newest attempt of a run."""
        return self.workspace.run_dir(run.folder).attempt(max(1, self.run(run).attempt))

    def attempt_of(self, run: RunRecord) -> Attempt:
        """Return the newest attempt that a record tells of, whatever the records say now."""
        return self.workspace.run_dir(run.folder).attempt(max(1, run.attempt))

    def let_go(self, run: RunRecord) -> None:
        """Let a waiting stand-in go on."""
        (self.folder(run) / "go").touch()

    def await_state(self, run: RunRecord, state: State) -> RunRecord:
        """Wait for a run to reach a state that somebody else settles."""
        wait_until(lambda: self.run(run).state is state, f"run {run.id} {state}")
        return self.run(run)

    def await_engine(self, run: RunRecord) -> tuple[processes.Process, processes.Process]:
        """Wait until the engine speaks; returns the supervisor and the engine."""

        def speaks() -> bool:
            told = supervisor_of(self.attempt(run))
            events = self.attempt(run).events
            return (
                told is not None
                and told.engine is not None
                and events.exists()
                and b'"event":"step"' in events.read_bytes()
            )

        wait_until(speaks, f"run {run.id} speaks")
        told = supervisor_of(self.attempt(run))
        assert told is not None
        assert told.engine is not None
        return told.supervisor, told.engine

    def intervals(self) -> list[tuple[str, str]]:
        """Return (run folder, "start" or "end") in the order in which it happened."""
        lines = (self.workspace.root / "intervals.jsonl").read_text().splitlines()
        return [(told["run"], told["word"]) for told in map(json.loads, lines)]

    def keeper_pid(self) -> int:
        """Return the pid of the keeper at work, 0 where there is none."""
        if not locks.is_held(self.workspace.keeper_lock):
            return 0
        with contextlib.suppress(ValueError):
            return int(json.loads(self.workspace.keeper_lock.read_bytes())["process"][0])
        return 0

    def end(self) -> None:
        """Kill whatever still lives of this workspace: no test leaves a process behind."""
        deadline = time.monotonic() + GENEROUS_SECONDS
        while time.monotonic() < deadline:
            stop_keeper(self.workspace)
            locked = self.workspace.root.glob("runs/*/attempt-*/lock")
            left = [each for lock in locked for each in processes.holders(lock)]
            if not left and not locks.is_held(self.workspace.keeper_lock):
                return
            for each in left:
                if each.pid != os.getpid():
                    processes.send(each, signal.SIGKILL)
            time.sleep(0.02)
        raise AssertionError("something of the workspace cannot be ended")


def make_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str = "") -> Iterator[Lab]:
    """Yield a new workspace with one CPU slot, no GPU, and the stand-in engine; for the fixture of a test file.

    `url` names the database of its records, where that is not the workspace's own file.
    """
    gpus = tmp_path / "gpus.json"
    gpus.write_text("[]")
    engine = Path(__file__).with_name("stand_in_engine.py")
    monkeypatch.setenv(ENGINE_VARIABLE, json.dumps([sys.executable, str(engine)]))
    monkeypatch.setenv("WHALETUI_GPUS", str(gpus))
    monkeypatch.setenv("WHALETUI_CPU_SLOTS", "1")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    if url:
        monkeypatch.setenv(URL_VARIABLE, url)
    made = Lab(tmp_path / "workspace")
    yield made
    made.end()
