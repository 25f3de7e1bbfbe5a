"""`python -m engine.data DIR --cache FOLDER [--boxes TABLE]`: what the photos of a data set are like.

Answers as `engine.asked` says; the result names the file that holds `DataFacts`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from engine.asked import Tell, answer
from engine.contract.dataset import read_dataset
from engine.contract.events import Phase
from engine.contract.rundir import write_json
from engine.data.facts import look_at, with_boxes

TOLD_SECONDS = 0.5


def main() -> int:
    """Look at the data set that the command line names; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m engine.data", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--boxes", default="")
    asked = parser.parse_args()
    return answer(lambda tell: _look(asked, tell))


def _look(asked: argparse.Namespace, tell: Tell) -> dict[str, str]:
    told_at = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= TOLD_SECONDS:
            told_at = time.monotonic()
            tell(Phase(name="reading photos", done=done, total=total))

    dataset = read_dataset(asked.folder)
    facts = look_at(dataset, asked.cache, progress)
    if asked.boxes:
        facts = with_boxes(facts, dataset, asked.boxes)
    path = asked.cache / "newest.json"
    write_json(path, facts)
    return {"path": str(path)}


if __name__ == "__main__":
    sys.exit(main())
