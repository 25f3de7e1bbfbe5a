"""Full, exhausted and read-only disks: real ones, mounted in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from jobs_kit import Lab, new_records, wait_until
from small_disks import SmallDisk, fill
from test_training_checkpoint import network, position

from engine.contract.events import EventTail, EventWriter, Finished, Step
from engine.contract.rundir import RunDir
from engine.contract.spec import RunSpec
from engine.pulse import Pulse
from engine.training.checkpoint import read_checkpoint, save_checkpoint, sound_checkpoint
from whaletui.jobs.keeper import ensure_keeper
from whaletui.jobs.traces import exit_of
from whaletui.records.care import what_is_wrong
from whaletui.records.errors import RecordsError
from whaletui.records.model import State
from whaletui.records.records import Records
from whaletui.workspace import Workspace

pytestmark = pytest.mark.root


def step(number: int) -> Step:
    return Step(step=number, epoch=1.0, loss=1.0, learning_rate=0.1, images_per_second=1.0)


def test_a_full_disk_loses_no_event(small_disk: SmallDisk) -> None:
    disk = small_disk("256k")
    events = EventWriter(disk / "events.jsonl")
    for number in range(1, 1001):
        events.write(step(number))
    filler = fill(disk)
    for number in range(1001, 2001):
        events.write(step(number))
    assert b'"step":2000' not in (disk / "events.jsonl").read_bytes()
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
    for number in range(2001, 3001):
        events.write(step(number))
    events.write(Finished(map5=0.5, seconds=1.0))
    events.close()
    tail = EventTail(disk / "events.jsonl")
    assert [event.seq for event in tail.read_all()] == list(range(1, 3002))
    assert tail.damaged <= 1  # the line that was cut short


def test_what_is_printed_on_a_full_disk_ends_no_run(small_disk: SmallDisk) -> None:
    disk = small_disk("64k")
    program = (
        "import sys\nfrom engine.telling import let_log_be_full\nlet_log_be_full()\n"
        "for number in range(5000): print('a line of the log', number)\n"
        "print('and of the errors', file=sys.stderr)\nopen(sys.argv[1], 'w').write('went on')\n"
    )
    done = disk.parent / "done"
    with open(disk / "log.txt", "wb") as log:
        assert subprocess.run([sys.executable, "-c", program, str(done)], stdout=log, stderr=log).returncode == 0
    assert done.read_text() == "went on"


def test_a_full_disk_leaves_the_old_checkpoint_whole(small_disk: SmallDisk) -> None:
    disk = small_disk("1m")
    old = save_checkpoint(disk / "checkpoint", position(1), network(), None)
    fill(disk)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(disk / "checkpoint", position(2), network(), None, {"moments": torch.zeros(100_000)})
    assert list((disk / "checkpoint").iterdir()) == [old]
    assert read_checkpoint(old, average=False)[0].step == 1


def test_without_inodes_nothing_is_half_there(small_disk: SmallDisk) -> None:
    disk = small_disk("4m", inodes=12)
    events = EventWriter(disk / "events.jsonl")
    old = save_checkpoint(disk / "checkpoint", position(1), network(), None)
    while True:
        try:
            (disk / f"file{len(list(disk.iterdir()))}").touch(exist_ok=False)
        except OSError:
            break
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(disk / "checkpoint", position(2), network(), None)
    assert sound_checkpoint(disk / "checkpoint") == (old, [])
    Pulse(disk / "heartbeat", events).beat()  # there is no inode for it either
    events.write(step(1))
    events.close()
    assert [event.seq for event in EventTail(disk / "events.jsonl").read_all()] == [1]


def test_a_disk_that_turns_read_only_does_not_end_training(small_disk: SmallDisk) -> None:
    disk = small_disk("1m")
    events = EventWriter(disk / "events.jsonl")
    pulse = Pulse(disk / "heartbeat", events, clock=iter(range(100)).__next__)
    pulse.beat()
    events.write(step(1))
    events.close()
    assert subprocess.run(["mount", "-o", "remount,ro", str(disk)]).returncode == 0
    assert pulse.beat()
    with pytest.raises(OSError, match="Read-only"):
        save_checkpoint(disk / "checkpoint", position(2), network(), None)


def test_records_on_a_full_disk_say_so_and_can_be_written_again(small_disk: SmallDisk) -> None:
    disk = small_disk("2m")
    records = new_records(disk / "lab")
    kept = records.add_run(RunSpec.of({"name": "kept"}))
    filler = fill(disk)
    with pytest.raises(RecordsError, match="disk is full"):
        records.set_setting("long", "x" * (1 << 22))
    assert records.run(kept.id).name == "kept"
    assert what_is_wrong(records.workspace) == ""
    filler.unlink()
    records.set_setting("data", "/photos")
    assert records.setting("data") == "/photos"
    assert what_is_wrong(records.workspace) == ""


def test_records_can_be_read_on_a_disk_too_full_to_open_them(small_disk: SmallDisk) -> None:
    disk = small_disk("2m")
    run = new_records(disk / "lab").add_run(RunSpec.of({"name": "kept"}))
    for suffix in ("-wal", "-shm"):
        (disk / "lab" / f"experiments.db{suffix}").unlink(missing_ok=True)
    fill(disk)
    assert Records.open(Workspace(disk / "lab")).run(run.id).name == "kept"


def test_the_reserve_lets_the_end_of_a_run_be_written_on_a_full_disk(lab: Lab, small_disk: SmallDisk) -> None:
    disk = small_disk("48m")
    lab.records = new_records(disk / "lab")
    lab.workspace = lab.records.workspace
    run = lab.add("wait")
    ensure_keeper(lab.workspace)
    lab.await_engine(run)
    wait_until(lambda: (disk / "lab" / "reserve.bin").exists(), "the reserve is there")
    fill(disk)
    lab_go = lab.folder(run) / "go"
    os.symlink("/", lab_go)  # takes no block
    wait_until(lambda: exit_of(lab.attempt(run)) is not None, "the end is written")
    assert not (disk / "lab" / "reserve.bin").exists()
    (disk / "filler").unlink()
    lab.await_state(run, State.FINISHED)
    lab.end()


def test_a_workspace_without_permission_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from whaletui.__main__ import main

    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    main(["-w", str(tmp_path), "ls"])  # loads what a listing needs, which another user may not read
    capfd.readouterr()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os._exit(main(["-w", str(closed / "lab"), "ls"]))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    told = capfd.readouterr().err
    assert str(tmp_path) in told or str(tmp_path.parent) in told
    assert "may not be read or written" in told


def test_a_run_folder_is_made_whole_or_not_at_all(small_disk: SmallDisk) -> None:
    disk = small_disk("2m")
    records = new_records(disk / "lab")
    fill(disk)
    with pytest.raises(Exception, match=r"could not be made|disk is full"):
        records.add_run(RunSpec.of({"name": "no room"}))
    assert list(records.workspace.runs.iterdir()) == []
    assert RunDir(disk / "lab" / "runs").attempts() == []
