"""How long a run will take and how much memory it will need, judged by runs that finished. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

import msgspec

from engine.contract.fields import Plain
from whaletui.records.model import RunRecord
from whaletui.view import formats
from whaletui.view.spread import settings

SAME_SPEED = (
    "model.backbone", "method.kind", "image.height", "image.width", "data.folder", "data.limit", "training.max_steps",
)  # fmt: skip
"""Settings under which an epoch takes the same time, near enough; batch and precision count where they can."""

FINER = ("training.batch", "training.precision", "training.device", "data.folds")


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """How long a run may take, in seconds, judged by `runs`; the first of them is the nearest."""

    seconds: float
    runs: tuple[int, ...]
    rough: bool  # other batches or precision: the same order of magnitude, no more


def estimate(wanted: RunRecord | tuple[str, int], earlier: Sequence[RunRecord]) -> Estimate | None:
    """Return what a run may take, None where no finished run is like it.

    Args:
        wanted: a record, or (spec as JSON, epochs) of a run that is not recorded yet.
        earlier: finished runs; time counts by epoch, so runs of other lengths serve too.
    """
    spec_json, epochs = wanted if isinstance(wanted, tuple) else (wanted.spec_json, wanted.epochs)
    ours = settings(spec_json)
    alike = [run for run in earlier if run.seconds and run.epochs and _same(ours, run, SAME_SPEED)]
    exact = [run for run in alike if _same(ours, run, FINER)]
    chosen = exact or alike
    if not chosen:
        return None
    near = sorted(chosen, key=lambda run: (abs(run.epochs - epochs), -run.id))
    per_epoch = statistics.median((run.seconds or 0) / run.epochs for run in near)
    return Estimate(seconds=per_epoch * epochs, runs=tuple(run.id for run in near), rough=not exact)


def _same(ours: dict[str, Plain], run: RunRecord, paths: Iterable[str]) -> bool:
    theirs = settings(run.spec_json)
    return all(ours.get(path) == theirs.get(path) for path in paths)


def estimate_words(found: Estimate | None, peak_bytes: int = 0, runs: int = 1) -> str:
    """Return "about 12m each, 5.2 GiB, as run 8 took", or why nothing can be said."""
    if found is None:
        return "no finished run is like it: time unknown"
    each = " each" if runs > 1 else ""
    memory = f", {formats.gibibytes(peak_bytes)} GiB" if peak_bytes else ""
    about = "roughly" if found.rough else "about"
    return f"{about} {formats.span(found.seconds)}{each}{memory}, as run {found.runs[0]} took"
