"""Judging an attempt by its lock and its traces: every row of the table, with real processes and locks."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jobs_kit import Lab, make_lab, wait_until

from engine.contract.events import Cancelled, Event, EventWriter, Failed, Finished, Step
from engine.contract.rundir import Attempt, write_json
from whaletui.jobs import locks, processes
from whaletui.jobs.keeper import Keeper
from whaletui.jobs.liveness import Life, judge
from whaletui.jobs.local import cancel
from whaletui.jobs.outcome import FALSE_STARTS, outcome
from whaletui.jobs.settle import reconcile
from whaletui.jobs.traces import CancelFile, ExitFile, SupervisorFile
from whaletui.records.model import RunRecord, State

SLEEPER = "import os, sys, time; sys.stdout.write('ready\\n'); sys.stdout.flush(); time.sleep(60)"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    yield from make_lab(tmp_path, monkeypatch)


@pytest.fixture
def run(lab: Lab) -> RunRecord:
    """A run that the records hold for running, with nothing in its attempt's folder."""
    run = lab.add("by hand")
    assert lab.records.claim(run.id, 1, processes.host(), ("cpu-0", "CPU0"), now=1.0)
    lab.attempt(run).path.mkdir()
    return run


def hold(attempt: Attempt) -> subprocess.Popen[bytes]:
    """Start a process that inherits the attempt's lock."""
    handle = locks.take(attempt.lock)
    assert handle is not None
    process = subprocess.Popen([sys.executable, "-c", SLEEPER], pass_fds=[handle], stdout=subprocess.PIPE)
    os.close(handle)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def supervised(attempt: Attempt, engine: int, **changes: object) -> None:
    who = processes.identify(engine) or processes.Process(engine, 1)
    told = {"host": processes.host(), "boot_id": processes.boot_id(), "pid": 1, "start_time": 1, "engine_pid": who.pid,
            "engine_start_time": who.start_time, "uuid": "u", "slot": "CPU0", "slot_id": "cpu-0",
            "started_at": 1.0}  # fmt: skip
    write_json(attempt.supervisor, SupervisorFile(**{**told, **changes}))


def say(attempt: Attempt, *events: Event) -> None:
    writer = EventWriter(attempt.events)
    for event in events:
        writer.write(event)
    writer.close()


def left(attempt: Attempt, **told: object) -> None:
    whole = {"code": None, "signal": None, "peak_memory_bytes": 1, "ended_at": 9.0, "boot_seconds": 1.0, **told}
    write_json(attempt.exit, ExitFile(**whole))


def test_a_held_lock_is_a_running_run_whatever_the_files_say(lab: Lab, run: RunRecord) -> None:
    attempt = lab.attempt(run)
    process = hold(attempt)
    supervised(attempt, process.pid)
    say(attempt, Finished(map5=0.5, seconds=1.0))  # it has said its last word, but is not gone
    left(attempt, code=0)
    assert judge(attempt).life is Life.RUNNING
    process.kill()
    process.wait()
    assert judge(attempt).life is Life.ENDED


def test_asking_does_not_disturb_other_askers_and_a_taker_waits_for_them(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert not locks.is_held(lock)
    lock.touch()
    asker = os.open(lock, os.O_RDONLY)
    fcntl.flock(asker, fcntl.LOCK_SH)
    assert not locks.is_held(lock)
    assert locks.take(lock, patience_seconds=0.05) is None
    os.close(asker)
    handle = locks.take(lock)
    assert handle is not None
    assert locks.is_held(lock)
    lock.unlink()
    assert not locks.is_same(handle, lock)
    os.close(handle)


def test_a_stopped_engine_is_said_to_be_stopped(lab: Lab, run: RunRecord) -> None:
    attempt = lab.attempt(run)
    process = hold(attempt)
    supervised(attempt, process.pid)
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: judge(attempt).life is Life.STOPPED, "it is seen to be stopped")
    assert reconcile(lab.records, lab.workspace) == [run.id]
    assert lab.run(run).state is State.RUNNING
    assert lab.run(run).reason == f"stopped: kill -CONT {process.pid} lets it go on"
    process.kill()
    process.wait()


