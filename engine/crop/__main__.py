"""`python -m engine.crop check|convert|apply …`: what whaletui asks about boxes; answers as `engine.asked` says."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from engine.asked import Tell, answer
from engine.contract.dataset import Dataset, read_dataset
from engine.contract.rundir import RunDir
from engine.crop.boxes import BoxTable, find_table, photo_paths, read_table

FORMS = ("talk", "corners", "yolo")


def main() -> int:
    """Do what the command line asks; returns the exit code."""
    asked = _parser().parse_args()
    return answer(lambda tell: {"check": _check, "convert": _convert, "apply": _apply}[asked.action](asked, tell))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.crop", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    check, convert, apply = (actions.add_parser(name) for name in ("check", "convert", "apply"))
    for one in (check, convert):
        one.add_argument("boxes")
        one.add_argument("--sort-corners", action="store_true")
    convert.add_argument("to", type=Path)
    convert.add_argument("--form", choices=FORMS, default="talk")
    apply.add_argument("run", type=Path)
    apply.add_argument("to", type=Path)
    apply.add_argument("--threshold", type=float)
    for one in (check, convert, apply):
        one.add_argument("--data", type=Path, required=True)
    return parser


def _read(asked: argparse.Namespace) -> tuple[BoxTable, Dataset]:
    dataset = read_dataset(asked.data)
    path = find_table(asked.boxes, dataset.folder)
    photos = (*dataset.train, *dataset.test)
    return read_table(path, photos, photo_paths(dataset), sort_corners=asked.sort_corners), dataset


def _check(asked: argparse.Namespace, tell: Tell) -> dict[str, Any]:
    table, _ = _read(asked)
    return {"boxes": len(table.boxes), "mended": table.mended}


def _convert(asked: argparse.Namespace, tell: Tell) -> dict[str, Any]:
    from engine.crop.writing import write_as

    table, dataset = _read(asked)
    write_as(asked.form, asked.to, table, photo_paths(dataset))
    return {"boxes": len(table.boxes), "mended": table.mended, "path": str(asked.to)}


def _apply(asked: argparse.Namespace, tell: Tell) -> Any:
    from engine.crop.detect import apply, detector_spec

    run_dir = RunDir(asked.run)
    method = detector_spec(run_dir).to_values()["method"]
    threshold = method["threshold"] if asked.threshold is None else asked.threshold
    return apply(run_dir, read_dataset(asked.data), threshold, asked.to, tell)


if __name__ == "__main__":
    sys.exit(main())
