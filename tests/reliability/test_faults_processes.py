"""Processes struck down, halted, exhausted and confused: the truth is told and the queue goes on."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from jobs_kit import Lab, wait_until
from restarts import after_restart, before_restart

from engine.contract.rundir import write_json
from whaletui.jobs import locks, processes
from whaletui.jobs.keeper import Keeper, ensure_keeper, keep, signature, stop_keeper
from whaletui.jobs.liveness import Life, judge
from whaletui.jobs.local import cancel, resume
from whaletui.jobs.outcome import MOST_RETRIES
from whaletui.jobs.placing import plan
from whaletui.jobs.queueing import hold, move_up, release, run_next
from whaletui.jobs.settle import reconcile
from whaletui.jobs.traces import SupervisorFile
from whaletui.records.errors import RecordsError
from whaletui.records.model import Outcome, RunRecord, State

TRUTH_SECONDS = 2.0


def kill_all(lab: Lab, run: RunRecord) -> None:
    """Kill supervisor and engine so that neither can say a word about the other."""
    victims = lab.await_engine(run)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for victim in victims:
            assert processes.send(victim, number)


def test_a_lost_run_is_queued_again_and_goes_on(lab: Lab) -> None:
    run = lab.add("wait")
    ensure_keeper(lab.workspace)
    kill_all(lab, run)
    wait_until(lambda: lab.run(run).attempt == 2, "it is started again")
    lab.await_engine(run)
    lab.let_go(run)
    ended = lab.await_state(run, State.FINISHED)
    assert (ended.attempt, ended.map5) == (2, 0.5)


def test_a_run_that_is_lost_again_and_again_is_given_up_and_blocks_nobody(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHALETUI_RETRY_SECONDS", "0.5")
    doomed, good = lab.add("doom"), lab.add("finish")
    ensure_keeper(lab.workspace)
    lab.await_state(good, State.FINISHED)
    ended = lab.await_state(doomed, State.LOST)
    assert ended.attempt == MOST_RETRIES + 1
    assert len(lab.workspace.run_dir(doomed.folder).attempts()) == MOST_RETRIES + 1


def test_a_run_lost_twice_is_given_time_and_says_until_when(lab: Lab) -> None:
    run = lab.add("wait")
    for attempt in (1, 2):
        assert lab.records.claim(run.id, attempt, processes.host(), ("cpu-0", "CPU0"), now=1.0)
        assert lab.records.put_back(run.id, attempt, "lost", Outcome(state=State.LOST, ended_at=1000.0))
    from whaletui.jobs.gpus import probe

    waits = plan([lab.run(run)], probe(), {}, now=1010.0)
    assert not waits.starts
    assert waits.reasons[run.id].startswith("lost; tried again at ")
    assert plan([lab.run(run)], probe(), {}, now=1031.0).starts


def test_a_supervisor_told_to_end_interrupts_its_run_which_is_queued_again(lab: Lab) -> None:
    run = lab.add("wait")
    ensure_keeper(lab.workspace)
    supervisor, _ = lab.await_engine(run)
    processes.send(supervisor, signal.SIGTERM)  # as when the machine goes down
    wait_until(lambda: lab.run(run).attempt == 2, "it is started again")
    lab.await_engine(run)
    lab.let_go(run)
    lab.await_state(run, State.FINISHED)


def test_a_halted_keeper_is_taken_over_from(lab: Lab) -> None:
    run = lab.add("wait")
    ensure_keeper(lab.workspace)
    _, engine = lab.await_engine(run)
    wait_until(lab.keeper_pid, "a keeper is at work")
    _, old, _ = signature(lab.workspace.keeper_lock)
    assert old is not None
    processes.send(old, signal.SIGSTOP)
    wait_until(lambda: processes.is_stopped(old), "it is halted")
    assert ensure_keeper(lab.workspace)
    wait_until(lambda: signature(lab.workspace.keeper_lock)[1] not in (None, old), "another keeper signs")
    assert not processes.is_alive(old)
    assert processes.is_alive(engine)
    lab.let_go(run)
    lab.await_state(run, State.FINISHED)


def test_a_keeper_on_another_machine_is_left_to_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"host": "elsewhere", "process": [1, 1], "signed_at": time.time()}
    lab.workspace.keeper_lock.write_text(json.dumps(told))  # its lock is not seen here, as on some network disks
    lab.add("finish")
    assert not ensure_keeper(lab.workspace)
    done = subprocess.run(
        [sys.executable, "-m", "whaletui.jobs.keeper", str(lab.workspace.root)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "the keeper runs on elsewhere" in done.stderr
    lab.workspace.keeper_lock.write_text(json.dumps({**told, "signed_at": time.time() - 3600}))
    assert ensure_keeper(lab.workspace)


def test_a_restart_of_the_machine_is_told_within_two_seconds(lab: Lab, tmp_path: Path) -> None:
    run = before_restart(lab)
    command = after_restart(tmp_path, f"{sys.executable} -m whaletui -w {lab.workspace.root} ls --json")
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip(f"no namespace can be made here: {done.stderr.strip()}")
    took = time.monotonic() - began
    seen = next(entry for entry in json.loads(done.stdout) if entry["id"] == run.id)
    assert (seen["state"], "the machine was restarted" in seen["reason"]) == ("queued", True)
    assert took < TRUTH_SECONDS * 5  # a whole Python starts within it


def test_a_pid_that_was_given_again_is_another_process(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may choose the next pid")
    script = (
        "import os, signal, sys\nfrom whaletui.jobs import processes\n"
        "def child(wanted=None):\n"
        "    if wanted: open('/proc/sys/kernel/ns_last_pid', 'w').write(str(wanted - 1))\n"
        "    pid = os.fork()\n"
        "    if pid == 0: signal.pause()\n"
        "    return processes.identify(pid)\n"
        "old = child(); os.kill(old.pid, 9); os.waitpid(old.pid, 0)\n"
        "import time; time.sleep(0.05)\n"
        "new = child(old.pid)\n"
        "assert new.pid == old.pid, 'skip'\n"
        "assert not processes.is_alive(old) and not processes.send(old, signal.SIGKILL)\n"
        "assert processes.is_alive(new)\n"
    )
    done = subprocess.run(
        ["unshare", "-pf", "--mount-proc", sys.executable, "-c", script], capture_output=True, text=True
    )
    if "unshare" in done.stderr or "skip" in done.stderr or "ns_last_pid" in done.stderr.splitlines()[-1:]:
        pytest.skip(f"no pid can be given again here: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr


def test_a_dead_process_that_nobody_has_buried_is_dead() -> None:
    child = os.fork()
    if child == 0:
        os.pause() if hasattr(os, "pause") else signal.pause()
    who = processes.identify(child)
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: (found := processes.status(child)) is not None and found.state == "Z", "it is a zombie")
    assert not processes.is_alive(who)
    os.waitpid(child, 0)


@pytest.mark.parametrize("hours", [-3, 24 * 3650])
def test_a_clock_that_is_set_makes_no_run_stalled(lab: Lab, hours: int) -> None:
    run = lab.add("wait")
    ensure_keeper(lab.workspace)
    lab.await_engine(run)
    attempt = lab.attempt(run)
    attempt.heartbeat.write_text(f"{time.clock_gettime(time.CLOCK_BOOTTIME):.3f}")
    set_at = time.time() - hours * 3600
    os.utime(attempt.heartbeat, (set_at, set_at))
    assert judge(attempt).life is Life.RUNNING
    attempt.heartbeat.write_text(f"{time.clock_gettime(time.CLOCK_BOOTTIME) - 600:.3f}")
    assert judge(attempt).life is Life.STALLED
    lab.let_go(run)
    lab.await_state(run, State.FINISHED)


def test_another_machine_that_fell_silent_is_unknown_since_then(lab: Lab) -> None:
    run = lab.add("wait")
    assert lab.records.claim(run.id, 1, "elsewhere", ("cpu-0", "CPU0"), now=1.0)
    attempt = lab.attempt(run)
    attempt.path.mkdir()
    told = SupervisorFile(host="elsewhere", boot_id="b", pid=1, start_time=1, engine_pid=2, engine_start_time=1,
                          uuid=run.uuid, slot="CPU0", slot_id="cpu-0", started_at=time.time())  # fmt: skip
    write_json(attempt.supervisor, told)
    attempt.heartbeat.touch()
    assert reconcile(lab.records, lab.workspace) == []
    os.utime(attempt.heartbeat, (1_790_000_000, 1_790_000_000))
    assert reconcile(lab.records, lab.workspace) == [run.id]
    seen = lab.run(run)
    assert seen.state is State.RUNNING
    assert seen.reason.startswith("unknown since 2026-09-")
    assert "only elsewhere" in seen.reason
    attempt.heartbeat.touch()
    reconcile(lab.records, lab.workspace)
    assert lab.run(run).reason == ""


def test_without_file_handles_a_run_stays_queued_with_its_reason(lab: Lab) -> None:
    run = lab.add("finish")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    keeper = Keeper(lab.records, lab.workspace)
    keeper.tick  # noqa: B018  (loads what a tick needs before handles become few)
    lab.records.active()
    opened = []
    import whaletui.jobs.local as local

    real = local.spawn

    def starved(*arguments: object, **named: object) -> object:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")), hard))
        try:
            return real(*arguments, **named)  # type: ignore[arg-type]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    local.spawn = starved  # type: ignore[assignment]
    try:
        keeper.tick()
    finally:
        local.spawn = real
        for handle in opened:
            os.close(handle)
    waiting = lab.run(run)
    assert (waiting.state, lab.records.leases()) == (State.QUEUED, {})
    assert "Too many open files" in waiting.reason
    keeper.tick()
    lab.await_engine(run)
    wait_until(lambda: reconcile(lab.records, lab.workspace) or not lab.run(run).state.is_active, "it ends")
    wait_until(lambda: lab.run(run).state is State.FINISHED or reconcile(lab.records, lab.workspace), "it is settled")


def test_of_two_who_act_at_once_one_wins_and_the_other_is_told(lab: Lab) -> None:
    run = lab.add("wait")
    lab.records.request_cancel(run.id)
    barrier, said = threading.Barrier(4), []

    def act() -> None:
        barrier.wait()
        try:
            said.append(resume(lab.records, lab.workspace, lab.run(run)))
        except RecordsError as error:
            said.append(error.message)

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [words for words in said if "starts from its first step" in words]
    assert len(won) == 1
    assert all(f"run {run.id} is " in words for words in said if words not in won)
    lab.await_engine(run)
    assert lab.run(run).attempt == 1
    lab.let_go(run)
    lab.await_state(run, State.FINISHED)


def test_two_keepers_place_no_slot_twice(lab: Lab) -> None:
    runs = [lab.add("finish") for _ in range(3)]
    keepers = [Keeper(lab.records, lab.workspace) for _ in range(2)]
    barrier = threading.Barrier(2)

    def tick(keeper: Keeper) -> None:
        barrier.wait()
        keeper.tick()

    for _ in range(3):
        threads = [threading.Thread(target=tick, args=(keeper,)) for keeper in keepers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(lab.run(run).state is State.RUNNING for run in runs) <= 1
    ensure_keeper(lab.workspace)
    for run in runs:
        lab.await_state(run, State.FINISHED)
    assert [word for _, word in lab.intervals()] == ["start", "end"] * 3


def test_the_queue_can_be_held_back_let_go_and_put_in_another_order(lab: Lab) -> None:
    blocker = lab.add("wait")
    ensure_keeper(lab.workspace)
    lab.await_state(blocker, State.RUNNING)
    first, second, third, held = (lab.add(f"finish {name}") for name in ("a", "b", "c", "d"))
    assert "held back" in hold(lab.records, held)
    move_up(lab.records, second)
    run_next(lab.records, third)
    assert [run.id for run in lab.records.in_states(State.QUEUED)] == [third.id, second.id, first.id, held.id]
    wait_until(lambda: lab.run(held).reason.startswith("held back: whaletui queue release"), "it says why")
    with pytest.raises(RecordsError, match="does not wait"):
        hold(lab.records, blocker)
    lab.let_go(blocker)
    lab.await_state(first, State.FINISHED)
    order = [folder for folder, word in lab.intervals() if word == "start"]
    assert order == [run.folder.removeprefix("runs/") for run in (blocker, third, second, first)]
    wait_until(lambda: not locks.is_held(lab.workspace.keeper_lock), "a keeper does not stay for held runs alone")
    assert lab.run(held).state is State.QUEUED
    assert lab.run(held).position != held.position
    release(lab.records, lab.run(held))
    assert lab.run(held).position == held.position
    ensure_keeper(lab.workspace)
    lab.await_state(held, State.FINISHED)


def test_a_run_told_to_stop_while_it_waits_to_be_tried_again_stays_cancelled(lab: Lab) -> None:
    run = lab.add("wait")
    ensure_keeper(lab.workspace)
    lab.await_engine(run)
    stop_keeper(lab.workspace)
    kill_all(lab, run)
    wait_until(lambda: reconcile(lab.records, lab.workspace) or lab.run(run).state is State.QUEUED, "it is settled")
    assert lab.run(run).reason.startswith("its processes are gone")
    cancel(lab.records, lab.workspace, lab.run(run))
    from whaletui.records.rebuild import rebuild

    before = lab.run(run)
    assert rebuild(lab.workspace).damaged == ()
    assert lab.run(run) == before
    assert before.state is State.CANCELLED


def test_an_unreadable_database_keeps_no_keeper_spinning(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    lab.workspace.database.unlink()
    lab.workspace.database.mkdir()  # neither a file nor something that can be made again
    from engine.contract.errors import WhaleError
    from whaletui.jobs.keeper import Wish

    with pytest.raises((WhaleError, OSError)):
        keep(lab.workspace, Wish())
    assert not locks.is_held(lab.workspace.keeper_lock)
    lab.workspace.database.rmdir()
