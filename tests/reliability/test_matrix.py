"""The table of faults in the documentation names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_fault_of_the_table_has_its_test() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (test_\w+) \|$", (ROOT / "docs/reliability.md").read_text(), re.MULTILINE)
    written = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert [int(number) for number, _, _ in rows] == list(range(1, len(rows) + 1))
    assert len(rows) >= 45
    assert [name for _, _, name in rows if name not in written] == []
    assert len({name for _, _, name in rows}) == len(rows)
