"""The index with many runs: `python bench/records.py [--large] [--json FILE]`.

`ls_1000`, `filter_1000`: the ceiling is a Python that only imports SQLAlchemy's ORM: whoever lists runs through it
cannot be faster. With --large, what a workspace of 10,000 finished runs costs beside one of 100: listing a screenful,
filtering, the app's first paint, queueing a run. The bar is a ratio of 2.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from _rows import Row, median_seconds, options, report
from cockpit import median, painted

from engine.contract.rundir import folder_name
from engine.contract.spec import RunSpec
from whaletui.records.model import RunRecord, State
from whaletui.records.records import Records
from whaletui.records.writing import Writer
from whaletui.workspace import Workspace

RUNS = 1000
FEW, MANY = 100, 10_000


def fill(root: Path) -> None:
    """Make a workspace with a thousand runs that nobody starts."""
    workspace = Workspace(root)
    workspace.prepare()
    records = Records.open(workspace)
    for number in range(RUNS):
        records.request_cancel(records.add_run(RunSpec.of({"name": f"run {number}", "seed": number})).id)


def fill_finished(root: Path, count: int) -> Records:
    """Make a workspace with finished runs: rows, and folders with a spec each, as listing and launching meet them."""
    workspace = Workspace(root)
    workspace.prepare()
    records = Records.open(workspace)
    rows = []
    for number in range(7, 7 + count):
        spec = RunSpec.of({"name": f"run {number}", "seed": number % 1000})
        folder = f"runs/{folder_name(number, spec.name)}"
        (root / folder).mkdir()
        (root / folder / "spec.toml").write_text(spec.to_toml())
        rows.append(
            RunRecord.of_spec(
                spec, id=number, uuid=str(uuid.uuid4()), folder=folder, created_at=1.7e9 + number, position=number,
                state=State.FINISHED, map5=number % 997 / 997, map5_low=0.1, map5_high=0.9, attempt=1, epoch=28.0,
                seconds=600.0, ended_at=1.7e9 + number,
            )
        )  # fmt: skip
    Writer(records.store).insert(rows)
    return records


def call(*words: str) -> object:
    """Run a Python and wait for it."""
    return subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)


def queue_one(records: Records) -> None:
    """Queue a run and take it back, so that the next call finds the same workspace."""
    records.request_cancel(records.add_run(RunSpec.of({"name": "new"})).id)


def measured(what: str, records: Records) -> float:
    """Return the seconds that something takes in a workspace."""
    root = records.workspace.root
    ls = ("-m", "whaletui", "-w", str(root), "ls", "--limit", "50")
    if what == "ls":
        return median_seconds(lambda: call(*ls), 7)
    if what == "filter":
        return median_seconds(lambda: call(*ls, "--filter", "map5>0.5 seed<500 name:run*"), 7)
    if what == "paint":
        return median(lambda: painted([sys.executable, "-m", "whaletui"], b"run 1", root))
    return median_seconds(lambda: queue_one(records), 9)


def many_beside_few() -> list[Row]:
    """Measure a large and a small workspace, turn by turn."""
    with tempfile.TemporaryDirectory() as name:
        few, many = (fill_finished(Path(name) / str(count), count) for count in (FEW, MANY))
        return [
            Row(f"{what}_{MANY}", "s", measured(what, many), measured(what, few), f"the same with {FEW} runs; bar 2")
            for what in ("ls", "filter", "paint", "launch")
        ]


def main() -> None:
    """Measure and print."""
    parser: argparse.ArgumentParser = options(__doc__ or "")
    parser.add_argument("--large", action="store_true", help="10,000 runs beside 100, too")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        ours = median_seconds(lambda: call("-m", "whaletui", "-w", folder, "ls", "--limit", "1000"), 7)
        filtered = median_seconds(
            lambda: call("-m", "whaletui", "-w", folder, "ls", "--filter", "seed>900 name:run*"), 7
        )
    ceiling = median_seconds(lambda: call("-c", "import sqlalchemy.orm"), 7)
    name = "import sqlalchemy.orm"
    rows = [Row("ls_1000", "s", ours, ceiling, name), Row("filter_1000", "s", filtered, ceiling, name)]
    began = time.monotonic()
    rows += many_beside_few() if chosen.large else []
    report(rows, chosen.json)
    print(f"took {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
