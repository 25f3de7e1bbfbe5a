"""`whaletui ls` on a thousand runs: `python bench/records.py [--json FILE]`.

The ceiling is a Python that only imports SQLAlchemy's ORM: whoever lists runs through it cannot be faster.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from _rows import Row, median_seconds, options, report

from engine.contract.spec import RunSpec
from whaletui.records.records import Records
from whaletui.workspace import Workspace

RUNS = 1000


def fill(root: Path) -> None:
    """Make a workspace with a thousand runs that nobody starts."""
    workspace = Workspace(root)
    workspace.prepare()
    records = Records.open(workspace)
    for number in range(RUNS):
        records.request_cancel(records.add_run(RunSpec.of({"name": f"run {number}", "seed": number})).id)


def call(*words: str) -> object:
    """Run a Python and wait for it."""
    return subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        ours = median_seconds(lambda: call("-m", "whaletui", "-w", folder, "ls", "--limit", "1000"), 7)
        filtered = median_seconds(
            lambda: call("-m", "whaletui", "-w", folder, "ls", "--filter", "seed>900 name:run*"), 7
        )
    ceiling = median_seconds(lambda: call("-c", "import sqlalchemy.orm"), 7)
    name = "import sqlalchemy.orm"
    report([Row("ls_1000", "s", ours, ceiling, name), Row("filter_1000", "s", filtered, ceiling, name)], chosen.json)


if __name__ == "__main__":
    main()
