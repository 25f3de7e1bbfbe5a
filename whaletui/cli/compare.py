"""`compare` and `curves`: runs side by side."""

from __future__ import annotations

import itertools
from argparse import Namespace
from collections.abc import Sequence

from engine.contract.events import EventTail
from engine.contract.fields import Plain, get_value, spec_fields
from whaletui.cli.common import find_runs, open_records
from whaletui.cli.output import DONE, as_json, say, table
from whaletui.records.model import RunRecord
from whaletui.view.comparison import figure_rows, setting_rows
from whaletui.view.formats import score
from whaletui.view.plots import Plot, curve
from whaletui.view.runview import RunView, fold
from whaletui.workspace import Workspace

METRICS = (
    "map5",
    "map5_low",
    "map5_high",
    "map5_known",
    "map5_new",
    "baseline_constant",
    "baseline_duplicates",
    "loss",
    "seconds",
)


def compare(options: Namespace) -> int:
    """Print how runs did, the first one as the baseline, then the settings in which they differ."""
    _, records = open_records(options)
    runs = find_runs(records, options.runs)
    if options.json:
        figures = {name: [getattr(run, name) for run in runs] for name in METRICS}
        as_json({"runs": [run.id for run in runs], "differs": differing_fields(runs), "figures": figures})
        return DONE
    rows = [[row.title, *row.cells] for row in (*figure_rows(runs), *setting_rows(runs))]
    table(["", *(f"{run.id} {run.name}" for run in runs)], rows)
    return DONE


def differing_fields(runs: Sequence[RunRecord]) -> dict[str, list[Plain]]:
    """Return the dotted paths at which the runs' specs differ, with the value of each run."""
    specs = [run.spec.to_values() for run in runs]
    columns = {field.path: [get_value(values, field.path) for values in specs] for field in spec_fields()}
    return {path: values for path, values in columns.items() if any(value != values[0] for value in values)}


def curves(options: Namespace) -> int:
    """Draw training loss and MAP@5 of runs."""
    workspace, records = open_records(options)
    runs = find_runs(records, options.runs)
    views = [read_view(workspace, run) for run in runs]
    if options.json:
        as_json([_points(run, view) for run, view in zip(runs, views, strict=True)])
        return DONE
    from whaletui.view.braille import draw  # numpy, which no other command waits for

    for title, name in (("training loss", "train_loss"), ("MAP@5", "map5")):
        series = [(f"{run.id} {run.name}", getattr(view.curves, name)) for run, view in zip(runs, views, strict=True)]
        lines = tuple(curve(label, one, number, dash=number) for number, (label, one) in enumerate(series))
        say(f"{title}, by epoch")
        for cells in draw(Plot(title=title, curves=lines), width=80, height=14):
            say("".join(text for text, _ in cells))
        for line, mark in zip(lines, itertools.cycle(("⠒⠒⠒", "⠒ ⠒", "⠂⠐⠂"))):
            say(f"  {mark} {line.label}  {score(line.latest)}")
    return DONE


def read_view(workspace: Workspace, run: RunRecord) -> RunView:
    """Return a run as the events of its newest attempt tell it."""
    attempt = workspace.run_dir(run.folder).latest()
    return fold(RunView.new(), EventTail(attempt.events).read_all()) if attempt else RunView.new()


def _points(run: RunRecord, view: RunView) -> dict[str, object]:
    names = ("train_loss", "valid_loss", "map5", "learning_rate", "images_per_second")
    series = {name: getattr(view.curves, name) for name in names}
    return {"id": run.id, **{name: {"epoch": list(one.x), "value": list(one.y)} for name, one in series.items()}}
