"""Boxes, as far as whaletui has to do with them: checked, converted and found by processes of the engine's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.contract.errors import SpecError
from engine.contract.method import DetectorMethod
from engine.contract.rundir import RunDir
from engine.contract.spec import RunSpec
from whaletui.jobs.asking import Progress, ask
from whaletui.records.model import RunRecord, State
from whaletui.workspace import Workspace

MODULE = "engine.crop"
BOXES = "boxes.tsv"
"""The table in a detector's run folder, as the engine names it."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A table of boxes that was read: how many boxes, and in words what was put right."""

    boxes: int
    mended: tuple[str, ...]
    path: str = ""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A table with a box for every photo; see `engine.crop.detect.Applied`."""

    path: str
    photos: int
    whole: int
    threshold: float
    best: float
    cached: bool


def check_boxes(boxes: str, data_folder: str, *, sort_corners: bool = False) -> Checked:
    """Read a table of boxes and hold it against its photos; raises `DataError` naming the line."""
    return _checked(["check", boxes, "--data", data_folder], sort_corners)


def convert_boxes(boxes: str, data_folder: str, to: Path, form: str, *, sort_corners: bool = False) -> Checked:
    """Write boxes in another form: "talk", "corners" or "yolo"; raises `DataError` naming the line."""
    return _checked(["convert", boxes, str(to), "--data", data_folder, "--form", form], sort_corners)


def apply_detector(
    run_dir: RunDir, data_folder: str, to: Path, threshold: float | None, hear: Callable[[Progress], object]
) -> Applied:
    """Write one box for each photo of training and test; raises `WhaleError`."""
    words = ["apply", str(run_dir.path), str(to), "--data", data_folder]
    if threshold is not None:
        words += ["--threshold", str(threshold)]
    return msgspec.convert(ask(MODULE, words, hear), Applied)


def _checked(words: list[str], sort_corners: bool) -> Checked:
    return msgspec.convert(ask(MODULE, [*words, *(["--sort-corners"] if sort_corners else [])]), Checked)


def check_detector(spec: RunSpec) -> None:
    """Refuse a detector's spec whose boxes cannot be learnt from; raises `SpecError` or `DataError`."""
    method = spec.method
    assert isinstance(method, DetectorMethod)
    if not method.boxes:
        raise SpecError("method.boxes names no table of boxes", "whaletui crop fit BOXES", "method.boxes")
    for table in (method.boxes, method.holdout):
        if table:
            check_boxes(table, spec.data.folder, sort_corners=method.sort_corners)


def boxes_of(record: RunRecord, workspace: Workspace) -> Path:
    """Return the table of a finished detector's run; raises `SpecError` where it is none, or has found nothing yet."""
    named = f"crop.source names run {record.id} ({record.name})"
    if record.method != "detector":
        raise SpecError(f"{named}, which is a {record.method}", "name a detector's run or a table", "crop.source")
    if record.state is not State.FINISHED:
        raise SpecError(f"{named}, which is {record.state}", "wait until it has finished", "crop.source")
    path = workspace.root / record.folder / BOXES
    if not path.is_file():
        said = f"{named}, which was not applied to the photos"
        raise SpecError(said, f"whaletui crop apply {record.id}", "crop.source")
    return path
