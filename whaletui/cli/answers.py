"""`ensemble` and `export`: from finished runs to a submission."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from engine.contract.ranking import Score
from whaletui.cli.common import find_runs, open_records
from whaletui.cli.output import DONE, as_json, say, table
from whaletui.ensemble.export import Evaluation, evaluate
from whaletui.ensemble.export import export as write_export
from whaletui.records.model import RunRecord
from whaletui.view.formats import interval, score


def ensemble(options: Namespace) -> int:
    """Score a soft vote beside its members and the baselines; with --export, write the submission."""
    workspace, records = open_records(options)
    runs = find_runs(records, options.runs)
    ids = [run.id for run in runs]
    found = evaluate(records, workspace, ids, options.blend, options.weights)
    written = None
    if options.export:
        written = write_export(records, workspace, ids, options.blend, options.weights, Path(options.export))
    if options.json:
        as_json({
            "members": ids, "blend": options.blend, "weights": options.weights or [1.0] * len(ids),
            "score": found.score, "singles": found.singles, "gain": found.gain, "baseline_constant": found.constant,
            "baseline_duplicates": found.duplicates, "export": written and str(written.path),
        })  # fmt: skip
        return DONE
    print_evaluation(runs, found)
    if written:
        say(f"wrote {written.path}: {written.submission.rows:,} rows, sha256 {written.submission.sha256[:12]}")
    return DONE


def print_evaluation(runs: list[RunRecord], found: Evaluation) -> None:
    """Print an ensemble's MAP@5 on validation under its members' and the baselines'."""
    rows = [
        ["constant answer", score(found.constant), "", "", ""],
        ["duplicates first", score(found.duplicates), "", "", ""],
        *(_row(f"run {run.id} {run.name}", found.singles[run.id]) for run in runs),
        _row(f"soft vote of {len(runs)}", found.score),
    ]
    table(["on validation", "MAP@5", "interval", "known", "new"], rows, right=["MAP@5", "known", "new"])
    say(f"gain over the best member {found.gain:+.3f}")


def _row(name: str, found: Score) -> list[str]:
    return [name, score(found.map5), interval(found.low, found.high), score(found.known), score(found.new)]


def export(options: Namespace) -> int:
    """Write the submission of one run."""
    workspace, records = open_records(options)
    run = records.find(options.run)
    written = write_export(records, workspace, [run.id], "logits", path=Path(options.file))
    say(f"wrote {written.path}: {written.submission.rows:,} rows, sha256 {written.submission.sha256[:12]}")
    return DONE
