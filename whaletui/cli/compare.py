"""`compare`: runs side by side."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from engine.contract.fields import Plain, get_value, spec_fields
from whaletui.cli.common import find_runs, open_records
from whaletui.cli.output import DONE, as_json, table
from whaletui.records.model import RunRecord
from whaletui.view.comparison import figure_rows, setting_rows, standing_rows

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
    from whaletui.view.answers import standings  # numpy, which no other command waits for

    workspace, records = open_records(options)
    runs = find_runs(records, options.runs)
    data = records.setting("data")
    finished = [(run.id, workspace.run_dir(run.folder).predictions) for run in runs if run.can_vote]
    found = standings(finished, workspace.root / data if data else None)
    if options.json:
        figures = {name: [getattr(run, name) for run in runs] for name in METRICS}
        as_json(
            {"runs": [run.id for run in runs], "differs": differing_fields(runs), "figures": figures,
             "standings": found}
        )  # fmt: skip
        return DONE
    compared = (*figure_rows(runs), *standing_rows(runs, found), *setting_rows(runs))
    rows = [[row.title, *row.cells, *[""] * (len(runs) - len(row.cells))] for row in compared]
    table(["", *(f"{run.id} {run.name}" for run in runs)], rows)
    return DONE


def differing_fields(runs: Sequence[RunRecord]) -> dict[str, list[Plain]]:
    """Return the dotted paths at which the runs' specs differ, with the value of each run."""
    specs = [run.spec.to_values() for run in runs]
    columns = {field.path: [get_value(values, field.path) for values in specs] for field in spec_fields()}
    return {path: values for path, values in columns.items() if any(value != values[0] for value in values)}
