"""`run` and `clone`: queue runs, and wait for them where asked."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence

from engine.contract.spec import RunSpec
from whaletui.cli.common import open_records
from whaletui.cli.output import DONE, FAILED, say
from whaletui.launch import enqueue
from whaletui.presets import grid, preset, read_specs
from whaletui.records.model import RunRecord, State
from whaletui.records.records import Records
from whaletui.view.formats import interval, score
from whaletui.workspace import Workspace

POLL_SECONDS = 0.5


def run(options: Namespace) -> int:
    """Queue one run for each spec and each cell of the grid."""
    specs = [cell for source in options.specs for spec in read_specs(source) for cell in grid(spec, options.settings)]
    return _launch(specs, options, _blend(options.specs))


def clone(options: Namespace) -> int:
    """Queue a run's spec again, with changes."""
    _, records = open_records(options)
    return _launch(grid(records.find(options.run).spec, options.settings), options)


def _blend(sources: Sequence[str]) -> str:
    """Return how the runs of a vote are to be blended; empty where not one vote alone is launched."""
    alone = sources[0] if len(sources) == 1 else "/"
    return "" if alone.endswith(".toml") or "/" in alone else preset(alone).blend


def _launch(specs: list[RunSpec], options: Namespace, blend: str = "") -> int:
    workspace, records = open_records(options)
    if options.name:
        specs = [spec.with_values({"name": options.name}) for spec in specs]
    runs = enqueue(records, workspace, specs)
    for queued in runs:
        say(
            f"queued {queued.id}  {queued.name}  {queued.backbone}  seed {queued.seed}  fold {queued.fold}  "
            f"{queued.folder}"
        )
    if blend:
        ids = " ".join(str(queued.id) for queued in runs)
        say(f"blend them when they have finished: whaletui ensemble {ids} --blend {blend}")
    if not options.wait:
        return DONE
    return DONE if wait_for(records, workspace, [queued.id for queued in runs]) else FAILED


def wait_for(records: Records, workspace: Workspace, run_ids: Sequence[int]) -> bool:
    """Print how runs go on until all have ended; returns whether all finished.

    Ctrl-C stops the waiting, never the runs.
    """
    from whaletui.jobs.keeper import ensure_keeper
    from whaletui.jobs.settle import reconcile

    said: dict[int, str] = {}
    try:
        while True:
            ensure_keeper(workspace)
            reconcile(records, workspace)
            runs = [records.run(run_id) for run_id in run_ids]
            for run in runs:
                line = progress_line(run)
                if line != said.get(run.id):
                    said[run.id] = line
                    say(line)
            if not any(run.state.is_active for run in runs):
                return all(run.state is State.FINISHED for run in runs)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        say("not waiting any more; the runs go on: whaletui ls shows them")
        raise


def progress_line(run: RunRecord) -> str:
    """Return one line on how a run stands; changes when an epoch passes or the state does."""
    words = [f"{run.id:>4}  {run.name:<20} {run.state.value:<9}"]
    if run.state is State.RUNNING or run.state is State.FINISHED:
        words.append(f"epoch {int(run.epoch)}/{run.epochs}")
        if run.map5 is not None:
            words.append(f"MAP@5 {score(run.map5)} {interval(run.map5_low, run.map5_high)}")
    if run.reason:
        words.append(run.reason)
    return "  ".join(words)
