"""What lies in a run's folder beside its events: calibration, environment, timings and files, as lines of text."""

from __future__ import annotations

import os
from pathlib import Path

from engine.contract.errors import RunFolderError
from engine.contract.rundir import RunDir
from whaletui.safe import safe
from whaletui.view import formats

MOST_FILES = 500

Lines = list[tuple[str, str]]
"""Pairs of a name and a value, safe to show; a line that stands for itself has no name."""


def environment_lines(run_dir: RunDir) -> Lines:
    """Return what a run ran on and what it took, from its summary; why there is none where there is none."""
    from engine.contract.summary import read_summary  # numpy, which a start should not wait for

    try:
        summary = read_summary(run_dir)
    except RunFolderError as error:
        return [("", safe(error))]
    if summary is None:
        return [("", "no summary yet: it is written when the run ends")]
    told = summary.environment
    found = [
        ("python", told.python), ("torch", told.torch), ("timm", told.timm), ("device", told.device),
        ("precision", told.precision), ("host", told.host), ("driver", told.driver), ("cuda", told.cuda),
        ("commit", told.commit), ("source", told.source_digest[:16]),
        ("memory, highest", f"{formats.gibibytes(summary.peak_memory_bytes)} GiB"),
        ("GPU memory, highest", f"{formats.gibibytes(summary.peak_gpu_bytes)} GiB" if summary.peak_gpu_bytes else ""),
        ("photos to train", f"{summary.train_photos:,}"), ("photos to validate", f"{summary.score.photos:,}"),
        ("test photos", f"{summary.test_photos:,}"),
        ("classes", f"{summary.classes:,}, digest {summary.classes_digest[:16]}"),
        ("best epoch", f"{summary.best.epoch} ({formats.score(summary.best.map5)})"),
        *((f"baseline {name}", formats.score(value)) for name, value in summary.baselines.items()),
        *((f"seconds, {name}", f"{value:,.1f}") for name, value in summary.seconds.items()),
        *((f"package {name}", version) for name, version in sorted(told.packages.items())),
    ]  # fmt: skip
    return [(safe(name, 60), safe(value)) for name, value in found if value]


def new_whale_lines(run_dir: RunDir) -> Lines:
    """Return how a run weighs "never seen before", with MAP@5 over the place it is given."""
    from engine.contract.newness import read_new_whale  # numpy, as above
    from whaletui.view.newness import calibration_lines

    try:
        told = read_new_whale(run_dir)
    except RunFolderError as error:
        return [("", safe(error))]
    return [("", safe(line)) for line in calibration_lines(told)]


def file_lines(run_dir: RunDir) -> Lines:
    """Return the files of a run with their sizes, the largest number of them first in the order of their paths."""
    found: Lines = []
    for folder, folders, files in os.walk(run_dir.path):
        folders.sort()
        for name in sorted(files):
            path = Path(folder) / name
            try:
                size = path.lstat().st_size
            except OSError as error:
                found.append((safe(path.relative_to(run_dir.path), 120), safe(error.strerror)))
                continue
            found.append((safe(path.relative_to(run_dir.path), 120), f"{size:>15,} bytes"))
            if len(found) == MOST_FILES:
                return [*found, ("", f"and more: only the first {MOST_FILES} are listed")]
    return found or [("", f"there is no folder {safe(run_dir.path)} any more")]
