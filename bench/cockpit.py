"""The app in a real pseudo-terminal: `python bench/cockpit.py [--peer] [--labs DIR] [--rows ROW ...]`.

Workspaces: one run of 200,000 steps x 4 figures, 201 runs x 60 steps, 10,000 runs, and one that is live.

`first_chart_200k`: from starting the process to the first dot of a curve; no cache of the history is there yet.
`history_200k`: from starting it to all its curves drawn to the last step, each figure in a chart of its own; no cache.
`history_200k_again`: the same from the second start on.
`first_chart_201`, `select_all_201`: 201 runs: to the first curve; from asking for all of them to the settled overlay.
`key_to_paint`: with all 201 in view, from the key for the next run to the first bytes on the terminal.
`newest_value_age`: how old the newest value on the terminal is, by its own time stamp, looked at five times a second.
`live_cpu`, `bytes_per_second`: with one live run in view that tells 1.4 values a second. `idle_cpu`: nothing is live.
With --start only: `first_paint`, `first_rows`, `first_chart`, on the 201 runs, beside a minimal Textual app.
`memory`: resident, with the 200,000 steps in view. `first_paint_10000`, `ls_10000`, `filter_10000`: 10,000 runs.

The peer is W&B LEET (`wandb leet`), measured by the same call with --peer where wandb is installed; else a bar. For the
last three rows it is what no such program can beat: a Textual app with a table and a footer, and a Python that
imports SQLAlchemy's ORM.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from _labs import LAST_LOSS, lab
from _leet import Leet
from _rows import Row, median_seconds, options, report
from _terminal import BRAILLE, key_to_paint, on_terminal, shown_age

from engine.contract.spec import RunSpec
from whaletui.jobs.keeper import ensure_keeper, stop_keeper
from whaletui.jobs.local import ENGINE_VARIABLE, cancel
from whaletui.records.model import State
from whaletui.records.records import Records
from whaletui.workspace import Workspace

APP = [sys.executable, "-m", "whaletui"]
BARS = {
    "first_chart_200k": 0.73, "history_200k": 8.65 / 8, "history_200k_again": 8.65 / 8, "first_chart_201": 0.60,
    "select_all_201": 12.1 / 10, "key_to_paint": 0.050, "newest_value_age": 1.5, "live_cpu": 16.0, "idle_cpu": 2.2,
    "memory": 280.0, "bytes_per_second": 5000.0,
}  # fmt: skip
"""What each figure is to be below where no peer is measured."""
UNITS = {"live_cpu": "% core", "idle_cpu": "% core", "memory": "MiB", "bytes_per_second": "bytes/s"}
Measure = Callable[[], tuple[float, ...]]
LAST = f"{LAST_LOSS:.3f}"
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


def median(measure: Callable[[], float], times: int = 5) -> float:
    """Return the median of a measure; the first one, which warms the machine's own caches, is not counted."""
    return statistics.median([measure() for _ in range(times + 1)][1:])


def first_chart(folder: Path) -> float:
    """Return the seconds from the start to the first dot of a curve, without a cache of histories."""
    shutil.rmtree(folder / "cache", ignore_errors=True)
    with on_terminal(APP, folder) as terminal:
        return terminal.wait(BRAILLE)


def whole_history(folder: Path, cached: bool) -> float:
    """Return the seconds from the start until four charts have drawn a run to its last step."""
    if not cached:
        shutil.rmtree(folder / "cache", ignore_errors=True)
    with on_terminal(APP, folder) as terminal:
        terminal.wait(b"run 7")
        terminal.send(b"v")
        taken = terminal.wait_shown(
            f"training loss  ── 7 {LAST}", "learning rate  ── 7", "photos/s  ── 7", "seconds left  ── 7 0.000"
        )
        while not list(folder.glob("cache/[!.]*")):  # what was read is kept soon after, for the next start
            terminal.listen(0.5)
        return taken


def long_run(folder: Path) -> tuple[float, ...]:
    """Return the seconds to the first chart of the long run, and to its whole history, without and with its cache."""
    return first_chart(folder), whole_history(folder, cached=False), whole_history(folder, cached=True)


def many_runs(folder: Path) -> tuple[float, ...]:
    """Return the seconds to the first chart, from asking for all 201 runs to their overlay, and from a key to paint."""
    first = first_chart(folder)
    with on_terminal(APP, folder) as terminal:
        terminal.wait(b"run 207", BRAILLE)
        terminal.settle()
        asked = terminal.send(b"Av")
        terminal.wait(b"curves of 201 runs")
        settled = terminal.settle(3.0) - asked
        return first, settled, key_to_paint(terminal, b"j")


def resting(folder: Path, seconds: float = 10.0) -> tuple[float, ...]:
    """Return CPU (% of a core) at rest, and memory (MiB), with a whole long run in view."""
    with on_terminal(APP, folder) as terminal:
        terminal.wait_shown(f"train {LAST}")
        terminal.settle(2.0)
        before = terminal.cpu_seconds()
        terminal.listen(seconds)
        return (terminal.cpu_seconds() - before) / seconds * 100, terminal.memory_mib()


