"""A machine that was restarted while a run ran: another boot id, for one command in a namespace of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jobs_kit import Lab

from engine.contract.rundir import write_json
from whaletui.jobs import processes
from whaletui.jobs.traces import SupervisorFile
from whaletui.records.model import RunRecord


def before_restart(lab: Lab) -> RunRecord:
    """Return a run that is taken for running, and of whose processes none is left; skips where nobody may swap ids."""
    if os.geteuid() != 0:
        pytest.skip("only root may swap the boot id")
    run = lab.add("wait")
    assert lab.records.claim(run.id, 1, processes.host(), ("cpu-0", "CPU0"), now=1.0)
    lab.attempt(run).path.mkdir()
    lab.attempt(run).lock.touch()
    told = SupervisorFile(host=processes.host(), boot_id=processes.boot_id(), pid=1, start_time=1, engine_pid=2**22 - 1,
                          engine_start_time=1, uuid=run.uuid, slot="CPU0", slot_id="cpu-0", started_at=1.0)  # fmt: skip
    write_json(lab.attempt(run).supervisor, told)
    return run


def after_restart(folder: Path, command: str) -> list[str]:
    """Return the command line that runs a command under another boot id, which is kept in a folder."""
    (folder / "boot_id").write_text("another-start\n")
    swap = f"mount --bind {folder / 'boot_id'} /proc/sys/kernel/random/boot_id && exec "
    return ["unshare", "-m", "sh", "-c", swap + command]
