"""Workspaces as large as the ones that people complain of, written down instead of trained."""

from __future__ import annotations

import math
import random
import sqlite3
import time
import uuid
from pathlib import Path

import msgspec

from engine.contract import events as e
from engine.contract.spec import RunSpec
from whaletui.records.model import RunRecord, State
from whaletui.records.records import Records
from whaletui.workspace import Workspace

LAST_LOSS = 0.12345
"""The loss that the last step of every written run tells, so that a bench sees when a whole history is drawn."""


def lab(folder: Path, runs: int, steps: int) -> Workspace:
    """Make a workspace of finished runs with so many steps each; with 0 steps they leave no files."""
    workspace = Workspace(folder)
    workspace.prepare()
    Records.open(workspace)
    records = [_record(number) for number in range(7, runs + 7)]
    with sqlite3.connect(workspace.database) as connection:
        columns = [{**one.columns(), "stop_asked": False} for one in records]
        names = ", ".join(columns[0])
        connection.executemany(f"INSERT INTO runs ({names}) VALUES ({', '.join('?' * len(columns[0]))})",
                               [tuple(one.values()) for one in columns])  # fmt: skip
    connection.close()
    for record in records if steps else ():
        attempt = workspace.run_dir(record.folder).attempt(1)
        attempt.path.mkdir(parents=True)
        attempt.events.write_bytes(history(steps, seed=record.id))
    return workspace


def _record(number: int) -> RunRecord:
    spec = RunSpec().with_values({"name": f"run {number}", "seed": number, "training.batch": 16 << number % 5})
    map5 = 0.3 + number * 7919 % 1000 / 4000
    return RunRecord.of_spec(
        spec, id=number, uuid=str(uuid.uuid4()), folder=f"runs/{number:05d}", state=State.FINISHED,
        created_at=time.time() - 60.0 * number, attempt=1, epoch=28.0, loss=LAST_LOSS, map5=map5, map5_low=map5 - 0.02,
        map5_high=map5 + 0.02, map5_known=map5 - 0.05, map5_new=0.9, baseline_constant=0.325, seconds=600.0,
    )  # fmt: skip


def history(steps: int, seed: int) -> bytes:
    """Return the events of a run with four figures a step."""
    noise = random.Random(seed)
    began = 1_790_000_000.0
    started = e.Started(attempt=1, pid=1, host="here", device="none", precision="float32", epochs=28)
    lines = [e.encode_event(msgspec.structs.replace(started, seq=1, unix_seconds=began))]
    for step in range(1, steps + 1):
        loss = 0.3 + 7 * math.exp(-6 * step / steps) + noise.random() * 0.4 if step < steps else LAST_LOSS
        lines.append(e.encode_event(e.Step(
            seq=step + 1, boot_seconds=1000 + step * 0.5123, unix_seconds=began + step * 0.5123, step=step,
            epoch=28 * step / steps, loss=loss, learning_rate=1e-3 * (1 - step / (steps + 1)),
            images_per_second=400 + 20 * noise.random(), eta_seconds=(steps - step) * 0.5)))  # fmt: skip
    lines.append(e.encode_event(e.Finished(seq=steps + 2, unix_seconds=began + steps * 0.5123, map5=0.5, seconds=1.0)))
    return b"".join(lines)
