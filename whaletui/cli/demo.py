"""`demo`: drawn flukes, three runs, their soft vote, a submission; in the app or without a terminal."""

from __future__ import annotations

import csv
import sys
import time
from argparse import Namespace
from pathlib import Path

from engine.contract.dataset import read_dataset
from whaletui.cli.answers import print_evaluation
from whaletui.cli.launch import wait_for
from whaletui.cli.output import DONE, FAILED, as_json, say
from whaletui.cli.workspace import make_workspace
from whaletui.ensemble.evaluate import Evaluation, evaluate
from whaletui.ensemble.export import export
from whaletui.ensemble.voices import Voice, run_voices
from whaletui.jobs.drawing import draw_demo_data
from whaletui.launch import enqueue
from whaletui.presets import Preset, presets
from whaletui.records.model import RunRecord, State
from whaletui.records.records import Records
from whaletui.view.formats import score, span
from whaletui.workspace import Workspace


def demo(options: Namespace) -> int:
    """Draw, queue, then open the app, or wait and export."""
    began = time.monotonic()
    workspace = Workspace(options.folder)
    workspace.prepare()
    data = workspace.root / "data"
    if not (data / "sample_submission.csv").exists():
        say(f"drawing flukes into {data}")
        draw_demo_data(data)
    make_workspace(workspace, read_dataset(data))
    records = Records.open(workspace)
    runs = demo_runs(records) or enqueue(records, workspace, [entry.spec for entry in demo_presets()])
    if not options.headless and sys.stdin.isatty() and sys.stdout.isatty():
        from whaletui.app import run_app

        return run_app(workspace, selected=runs)
    return _headless(records, workspace, runs, began, options)


def demo_presets() -> list[Preset]:
    """Return the presets that the demo trains."""
    return [entry for entry in presets() if entry.name.startswith("demo-")]


def demo_runs(records: Records) -> list[RunRecord]:
    """Return the demo's runs of this workspace that have not failed, so that a second demo goes on with them."""
    names = {entry.name for entry in demo_presets()}
    usable = (State.QUEUED, State.RUNNING, State.FINISHED)
    runs = [run for run in records.page(sort="id", descending=False).rows if run.name in names and run.state in usable]
    newest = {run.name: run for run in runs}
    return list(newest.values()) if set(newest) == names else []


def _headless(records: Records, workspace: Workspace, runs: list[RunRecord], began: float, options: Namespace) -> int:
    ids = [run.id for run in runs]
    if not wait_for(records, workspace, ids):
        say("a run of the demo did not finish: whaletui logs RUN tells why")
        return FAILED
    found = evaluate(records, workspace, ids, "logits")
    written = export(records, workspace, ids, "logits")
    test_score = _score_against_answers(workspace.root / "data" / "answers.csv", written.path)
    if options.json:
        as_json({"runs": ids, "score": found.score, "singles": found.singles, "baseline_constant": found.constant,
                 "baseline_duplicates": found.duplicates, "test_map5": test_score, "export": str(written.path),
                 "seconds": time.monotonic() - began})  # fmt: skip
        return DONE
    _tell(run_voices(records, ids), found, test_score, written.path, time.monotonic() - began)
    return DONE


def _tell(members: list[Voice], found: Evaluation, test_score: float, path: Path, seconds: float) -> None:
    print_evaluation(members, found)
    say(f"wrote {path}")
    say(
        f"on the drawn test photos, whose answers are known here, it scores {score(test_score)}; all in {span(seconds)}"
    )


def _score_against_answers(answers: Path, submission: Path) -> float:
    """Return the MAP@5 of a submission on the demo's own answers."""
    with open(answers, newline="") as file:
        truth = {row["Image"]: row["Id"] for row in csv.DictReader(file)}
    with open(submission, newline="") as file:
        guesses = {row["Image"]: row["Id"].split() for row in csv.DictReader(file)}
    worth = [
        1 / (guesses[photo].index(label) + 1) if label in guesses[photo] else 0.0 for photo, label in truth.items()
    ]
    return sum(worth) / len(worth)
