"""From a trained detector to a box for every photo: found once, kept by the digest of detector and photos."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.contract.dataset import Dataset
from engine.contract.errors import DataError, RunFolderError
from engine.contract.events import AnyEvent, Phase
from engine.contract.rundir import RunDir, read_json
from engine.contract.spec import RunSpec
from engine.crop.apply import Box
from engine.crop.job import Found, Job, Shot, working
from engine.crop.writing import write_table

KEPT = "detections"
"""Folder within a detector's run that keeps what it found, a file for each set of photos."""
BOXES = "boxes.tsv"
"""File within a detector's run that other runs crop by."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What became of all photos. `whole` of them stay whole, since no box reached the threshold."""

    path: str
    photos: int
    whole: int
    threshold: float
    best: float  # the highest confidence of all
    cached: bool

    @property
    def found_nothing(self) -> bool:
        """Whether not one box reached the threshold."""
        return self.whole == self.photos


def detector_spec(run_dir: RunDir) -> RunSpec:
    """Return the spec of a detector's run; raises `RunFolderError` where the run is of another kind."""
    spec = run_dir.spec()
    if spec.to_values()["method"]["kind"] != "detector":
        raise RunFolderError(f"{run_dir.path} is no run of a detector", "whaletui crop fit BOXES trains one")
    return spec


def all_shots(dataset: Dataset) -> tuple[Shot, ...]:
    """Return every photo of training and test; raises `DataError` where both have one of the same name."""
    twice = set(dataset.train) & set(dataset.test)
    if twice:
        raise DataError(
            f"train/ and test/ both hold {min(twice)}" + (f" and {len(twice) - 1} more" if len(twice) > 1 else ""),
            "boxes go by file name: rename one of them",
        )
    return (
        *(Shot(name=photo, path=str(dataset.train_path(photo))) for photo in dataset.train),
        *(Shot(name=photo, path=str(dataset.test_path(photo))) for photo in dataset.test),
    )


def find_boxes(
    run_dir: RunDir, shots: tuple[Shot, ...], tell: Callable[[AnyEvent], object]
) -> tuple[list[Found], bool]:
    """Return the detector's answer for each photo, and whether it was kept from before.

    Args:
        run_dir: of a detector's run that was trained.
        shots: the photos.
        tell: called with `Phase` events while photos are looked at.

    Raises:
        WhaleError: there are no weights, or a photo cannot be read.
    """
    spec = detector_spec(run_dir)
    tell(Phase(name="looking for known boxes", total=len(shots)))
    kept = run_dir.path / KEPT / f"{_digest(run_dir, spec, shots)[:20]}.json"
    known = read_json(kept, list[Found])
    if known is not None:
        return known, True
    kept.parent.mkdir(exist_ok=True)
    scratch = run_dir.path / f".detector-{os.getpid()}"
    job = Job(
        task="detect", spec=spec, shots=shots, checkpoint=str(run_dir.checkpoint), results=str(kept),
        scratch=str(scratch),
    )  # fmt: skip
    try:
        tell(Phase(name="finding flukes", total=len(shots)))
        with working(job) as events:
            for event in events:
                tell(event)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    found = read_json(kept, list[Found])
    assert found is not None, "the detector writes its results before it ends"
    return found, False


def apply(
    run_dir: RunDir, dataset: Dataset, threshold: float, path: Path, tell: Callable[[AnyEvent], object]
) -> Applied:
    """Write a table with one box for each photo of training and test: found, or the whole photo where it is unsure.

    Raises:
        WhaleError: see `find_boxes`; the table cannot be written.
    """
    found, cached = find_boxes(run_dir, all_shots(dataset), tell)
    boxes = {one.name: one.box if one.confidence >= threshold else _whole(one) for one in found}
    write_table(path, boxes, {one.name: one.confidence for one in found})
    return Applied(
        path=str(path), photos=len(found), whole=sum(one.confidence < threshold for one in found), cached=cached,
        threshold=threshold, best=max(one.confidence for one in found),
    )  # fmt: skip


def nothing_found(applied: Applied) -> str:
    """Return the words of a detector that found nothing."""
    return (
        f"the detector finds no fluke in any of {applied.photos:,} photos: its best box has confidence "
        f"{applied.best:.3f}, below the threshold {applied.threshold:g}, so every photo stays whole"
    )


def _whole(found: Found) -> Box:
    return Box(0.0, 0.0, float(found.height), float(found.width))


def _digest(run_dir: RunDir, spec: RunSpec, shots: tuple[Shot, ...]) -> str:
    """Return a digest of all that an answer depends on: weights, how photos are looked at, and their bytes."""
    manifests = sorted(run_dir.checkpoint.glob("step-*/MANIFEST.json"))
    if not manifests:
        raise RunFolderError(f"{run_dir.path} holds no weights", "the detector was not trained: fit it first")
    digest = hashlib.sha256(manifests[-1].read_bytes())
    values = spec.to_values()
    method = {name: values["method"][name] for name in ("architecture", "mirror")}
    digest.update(msgspec.json.encode([values["image"], method]))
    for shot in shots:
        try:
            with open(shot.path, "rb") as file:
                digest.update(shot.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise DataError(
                f"{shot.path} cannot be read: {error.strerror}", "bring the photo or take it out"
            ) from error
    return digest.hexdigest()
