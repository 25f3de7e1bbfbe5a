"""The queue with real processes: a keeper, supervisors and a stand-in engine, struck down one by one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from jobs_kit import Lab, make_lab, wait_until

from whaletui.jobs import locks, processes
from whaletui.jobs.keeper import ensure_keeper, stop_keeper
from whaletui.jobs.local import cancel
from whaletui.jobs.settle import reconcile
from whaletui.jobs.traces import exit_of
from whaletui.records.model import State

TRUTH_SECONDS = 2.0


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    yield from make_lab(tmp_path, monkeypatch)


def await_keeper(lab: Lab) -> int:
    wait_until(lab.keeper_pid, "a keeper is at work")
    return lab.keeper_pid()


def test_three_runs_end_in_order_on_one_slot(lab: Lab) -> None:
    runs = [lab.add(name) for name in ("finish one", "fail two", "code4 three")]
    ensure_keeper(lab.workspace)
    finished = lab.await_state(runs[0], State.FINISHED)
    failed = lab.await_state(runs[1], State.FAILED)
    odd = lab.await_state(runs[2], State.FAILED)
    folders = [run.folder.removeprefix("runs/") for run in runs]
    assert lab.intervals() == [
        (folders[0], "start"), (folders[0], "end"), (folders[1], "start"), (folders[1], "end"), (folders[2], "start"),
    ]  # fmt: skip
    assert (finished.map5, finished.map5_low, finished.loss) == (0.5, 0.4, 2.5)
    assert (finished.slot, finished.attempt) == ("CPU0", 1)
    assert failed.reason == "train.csv names no photo (bring some)"
    assert odd.reason == "ended with code 4 and no word of why; its log ends: boom: the last line"
    left = exit_of(lab.attempt(runs[2]))
    assert left is not None
    assert (left.code, left.signal) == (4, None)
    assert left.peak_memory_bytes > 1 << 20
    assert lab.records.leases() == {}


def test_waiting_runs_say_why_and_running_ones_how_far_they_are(lab: Lab) -> None:
    first, second, third = lab.add("wait"), lab.add("finish"), lab.add("finish too")
    ensure_keeper(lab.workspace)
    lab.await_state(first, State.RUNNING)
    wait_until(lambda: lab.run(third).reason, "a reason for the third")
    assert lab.run(second).reason == f"no CPU slot free: run {first.id} on CPU0"
    assert lab.run(third).reason == f"behind run {second.id}"
    wait_until(lambda: lab.run(first).epoch == 1.5, "progress is in the records")
    assert lab.run(first).loss == 2.5
    lab.let_go(first)
    lab.await_state(third, State.FINISHED)


@pytest.mark.parametrize("victims", ["engine", "supervisor", "both"])
def test_the_truth_is_known_within_two_seconds_of_a_kill(
    lab: Lab, victims: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHALETUI_MOST_RETRIES", "0")  # a lost run stays lost, for all to see
    run = lab.add("wait")
    ensure_keeper(lab.workspace)
    supervisor, engine = lab.await_engine(run)
    struck = {"engine": [engine], "supervisor": [supervisor], "both": [supervisor, engine]}[victims]
    if len(struck) == 2:  # neither shall have the time to say a word about the other
        for victim in struck:
            processes.send(victim, signal.SIGSTOP)
    for victim in struck:
        assert processes.send(victim, signal.SIGKILL)
    took = wait_until(lambda: lab.run(run).state is not State.RUNNING, "the end is settled")
    state, words = {
        "engine": (State.FAILED, "killed by signal 9 (SIGKILL)"),
        "supervisor": (State.LOST, "stopped at epoch 1.5, as its supervisor or the machine was ended"),
        "both": (State.LOST, "its processes are gone and left no word of why"),
    }[victims]
    assert lab.run(run).state is state
    assert lab.run(run).reason.startswith(words)
    assert lab.run(run).loss == 2.5
    assert lab.records.leases() == {}
    assert took < TRUTH_SECONDS


def test_a_killed_keeper_is_followed_by_another_that_touches_no_run(lab: Lab) -> None:
    first, second = lab.add("wait"), lab.add("finish")
    ensure_keeper(lab.workspace)
    _, engine = lab.await_engine(first)
    old = await_keeper(lab)
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: not locks.is_held(lab.workspace.keeper_lock), "the lock is given back")
    assert ensure_keeper(lab.workspace)
    assert await_keeper(lab) != old
    assert processes.is_alive(engine)
    lab.let_go(first)
    lab.await_state(second, State.FINISHED)
    assert [word for _, word in lab.intervals()] == ["start", "end", "start", "end"]
    assert (lab.run(first).state, lab.run(first).attempt, lab.run(second).attempt) == (State.FINISHED, 1, 1)


def test_the_queue_goes_on_with_neither_keeper_nor_app(lab: Lab) -> None:
    first, second = lab.add("wait"), lab.add("finish")
    ensure_keeper(lab.workspace)
    lab.await_engine(first)
    os.kill(await_keeper(lab), signal.SIGKILL)
    wait_until(lambda: not locks.is_held(lab.workspace.keeper_lock), "the lock is given back")
    lab.let_go(first)  # its supervisor hands the baton on
    lab.await_state(second, State.FINISHED)


def test_of_two_keepers_one_leaves(lab: Lab) -> None:
    run = lab.add("wait")
    ensure_keeper(lab.workspace)
    lab.await_engine(run)
    keeper = await_keeper(lab)
    assert not ensure_keeper(lab.workspace)
    second = subprocess.run(
        [sys.executable, "-m", "whaletui.jobs.keeper", str(lab.workspace.root)], timeout=30, check=False
    )
    assert second.returncode == 0
    assert lab.keeper_pid() == keeper
    assert stop_keeper(lab.workspace)
    assert not stop_keeper(lab.workspace)
    assert lab.run(run).state is State.RUNNING


def test_a_keeper_whose_lock_was_deleted_leaves_and_one_with_nothing_to_do_too(lab: Lab) -> None:
    run = lab.add("wait")
    ensure_keeper(lab.workspace)
    lab.await_engine(run)
    keeper = processes.identify(await_keeper(lab))
    lab.workspace.keeper_lock.unlink()
    wait_until(lambda: not processes.is_alive(keeper), "the keeper without a lock leaves")
    ensure_keeper(lab.workspace)
    await_keeper(lab)
    lab.let_go(run)
    lab.await_state(run, State.FINISHED)
    wait_until(lambda: not locks.is_held(lab.workspace.keeper_lock), "the idle keeper leaves")


def test_a_run_is_stopped_gently_and_by_force_when_asked_again(lab: Lab) -> None:
    gentle, deaf, waiting = lab.add("wait"), lab.add("deaf"), lab.add("finish")
    ensure_keeper(lab.workspace)
    lab.await_engine(gentle)
    told = cancel(lab.records, lab.workspace, lab.await_state(gentle, State.RUNNING))
    assert "it saves and ends" in told
    assert lab.await_state(gentle, State.CANCELLED).reason == "stopped at epoch 1.5"
    _, engine = lab.await_engine(deaf)
    running = lab.await_state(deaf, State.RUNNING)
    cancel(lab.records, lab.workspace, running)
    wait_until(lambda: lab.run(deaf).reason == "stopping, as asked", "it says that it is stopping")
    assert processes.is_alive(engine)
    assert "cancelled" in cancel(lab.records, lab.workspace, waiting)
    assert "killed" in cancel(lab.records, lab.workspace, running)
    assert lab.await_state(deaf, State.CANCELLED).reason == "stopped by force, as asked"
    assert lab.run(waiting).state is State.CANCELLED
    assert "already" in cancel(lab.records, lab.workspace, lab.run(waiting))


def test_the_grace_ends_with_a_kill_of_everything_the_run_started(lab: Lab) -> None:
    run = lab.add("deaf orphan")
    ensure_keeper(lab.workspace)
    lab.await_engine(run)
    lock = lab.attempt(run).lock
    wait_until(lambda: len(processes.holders(lock)) == 3, "supervisor, engine and what it forked away")
    cancel(lab.records, lab.workspace, lab.await_state(run, State.RUNNING), grace_seconds=0.1)
    lab.await_state(run, State.CANCELLED)
    assert processes.holders(lock) == []


def test_what_cannot_be_started_fails_and_the_queue_goes_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = lab.add("finish")
    (lab.folder(bad) / "attempt-1").write_text("a file where a folder should be")
    good = lab.add("finish")
    ensure_keeper(lab.workspace)
    lab.await_state(good, State.FINISHED)
    assert lab.run(bad).state is State.FAILED
    assert "cannot be made" in lab.run(bad).reason
    stop_keeper(lab.workspace)
    monkeypatch.setenv("WHALETUI_ENGINE", json.dumps(["/nowhere/engine"]))
    missing = lab.add("finish")
    ensure_keeper(lab.workspace)
    assert "could not be started" in lab.await_state(missing, State.FAILED).reason


def test_the_engine_sees_an_environment_by_allow_list(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"KAGGLE_KEY": "k1", "HF_TOKEN": "k2", "AWS_SECRET_ACCESS_KEY": "k3", "WHALETUI_PASSWORD": "k4",
               "SOMETHING_ELSE": "k5"}  # fmt: skip
    for name, value in {**secrets, "HF_HOME": "/hub", "LC_TIME": "C", "OMP_NUM_THREADS": "3"}.items():
        monkeypatch.setenv(name, value)
    run = lab.add("env")
    ensure_keeper(lab.workspace)
    lab.await_state(run, State.FINISHED)
    seen = json.loads((lab.folder(run) / "environ.json").read_text())
    assert not set(secrets) & set(seen)
    assert "WHALETUI_START" not in seen
    assert (seen["HF_HOME"], seen["LC_TIME"], seen["OMP_NUM_THREADS"]) == ("/hub", "C", "3")
    assert (seen["CUDA_VISIBLE_DEVICES"], seen["GLIBC_TUNABLES"]) == ("", "glibc.malloc.hugetlb=1")
    assert (seen["WHALETUI_RUN"], seen["WHALETUI_SLOT"]) == (run.uuid, "CPU0")
    assert all(value not in (lab.attempt(run).supervisor.read_text()) for value in secrets.values())


def test_a_gpu_that_another_person_uses_is_waited_for(lab: Lab, tmp_path: Path) -> None:
    slot = {"id": "GPU-8f", "label": "GPU1", "name": "H200", "memory_total": 141 << 30, "memory_used": 38 << 30}
    held = {"pid": 812, "user": "alice", "name": "python", "memory": 38 << 30}
    gpus = tmp_path / "gpus.json"
    gpus.write_bytes(msgspec.json.encode([{**slot, "processes": [held]}]))
    run, on_cpu = lab.add("env wait"), lab.add("finish", **{"training.device": "cpu"})
    ensure_keeper(lab.workspace)
    lab.await_state(on_cpu, State.FINISHED)
    wait_until(lambda: lab.run(run).reason, "a reason")
    assert lab.run(run).reason == "GPU1 held by alice, pid 812, 38 GiB"
    free = tmp_path / "free.json"
    free.write_bytes(msgspec.json.encode([{**slot, "memory_used": 4 << 20}]))
    free.rename(gpus)
    lab.await_engine(run)
    assert lab.run(run).slot == "GPU1"
    wait_until((lab.folder(run) / "environ.json").exists, "the engine tells its environment")
    lab.let_go(run)
    lab.await_state(run, State.FINISHED)
    seen = json.loads((lab.folder(run) / "environ.json").read_text())
    assert (seen["CUDA_VISIBLE_DEVICES"], seen["CUDA_DEVICE_ORDER"]) == ("GPU-8f", "PCI_BUS_ID")


@pytest.mark.slow
def test_random_strikes_lose_no_run_and_run_none_twice(lab: Lab) -> None:
    """Keepers are killed at arbitrary instants while short runs go through one slot."""
    draw = random.Random(7)
    runs, turn = [lab.add("finish") for _ in range(3)], 0
    deadline = time.monotonic() + 60
    while any(lab.run(run).state.is_active for run in runs):
        assert time.monotonic() < deadline
        ensure_keeper(lab.workspace)
        struck = processes.identify(await_keeper(lab))
        turn += 1
        time.sleep(draw.uniform(0.0, 0.4 * turn))  # ever more patience, so that a slow machine gets on, too
        if struck:
            processes.send(struck, signal.SIGKILL)
        reconcile(lab.records, lab.workspace)
    words = lab.intervals()
    assert [lab.run(run).state for run in runs] == [State.FINISHED] * 3
    assert [word for _, word in words] == ["start", "end"] * 3  # never two at once
    assert len({folder for folder, _ in words}) == 3  # none twice
