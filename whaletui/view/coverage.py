"""What was run of backbone x method x crop x seed, and what is missing of the whole. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from engine.contract.spec import RunSpec
from whaletui.records.model import RunRecord, State

MOST_ROWS, MOST_SEEDS = 400, 30


class Line(msgspec.Struct, frozen=True):
    """A line of the map: runs of one backbone, method and crop."""

    backbone: str
    method: str
    crop: bool


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines by seeds. A cell holds its runs, newest first; one without a run that could count is missing."""

    lines: tuple[Line, ...]
    seeds: tuple[int, ...]
    cells: dict[tuple[Line, int], tuple[RunRecord, ...]]
    left_out: int = 0  # lines that are too many to show

    def best(self, line: Line, seed: int) -> RunRecord | None:
        """Return the run that stands for a cell: a finished one before one on its way before one that failed."""
        order = (State.FINISHED, State.RUNNING, State.QUEUED, State.LOST, State.FAILED, State.CANCELLED)
        return min(self.cells.get((line, seed), ()), key=lambda run: order.index(run.state), default=None)

    def missing(self, line: Line, seed: int) -> bool:
        """Say whether a cell has neither a finished run nor one on its way."""
        run = self.best(line, seed)
        return run is None or not (run.state is State.FINISHED or run.state.is_active)


def coverage(runs: Sequence[RunRecord]) -> Coverage:
    """Return the map of some runs, newest first: every combination of what they were run with.

    Args:
        runs: newest first; published results are left out, they are not ours to repeat.
    """
    ours = [run for run in runs if run.state is not State.PUBLISHED]
    seen = [Line(run.backbone, run.method, run.crop) for run in ours]
    backbones, methods, crops = (sorted({getattr(line, name) for line in seen}) for name in Line.__struct_fields__)
    whole = [Line(*one) for one in itertools.product(backbones, methods, crops)]
    lines = whole if len(whole) <= MOST_ROWS else sorted(set(seen), key=lambda line: (line.backbone, line.method))
    cells: dict[tuple[Line, int], list[RunRecord]] = {}
    for line, run in zip(seen, ours, strict=True):
        cells.setdefault((line, run.seed), []).append(run)
    return Coverage(
        lines=tuple(lines[:MOST_ROWS]), seeds=tuple(sorted({run.seed for run in ours})[:MOST_SEEDS]),
        cells={place: tuple(held) for place, held in cells.items()}, left_out=max(len(lines) - MOST_ROWS, 0),
    )  # fmt: skip


def spec_of(line: Line, seed: int, runs: Sequence[RunRecord]) -> RunSpec:
    """Return the spec of a missing cell: the nearest run's, with what the cell asks for.

    Raises:
        SpecError: the spec refuses the combination, such as a crop without boxes.
    """
    near = min(runs, key=lambda run: (_distance(run, line, seed), -run.id))
    changes: dict[str, object] = {"seed": seed, "model.backbone": line.backbone, "crop.enabled": line.crop}
    if line.crop and not near.spec.crop.source:
        boxes = next((run.spec.crop.source for run in runs if run.spec.crop.source), "")
        changes["crop.source"] = boxes
    spec = near.spec.with_values(changes)
    if near.method != line.method:
        method = next(run for run in runs if run.method == line.method).spec.to_values()["method"]
        spec = RunSpec.of({**spec.to_values(), "method": method})
    return spec


def _distance(run: RunRecord, line: Line, seed: int) -> tuple[bool, ...]:
    """Return what of a run would have to change, the gravest first."""
    return (run.method != line.method, run.backbone != line.backbone, run.crop != line.crop, run.seed != seed)
