"""The demo as a newcomer meets it where there is no terminal: it trains for real, so it takes minutes."""

import csv
import json
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_demo_ends_with_a_vote_above_both_baselines_and_a_submission(tmp_path):
    command = [sys.executable, "-m", "whaletui", "demo", "--headless", "--json", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    told = json.loads(done.stdout[done.stdout.index("\n{") :])
    baseline = max(told["baseline_constant"], told["baseline_duplicates"])
    assert len(told["runs"]) == 3
    assert told["score"]["low"] > baseline  # the whole interval, not the mean alone
    assert told["score"]["map5"] > baseline + 0.2
    assert told["test_map5"] > 0.3
    with open(told["export"], newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["Image", "Id"]
    assert all(len(set(ids.split())) == 5 for _, ids in rows[1:])
    assert told["export"].startswith(str(tmp_path / "demo" / "submissions"))
