"""The short storm of `tests/chaos.py`, as anybody runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).resolve().parent.parent / "chaos.py"


@pytest.mark.timeout(300)
def test_a_short_storm_loses_nothing() -> None:
    done = subprocess.run([sys.executable, str(CHAOS)], capture_output=True, text=True, cwd=CHAOS.parent.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0].startswith("seed ")
    assert done.stdout.splitlines()[-1].endswith(" 0 faults")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_long_storm_loses_nothing() -> None:
    done = subprocess.run(
        [sys.executable, str(CHAOS), "--long"], capture_output=True, text=True, cwd=CHAOS.parent.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr
