"""`curves`: runs over one another, drawn in the terminal or as JSON."""

from __future__ import annotations

import itertools
from argparse import Namespace
from collections.abc import Sequence

from engine.contract.errors import WhaleError
from whaletui.cli.common import find_runs, open_records
from whaletui.cli.output import DONE, as_json, say
from whaletui.records.model import RunRecord
from whaletui.view.follow import Follower
from whaletui.view.formats import score
from whaletui.view.plots import METRICS, Metric, Plot, curve
from whaletui.view.runview import RunView
from whaletui.view.series import X_AXES
from whaletui.workspace import Workspace


def curves(options: Namespace) -> int:
    """Draw curves of runs over one another: training loss and MAP@5, or what was asked for."""
    wanted = _metrics(options.metric or ["train_loss", "map5"])
    if not 0 <= options.smooth < 1:
        raise WhaleError(f"--smooth is a share from 0 to below 1, not {options.smooth:g}", "0.9 smooths well")
    workspace, records = open_records(options)
    runs = find_runs(records, options.runs)
    views = [read_view(workspace, run) for run in runs]
    if options.json:
        as_json([_points(run, view) for run, view in zip(runs, views, strict=True)])
        return DONE
    from whaletui.view.braille import draw  # numpy, which no other command waits for

    for metric in wanted:
        lines = tuple(
            curve(f"{run.id} {run.name}", getattr(view.curves, metric.key), number, number, origin=view.started_at or 0)
            for number, (run, view) in enumerate(zip(runs, views, strict=True))
        )
        plot = Plot(title=metric.title, curves=lines, axis=options.x, log=options.log, smooth=options.smooth)
        say(f"{metric.title}, by {options.x}")
        for cells in draw(plot, width=80, height=14):
            say("".join(text for text, _ in cells))
        for line, mark in zip(lines, itertools.cycle(("⠒⠒⠒", "⠒ ⠒", "⠂⠐⠂"))):
            say(f"  {mark} {line.label}  {score(line.latest)}")
    return DONE


def _metrics(names: Sequence[str]) -> list[Metric]:
    """Return the metrics of these names; raises `WhaleError` for one that no run tells of."""
    known = {metric.key: metric for metric in METRICS}
    for name in names:
        if name not in known:
            raise WhaleError(f"no run tells of {name!r}", f"there are {', '.join(known)}")
    return [known[name] for name in names]


def read_view(workspace: Workspace, run: RunRecord) -> RunView:
    """Return a run as its events tell it, all the way to the end of what they say now."""
    follower, view = Follower(workspace.root), RunView.new()
    while True:
        poll = follower.poll([run])
        view = poll.changed.get(run.id, view)
        if not poll.behind:
            return view


def _points(run: RunRecord, view: RunView) -> dict[str, object]:
    found: dict[str, object] = {"id": run.id}
    for metric in METRICS:
        series = getattr(view.curves, metric.key)
        axes: dict[str, list[float]] = {axis: list(series.along(axis)) for axis in X_AXES}
        found[metric.key] = {**axes, "value": list(series.y)}
    return found
