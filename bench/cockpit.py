"""The app in a real pseudo-terminal: `python bench/cockpit.py [--peer] [--json FILE]`.

`first_paint`: from starting the process until the key hints are on the terminal. The ceiling is a Textual app that
shows a table and a footer and does nothing else; with --peer, W&B LEET on an offline run, where wandb is installed.
`newest_value_age`: from a value's own time stamp in the run folder until the terminal shows it; its bar is 1.5 s.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _rows import Row, options, report

from engine.contract.spec import RunSpec
from whaletui.jobs.keeper import ensure_keeper, stop_keeper
from whaletui.jobs.local import ENGINE_VARIABLE, cancel
from whaletui.records.model import State
from whaletui.records.records import Records
from whaletui.workspace import Workspace

SIZE = (45, 160)
AGE_BAR_SECONDS = 1.5
MINIMAL = """
from textual.app import App
from textual.widgets import DataTable, Footer
class Minimal(App):
    BINDINGS = [("q", "quit", "leave")]
    def compose(self):
        yield DataTable()
        yield Footer()
    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("id", "name")
        table.add_rows([(number, "run") for number in range(6)])
Minimal().run()
"""
STAND_IN = """
import sys, time
from pathlib import Path
from engine.contract.events import EventWriter, Finished, Started, Step
from engine.contract.rundir import RunDir
events = EventWriter(RunDir(Path(sys.argv[1])).latest().events)
events.write(Started(attempt=1, pid=1, host="here", device="none", precision="float32", epochs=100))
for step in range(1, 400):
    events.write(Step(step=step, epoch=step / 4, loss=step + 0.5, learning_rate=0.1, images_per_second=9.0))
    time.sleep(0.7)
events.write(Finished(map5=0.5, seconds=1.0))
"""


@contextmanager
def on_terminal(command: list[str], folder: Path) -> Iterator[int]:
    """Run a command on a pseudo-terminal of its own; yields the terminal's other end."""
    process, master = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"})
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    try:
        yield master
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(master)


def wait_for(master: int, words: bytes, limit_seconds: float = 30.0) -> float:
    """Return how long it took until the words came out of the terminal."""
    began, seen = time.perf_counter(), b""
    while time.perf_counter() - began < limit_seconds:
        if select.select([master], [], [], 0.5)[0]:
            seen = seen[-len(words) :] + os.read(master, 65536)
            if words in seen:
                return time.perf_counter() - began
    raise SystemExit(f"{words!r} did not come within {limit_seconds} s")


def first_paint(command: list[str], words: bytes, folder: Path, times: int = 7) -> float:
    """Return the median time to first paint; the first one, which warms caches, is not counted."""
    taken = []
    for _ in range(times + 1):
        with on_terminal(command, folder) as master:
            taken.append(wait_for(master, words))
    return statistics.median(taken[1:])


def value_age(folder: Path, values: int = 12) -> float:
    """Return the median age of a value when it reaches the terminal, from a run that reports every 0.7 s."""
    os.environ[ENGINE_VARIABLE] = json.dumps([sys.executable, "-c", STAND_IN])
    workspace = Workspace(folder)
    workspace.prepare()
    records = Records.open(workspace)
    run = records.add_run(RunSpec.of({"name": "live"}))
    ensure_keeper(workspace)
    try:
        while records.run(run.id).state is not State.RUNNING:
            time.sleep(0.1)
        return statistics.median(_ages(folder, values))
    finally:
        cancel(records, workspace, records.run(run.id), now=True)
        stop_keeper(workspace)


def _ages(folder: Path, values: int) -> list[float]:
    ages: list[float] = []
    with on_terminal([sys.executable, "-m", "whaletui"], folder) as master:
        wait_for(master, b"live")
        newest = _spoken(folder)[-1]["step"]
        for step in range(newest + 3, newest + 3 + values):
            wait_for(master, b"%d.500" % step)
            now = time.time()
            ages.append(now - next(one["unix_seconds"] for one in _spoken(folder) if one["step"] == step))
    return ages


def _spoken(folder: Path) -> list[dict[str, float]]:
    path = next(folder.glob("runs/*/attempt-1/events.jsonl"))
    return [event for event in map(json.loads, path.read_text().splitlines()) if event["event"] == "step"]


def leet_first_chart(folder: Path) -> float:
    """Return W&B LEET's time from start to its first chart, on an offline run of 2,000 steps written here."""
    script = (
        "import wandb; run = wandb.init(mode='offline', project='p');"
        "[run.log({'loss': 1 / (step + 1)}) for step in range(2000)]; run.finish()"
    )
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, capture_output=True)
    return first_paint([shutil.which("wandb") or "wandb", "beta", "leet"], b"loss", folder, times=5)


def main() -> None:
    """Measure and print."""
    parser = options(__doc__ or "")
    parser.add_argument("--peer", action="store_true", help="measure W&B LEET too, where wandb is installed")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Records.open(Workspace(folder))
        ours = first_paint([sys.executable, "-m", "whaletui"], b"ensemble", folder)
        ceiling = first_paint([sys.executable, "-c", MINIMAL], b"leave", folder)
        rows = [Row("first_paint", "s", ours, ceiling, "minimal Textual app")]
        if chosen.peer and shutil.which("wandb"):
            rows.append(Row("first_paint_leet", "s", ours, leet_first_chart(folder), "wandb beta leet, first chart"))
        rows.append(Row("newest_value_age", "s", value_age(folder), AGE_BAR_SECONDS, "the bar"))
        report(rows, chosen.json)


if __name__ == "__main__":
    main()
