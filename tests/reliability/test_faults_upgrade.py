"""Run folders of an earlier program: what it did not write yet is filled in, nothing is refused."""

from __future__ import annotations

import json
import os
import time

from jobs_kit import Lab

from whaletui.jobs import processes
from whaletui.jobs.settle import reconcile
from whaletui.records.model import State
from whaletui.records.rebuild import rebuild


def test_the_folder_of_an_earlier_program_is_read(lab: Lab) -> None:
    run = lab.add("an old one")
    assert lab.records.claim(run.id, 1, processes.host(), ("cpu-0", "CPU0"), now=1.0)
    attempt = lab.attempt(run)
    attempt.path.mkdir()
    os.close(os.open(attempt.lock, os.O_CREAT))
    attempt.heartbeat.touch()  # empty, as it was
    attempt.supervisor.write_text(json.dumps({
        "host": processes.host(), "boot_id": processes.boot_id(), "pid": 1, "start_time": 1, "engine_pid": 2**22 - 1,
        "engine_start_time": 1, "uuid": run.uuid, "slot": "CPU0", "slot_id": "cpu-0", "started_at": 1.0,
    }))  # fmt: skip
    attempt.exit.write_text(
        json.dumps({"code": 0, "signal": None, "peak_memory_bytes": 1, "ended_at": 9.0, "boot_seconds": 1.0})
    )
    stamp = {"boot_seconds": 1.0, "unix_seconds": time.time()}
    events = [
        {"event": "started", "seq": 1, "attempt": 1, "pid": 1, "host": "h", "device": "CPU", "precision": "float32",
         "epochs": 4},
        {"event": "step", "seq": 2, "step": 3, "epoch": 1.5, "loss": "NaN", "learning_rate": 0.1,
         "images_per_second": 1.0},
        {"event": "finished", "seq": 3, "map5": 0.5, "seconds": 2.0},
    ]  # fmt: skip
    attempt.events.write_text("".join(json.dumps({**event, **stamp}) + "\n" for event in events))
    record = json.loads((lab.folder(run) / "record.json").read_text())
    for new in ("attempt", "waits"):
        record.pop(new)
    (lab.folder(run) / "record.json").write_text(json.dumps(record))
    reconcile(lab.records, lab.workspace)
    before = lab.run(run)
    assert (before.state, before.map5) == (State.FINISHED, 0.5)
    assert rebuild(lab.workspace).damaged == ()
    assert lab.run(run) == before
