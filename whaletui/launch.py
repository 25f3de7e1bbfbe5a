"""From specs to queued runs: everything that can be refused is refused here, before anything is recorded."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contract.backbones import check_backbone
from engine.contract.dataset import read_dataset
from engine.contract.errors import DataError, DiskError, SpecError, WeightsError
from engine.contract.extra import read_extra
from engine.contract.method import DetectorMethod
from engine.contract.rundir import RunDir
from engine.contract.spec import RunSpec
from whaletui.jobs.crop import boxes_of, check_detector
from whaletui.jobs.keeper import ensure_keeper
from whaletui.records.errors import RecordsError
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
    datasets = {folder: read_dataset(Path(folder)) for folder in {spec.data.folder for spec in complete}}
    for spec in complete:
        if isinstance(spec.method, DetectorMethod):
            check_detector(spec)
            continue
        check_backbone(spec.model.backbone)
        _check_weights(spec)
        _check_boxes(spec)
        read_extra(spec.data, datasets[spec.data.folder])
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
    if spec.data.extra:
        changes["data.extra"] = str(_absolute(spec.data.extra, Path.cwd()))
    data_folder = Path(changes["data.folder"])
    if spec.crop.source:
        changes["crop.source"] = str(_crop_source(spec.crop.source, data_folder, records, workspace))
    if isinstance(spec.method, DetectorMethod):
        changes.update(_detector_paths(spec.method, data_folder))
    return spec.with_values(changes)


def _with_data(text: str, data_folder: Path, field: str) -> Path:
    """Return the path that a text names: one in the data folder where it exists, else one from here.

    Raises:
        SpecError: both places have it, and nothing says which is meant.
    """
    here, inside = _absolute(text, Path.cwd()), data_folder / text
    if text.startswith(("./", "../")) or not inside.exists():
        return here
    if here.exists() and not here.samefile(inside):
        raise SpecError(
            f"{field} names {text}, which lies in the data folder ({inside}) and here ({here})",
            f"./{text} for the one here, or the whole path",
            field,
        )
    return inside


def _crop_source(text: str, data_folder: Path, records: Records, workspace: Workspace) -> Path:
    """Return the table of boxes that is meant: a path, or what a finished detector found (id, name or run folder)."""
    path = _with_data(text, data_folder, "crop.source")
    if path.is_file() or (path.is_dir() and not RunDir(path).spec_file.is_file()):
        return path
    name = path.name.split("-")[0].lstrip("0") if path.is_dir() else text
    try:
        record = records.find(name)
    except RecordsError:
        return path  # refused where tables are checked
    return boxes_of(record, workspace)


def _detector_paths(method: DetectorMethod, data_folder: Path) -> dict[str, str]:
    named = {"method.boxes": method.boxes, "method.holdout": method.holdout}
    paths = {field: str(_with_data(text, data_folder, field)) for field, text in named.items() if text}
    if method.weights not in ("auto", "none"):
        paths["method.weights"] = str(_absolute(method.weights, Path.cwd()))
    return paths


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
    if spec.crop.enabled and not Path(spec.crop.source).exists():
        raise SpecError(
            f"crop.source names {spec.crop.source}, which is no file",
            "a table with the columns fn and bbox, in the data folder or by its path, or a finished detector's run",
            "crop.source",
        )


def _check_disk(workspace: Workspace) -> None:
    free = shutil.disk_usage(workspace.root).free
    if free < LEAST_FREE_BYTES:
        raise DiskError(
            f"{workspace.root} has {free >> 20} MiB left on its disk",
            "a run needs 200 MiB and more: whaletui delete RUN frees some",
        )
