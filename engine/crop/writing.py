"""Write boxes: the talk's table, a table of corners, or YOLO's folder of text files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from engine.contract.errors import DataError
from engine.contract.rundir import write_atomic
from engine.crop.apply import Box
from engine.crop.boxes import CONFIDENCE, CORNERS, TALK, BoxTable
from engine.crop.yolo_text import write_yolo_folder


def write_table(path: Path, boxes: Mapping[str, Box], confidences: Mapping[str, float] | None = None) -> None:
    """Write the talk's table, whole or not at all; tabs between columns unless the name ends in .csv.

    Raises:
        DataError: the file cannot be written.
    """
    rows = [[photo, " ".join(_number(edge) for edge in box)] for photo, box in boxes.items()]
    _write(path, TALK, rows, confidences)


def write_corners(path: Path, boxes: Mapping[str, Box], confidences: Mapping[str, float] | None = None) -> None:
    """Write a table of corners: left, top, right, bottom; raises `DataError`."""
    rows = [
        [photo, *(_number(edge) for edge in (box.left, box.top, box.right, box.bottom))] for photo, box in boxes.items()
    ]
    _write(path, ("fn", *CORNERS), rows, confidences)


def write_as(form: str, path: Path, table: BoxTable, paths: Mapping[str, Path]) -> None:
    """Write boxes in the form "talk", "corners" or "yolo"; the last one has no room for confidences."""
    if form == "yolo":
        write_yolo_folder(path, table.boxes, paths)
    else:
        {"talk": write_table, "corners": write_corners}[form](path, table.boxes, table.confidences)


def _write(path: Path, header: tuple[str, ...], rows: list[list[str]], confidences: Mapping[str, float] | None) -> None:
    told = bool(confidences)
    text = io.StringIO()
    writer = csv.writer(text, delimiter="," if path.suffix.lower() == ".csv" else "\t", lineterminator="\n")
    writer.writerow([*header, CONFIDENCE] if told else header)
    for row in rows:
        confidence = (confidences or {}).get(row[0])
        writer.writerow([*row, "" if confidence is None else f"{confidence:.4f}"] if told else row)
    try:
        write_atomic(path, text.getvalue().encode())
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}", "name another place") from error


def _number(edge: float) -> str:
    """Return an edge with the hundredths of a pixel that it may carry, and no needless ones."""
    return f"{edge:.2f}".rstrip("0").rstrip(".")
