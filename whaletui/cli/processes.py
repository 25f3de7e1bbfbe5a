"""`queue`, `gpus`, `keeper`: what runs where, what waits, and who looks after it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from engine.contract.errors import WhaleError
from whaletui.cli.common import find_runs, open_records, workspace_of
from whaletui.cli.listing import listed
from whaletui.cli.output import DONE, as_json, say, table
from whaletui.jobs.gpus import probe
from whaletui.jobs.keeper import ensure_keeper, stop_keeper
from whaletui.jobs.queueing import hold, move_up, release, run_next
from whaletui.records.model import State
from whaletui.records.records import Records


def queue(options: Namespace) -> int:
    """List running and waiting runs in the order of the queue, each with its reason."""
    _, records = open_records(options)
    if options.action:
        return _arrange(records, options.action, options.runs)
    active = records.active()
    if options.json:
        as_json([listed(run) for run in active])
        return DONE
    if not active:
        say("nothing runs and nothing waits")
        return DONE
    rows = [
        [
            run.id,
            run.name,
            run.state.value,
            run.slot if run.state is State.RUNNING else "",
            f"{run.epoch:.1f}/{run.epochs}",
            run.reason,
        ]
        for run in active
    ]
    table(["id", "name", "state", "on", "epoch", "reason"], rows, right=["id", "epoch"])
    return DONE


def _arrange(records: Records, action: str, names: Sequence[str]) -> int:
    """Change the order of the queue."""
    if not names:
        raise WhaleError(f"queue {action} names no run", f"whaletui queue {action} RUN; whaletui queue lists them")
    change = {"hold": hold, "release": release, "up": move_up, "next": run_next}[action]
    for run in find_runs(records, names):
        say(f"{run.id}  {change(records, run)}")
    return DONE


def gpus(options: Namespace) -> int:
    """List the slots that runs are placed on."""
    slots = probe()
    if options.json:
        as_json(slots)
        return DONE
    rows: list[list[object]] = []
    for slot in slots:
        memory = f"{slot.memory_used >> 20}/{slot.memory_total >> 20} MiB" if slot.memory_total else ""
        busy = "" if slot.utilisation is None else f"{slot.utilisation:.0f}%"
        held = ", ".join(f"{process.user} {process.pid} {process.name}" for process in slot.processes)
        rows.append([slot.label, slot.name, busy, memory, held, slot.id])
    table(["slot", "name", "use", "memory", "processes", "id"], rows, right=["use"])
    return DONE


def keeper(options: Namespace) -> int:
    """See that the workspace's keeper runs, or stop it."""
    workspace = workspace_of(options)
    if options.stop:
        say("the keeper was stopped; runs go on" if stop_keeper(workspace) else "no keeper was running")
        return DONE
    say("a keeper was started" if ensure_keeper(workspace) else "a keeper runs already")
    return DONE