def test_a_silent_heartbeat_is_a_stalled_run(lab: Lab, run: RunRecord) -> None:
    attempt = lab.attempt(run)
    process = hold(attempt)
    supervised(attempt, process.pid)
    attempt.heartbeat.touch()
    assert judge(attempt).life is Life.RUNNING
    old = time.time() - 600
    os.utime(attempt.heartbeat, (old, old))
    assert judge(attempt).reason == "stalled: no sign of life for 10m; its log may tell why, cancelling ends it"
    process.kill()
    process.wait()


def test_what_a_dead_engine_left_behind_keeps_the_slot_until_it_is_killed(
    lab: Lab, run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = lab.attempt(run)
    worker = hold(attempt)
    supervised(attempt, 2**22 - 1)  # an engine that is gone
    found = judge(attempt)
    assert (found.life, found.pids) == (Life.LINGERING, (worker.pid,))
    monkeypatch.setattr("whaletui.jobs.keeper.LINGER_SECONDS", 0.0)
    keeper = Keeper(lab.records, lab.workspace)
    keeper.tick()
    assert lab.run(run).reason == f"lingering: of the run are left pids {worker.pid}; they are killed in a minute"
    assert lab.records.leases() != {}
    keeper.tick()
    keeper.tick()
    assert worker.wait(timeout=30) == -signal.SIGKILL
    keeper.tick()
    assert lab.records.leases() == {} or lab.run(run).attempt == 2  # lost, and started again


def test_a_reused_pid_is_neither_alive_nor_signalled() -> None:
    own = processes.identify(os.getpid())
    assert own is not None
    assert processes.is_alive(own)
    earlier = processes.Process(own.pid, own.start_time - 1)
    assert not processes.is_alive(earlier)
    assert not processes.send(earlier, signal.SIGKILL)


def test_a_free_lock_and_no_word_is_a_lost_run_that_may_speak_again(
    lab: Lab, run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whaletui.jobs.outcome.MOST_RETRIES", 0)
    attempt = lab.attempt(run)
    supervised(attempt, 2**22 - 1)
    say(attempt, Step(step=3, epoch=1.5, loss=2.5, learning_rate=1e-3, images_per_second=9.0))
    assert reconcile(lab.records, lab.workspace) == [run.id]
    assert (lab.run(run).state, lab.run(run).loss) == (State.LOST, 2.5)
    assert reconcile(lab.records, lab.workspace) == []
    process = hold(attempt)
    assert reconcile(lab.records, lab.workspace) == [run.id]
    assert (lab.run(run).state, lab.run(run).reason) == (State.RUNNING, "")
    process.kill()
    process.wait()
    reconcile(lab.records, lab.workspace)
    say(attempt, Finished(map5=0.5, seconds=1.0))
    assert reconcile(lab.records, lab.workspace) == [run.id]
    assert (lab.run(run).state, lab.run(run).map5) == (State.FINISHED, 0.5)


def test_a_restart_of_the_machine_is_told_as_such(lab: Lab, run: RunRecord) -> None:
    supervised(lab.attempt(run), 2**22 - 1, boot_id="another start")
    reconcile(lab.records, lab.workspace)
    told = lab.run(run)
    assert (told.state, told.attempt) == (State.QUEUED, 1)
    assert told.reason == "interrupted: the machine was restarted while it ran; tried again"


def test_another_machine_judges_its_own_runs(lab: Lab, run: RunRecord) -> None:
    supervised(lab.attempt(run), 2**22 - 1, host="elsewhere", started_at=time.time())
    assert judge(lab.attempt(run)).life is Life.UNKNOWN
    assert reconcile(lab.records, lab.workspace) == []
    assert lab.run(run).state is State.RUNNING


def test_a_run_that_never_came_to_life_is_queued_again_a_few_times(lab: Lab, run: RunRecord) -> None:
    for number in range(1, FALSE_STARTS + 1):
        assert lab.run(run).state is State.RUNNING
        reconcile(lab.records, lab.workspace)
        if number < FALSE_STARTS:
            assert (lab.run(run).state, lab.records.leases()) == (State.QUEUED, {})
            lab.workspace.run_dir(run.folder).attempt(number + 1).path.mkdir()
            assert lab.records.claim(run.id, number + 1, processes.host(), ("cpu-0", "CPU0"), now=1.0)
    assert lab.run(run).state is State.LOST


STEP = Step(step=3, epoch=1.5, loss=2.5, learning_rate=1e-3, images_per_second=9.0)
FAILED = Failed(reason="data", message="no photos", hint="bring some")
WISH = CancelFile(asked_at=1.0)


@pytest.mark.parametrize(
    ("events", "exit_told", "wish", "state", "words"),
    [
        ([Finished(map5=0.5, seconds=1.0)], {"code": 0}, None, State.FINISHED, ""),
        ([Finished(map5=0.5, seconds=1.0)], {"signal": 9}, WISH, State.FINISHED, ""),
        ([FAILED], {"code": 1}, None, State.FAILED, "no photos (bring some)"),
        ([FAILED], {"code": 1}, WISH, State.CANCELLED, "stopped, as asked"),
        ([Cancelled(epoch=2.0, step=9)], {"code": 3}, WISH, State.CANCELLED, "stopped at epoch 2.0"),
        ([STEP], {"signal": 9}, WISH, State.CANCELLED, "stopped by force, as asked"),
        ([STEP], {"signal": 9}, None, State.FAILED, "killed by signal 9 (SIGKILL)"),
        ([STEP], {"signal": 11}, None, State.FAILED, "killed by signal 11 (SIGSEGV)"),
        ([STEP], {"code": 0}, None, State.FAILED, "ended with code 0 and no word of why; its log ends: the end"),
        ([STEP], {"code": 3}, None, State.CANCELLED, "stopped"),
        ([STEP], None, WISH, State.CANCELLED, "stopped, as asked"),
        ([], {"code": 127, "error": "none"}, None, State.FAILED, "the engine could not be started: none"),
    ],
)  # fmt: skip
def test_how_an_attempt_ended(
    lab: Lab, run: RunRecord, events: list[Event], exit_told: dict[str, object] | None, wish: CancelFile | None,
    state: State, words: str,
) -> None:  # fmt: skip
    attempt = lab.attempt(run)
    say(attempt, *events)
    attempt.log.write_text("the beginning\nthe \x1b]0;end\x07end\n")
    if exit_told is not None:
        left(attempt, **exit_told)
    if wish is not None:
        write_json(attempt.cancel, wish)
    ended = outcome(lab.workspace.run_dir(run.folder), attempt)
    assert ended is not None
    assert (ended.state, ended.reason) == (state, words)


def test_a_sigkill_while_the_kernel_killed_for_memory_says_so(lab: Lab, run: RunRecord) -> None:
    left(lab.attempt(run), signal=9, oom_kills=1)
    ended = outcome(lab.workspace.run_dir(run.folder), lab.attempt(run))
    assert ended is not None
    assert "ran out of memory" in ended.reason


def test_damaged_traces_do_not_hide_the_engines_last_word(lab: Lab, run: RunRecord) -> None:
    attempt = lab.attempt(run)
    say(attempt, STEP, Finished(map5=0.5, seconds=1.0))
    with open(attempt.events, "ab") as file:
        file.write(b'{"event": "st\ngarbage\n{"event"')
    for path in (attempt.exit, attempt.supervisor, lab.folder(run) / "summary.json"):
        path.write_bytes(b'{"torn')
    reconcile(lab.records, lab.workspace)
    assert (lab.run(run).state, lab.run(run).map5) == (State.FINISHED, 0.5)


def test_a_wish_to_stop_reaches_an_engine_whose_supervisor_is_gone(lab: Lab, run: RunRecord) -> None:
    attempt = lab.attempt(run)
    process = hold(attempt)
    supervised(attempt, process.pid, pid=2**22 - 1)
    cancel(lab.records, lab.workspace, lab.run(run))
    assert process.wait(timeout=30) == -signal.SIGTERM
    reconcile(lab.records, lab.workspace)
    assert lab.run(run).state is State.CANCELLED


def test_a_wish_that_only_the_records_hold_is_passed_on(lab: Lab, run: RunRecord) -> None:
    attempt = lab.attempt(run)
    process = hold(attempt)
    lab.records.request_cancel(run.id)
    Keeper(lab.records, lab.workspace).tick()
    assert attempt.cancel.exists()
    process.kill()
    process.wait()
