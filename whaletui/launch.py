"""From specs to queued runs: everything that can be refused is refused here, before anything is recorded."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contract.backbones import check_backbone
from engine.contract.dataset import read_dataset
from engine.contract.errors import DataError, DiskError, SpecError, WeightsError
from engine.contract.spec import RunSpec
from whaletui.jobs.keeper import ensure_keeper
from whaletui.records.model import RunRecord
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.records.records import Records

LEAST_FREE_BYTES = 200 << 20


def enqueue(records: Records, workspace: Workspace, specs: Sequence[RunSpec]) -> list[RunRecord]:
    """Check specs, record them as queued runs and see that a keeper runs.

    Raises:
        WhaleError: one of them cannot run; then none is recorded.
    """
    complete = [_complete(spec, records, workspace) for spec in specs]
    for folder in {spec.data.folder for spec in complete}:
        read_dataset(Path(folder))
    for spec in complete:
        check_backbone(spec.model.backbone)
        _check_weights(spec)
        _check_boxes(spec)
    _check_disk(workspace)
    runs = [records.add_run(spec) for spec in complete]
    ensure_keeper(workspace)
    return runs


def completed(spec: RunSpec, records: Records, workspace: Workspace) -> RunSpec:
    """Return a spec as it would be recorded, so that its digest can be compared; raises as `enqueue` does."""
    return _complete(spec, records, workspace)


def _complete(spec: RunSpec, records: Records, workspace: Workspace) -> RunSpec:
    """Fill in the workspace's data folder and make paths absolute, so that a run means the same from anywhere."""
    folder = spec.data.folder or records.setting("data")
    if not folder:
        raise DataError("this workspace has no data yet", "whaletui init --data DIR, or --set data.folder=DIR")
    changes = {"data.folder": str(_absolute(folder, workspace))}
    if spec.model.weights not in ("imagenet", "none"):
        changes["model.weights"] = str(_absolute(spec.model.weights, Path.cwd()))
    if spec.crop.source:
        inside = Path(changes["data.folder"]) / spec.crop.source
        changes["crop.source"] = str(inside if inside.exists() else _absolute(spec.crop.source, Path.cwd()))
    return spec.with_values(changes)


def _absolute(text: str, base: Path | Workspace) -> Path:
    root = base.root if isinstance(base, Workspace) else base
    return (root / Path(text).expanduser()).resolve()


def _check_weights(spec: RunSpec) -> None:
    weights = spec.model.weights
    if weights in ("imagenet", "none"):
        return
    path = Path(weights)
    if not path.is_file():
        raise WeightsError(f"model.weights names {weights}, which is no file", "imagenet, none, or a file of weights")
    if path.stat().st_size == 0:
        raise WeightsError(f"{weights} has no bytes", "copy the weights again")


def _check_boxes(spec: RunSpec) -> None:
    if spec.crop.enabled and not Path(spec.crop.source).is_file():
        raise SpecError(
            f"crop.source names {spec.crop.source}, which is no file",
            "a table with the columns fn and bbox, in the data folder or by its path",
            "crop.source",
        )


def _check_disk(workspace: Workspace) -> None:
    free = shutil.disk_usage(workspace.root).free
    if free < LEAST_FREE_BYTES:
        raise DiskError(
            f"{workspace.root} has {free >> 20} MiB left on its disk",
            "a run needs 200 MiB and more: whaletui delete RUN frees some",
        )