def live(seconds: float = 10.0) -> tuple[float, ...]:
    """Return the median age of the newest value shown, CPU (% of a core) and bytes a second, of a live run."""
    with tempfile.TemporaryDirectory() as name:
        os.environ[ENGINE_VARIABLE] = json.dumps([sys.executable, "-c", STAND_IN])
        folder = Path(name)
        workspace = Workspace(folder)
        workspace.prepare()
        records = Records.open(workspace)
        run = records.add_run(RunSpec.of({"name": "live"}))
        ensure_keeper(workspace)
        try:
            while records.run(run.id).state is not State.RUNNING:
                time.sleep(0.1)
            with on_terminal(APP, folder) as terminal:
                terminal.wait(b"live", BRAILLE)
                age = shown_age(terminal, re.compile(rb"(\d+)\.500"), lambda: _said(folder), 15.0)
                before = terminal.cpu_seconds()
                sent = terminal.listen(seconds)
                return age, (terminal.cpu_seconds() - before) / seconds * 100, sent / seconds
        finally:
            cancel(records, workspace, records.run(run.id), now=True)
            stop_keeper(workspace)


def _said(folder: Path) -> dict[int, float]:
    """Return when each step of the live run was said."""
    events = next(folder.glob("runs/*/attempt-1/events.jsonl"))
    lines = events.read_bytes().rpartition(b"\n")[0].splitlines()
    return {one["step"]: one["unix_seconds"] for one in map(json.loads, lines) if one["event"] == "step"}


def painted(command: list[str], words: bytes, folder: Path) -> float:
    """Return the seconds from the start until words are on the terminal."""
    with on_terminal(command, folder) as terminal:
        return terminal.wait(words)


def crowd_rows(folder: Path) -> list[Row]:
    """Return the rows of 10,000 runs."""

    def call(*words: str) -> object:
        return subprocess.run([sys.executable, *words], cwd=folder, stdout=subprocess.DEVNULL, check=True)

    minimal = median(lambda: painted([sys.executable, "-c", MINIMAL], b"leave", folder))
    orm = median_seconds(lambda: call("-c", "import sqlalchemy.orm"))
    listing = ("-m", "whaletui", "ls", "--limit", "500")
    return [
        Row("first_paint_10000", "s", median(lambda: painted(APP, b"run 10006", folder)), minimal,
            "minimal Textual app"),
        Row("ls_10000", "s", median_seconds(lambda: call(*listing)), orm, "import sqlalchemy.orm"),
        Row("filter_10000", "s", median_seconds(lambda: call(*listing, "--filter", "seed>9000 map5>0.4")), orm,
            "import sqlalchemy.orm"),
    ]  # fmt: skip


def start_rows(folder: Path) -> list[Row]:
    """Return how soon the app is there on 201 runs: the first screen, the rows, the first curve."""
    minimal = median(lambda: painted([sys.executable, "-c", MINIMAL], b"leave", folder))
    found = {
        "first_paint": median(lambda: painted(APP, b"opening", folder)),
        "first_rows": median(lambda: painted(APP, b"run 207", folder)),
        "first_chart": median(lambda: first_chart(folder)),
    }
    return [Row(name, "s", value, minimal, "minimal Textual app") for name, value in found.items()]


def cockpit_rows(labs: Path, peer: Leet | None, wanted: Sequence[str]) -> list[Row]:
    """Measure what LEET can be measured at too: ours and its by turns, so that both meet the same machine."""
    one, many = _lab(labs, "one", 1, 200_000), _lab(labs, "many", 201, 60)
    groups: list[tuple[str, int, Measure, Measure | None]] = [
        ("first_chart_200k history_200k history_200k_again", 4, lambda: long_run(one), peer and peer.long),
        ("first_chart_201 select_all_201 key_to_paint", 4, lambda: many_runs(many), peer and peer.many),
        ("idle_cpu memory", 2, lambda: resting(one), peer and peer.resting),
        ("newest_value_age live_cpu bytes_per_second", 1, live, peer and peer.live),
    ]
    rows = []
    for names, times, measure, of_peer in groups:
        if wanted and not set(wanted) & set(names.split()):
            continue
        pairs = [(measure(), of_peer() if of_peer else ()) for _ in range(times)]
        pairs = pairs[1:] or pairs  # the first warms the machine's own caches
        for place, name in enumerate(names.split()):
            value = statistics.median(mine[place] for mine, _ in pairs)
            bar = statistics.median(its[place] for _, its in pairs) if of_peer else BARS[name]
            rows.append(Row(name, UNITS.get(name, "s"), value, bar, "wandb leet" if of_peer else "the bar"))
            print(f"{name} {value:.3f} {bar:.3f}", file=sys.stderr, flush=True)
    return rows


def _lab(labs: Path, name: str, runs: int, steps: int) -> Path:
    """Return a workspace, made where it is not there yet."""
    folder = labs / name
    if not folder.exists():
        lab(folder, runs, steps)
    return folder


def main() -> None:
    """Measure and print."""
    parser = options(__doc__ or "")
    parser.add_argument("--peer", action="store_true", help="measure W&B LEET too, where wandb is installed")
    parser.add_argument("--labs", type=Path, help="keep the workspaces here, and take them from here")
    parser.add_argument("--rows", nargs="+", default=(), help="measure only these, and what is measured with them")
    parser.add_argument("--start", action="store_true", help="measure only how the app starts on 201 runs")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        labs = (chosen.labs or Path(name)).resolve()
        labs.mkdir(parents=True, exist_ok=True)
        if chosen.start:
            report(start_rows(_lab(labs, "many", 201, 60)), chosen.json)
            return
        wandb = shutil.which("wandb") if chosen.peer else None
        rows = cockpit_rows(labs, Leet(Path(wandb), labs) if wandb else None, chosen.rows)
        if not chosen.rows or any(row.endswith("_10000") for row in chosen.rows):
            rows += crowd_rows(_lab(labs, "crowd", 10_000, 0))
        report(rows, chosen.json)


if __name__ == "__main__":
    main()
