"""One run of a detector, told from top to bottom: boxes that people drew go in, a box for every photo comes out."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.contract.dataset import Dataset, read_dataset
from engine.contract.errors import DataError, SpecError, WeightsError
from engine.contract.events import (
    AnyEvent,
    BoxesEvaluated,
    Epoch,
    EventTail,
    EventWriter,
    Phase,
    Saved,
    Started,
    Step,
    Warned,
)
from engine.contract.method import DetectorMethod
from engine.contract.rundir import Attempt, RunDir, write_json
from engine.contract.spec import RunSpec
from engine.contract.summary import Best, DetectorFigures, Figures, Summary, or_none
from engine.crop.boxes import BoxTable, find_table, photo_paths, read_table
from engine.crop.detect import BOXES, Applied, apply, nothing_found
from engine.crop.job import Job, Shot, working
from engine.pulse import Pulse
from engine.training.stopping import StopWish

FEWEST = 10
"""Boxes to learn from. Fewer teach nothing that could be measured."""
HELD_OUT = 10
"""Every so manieth box is held out where the spec names no table of its own for measuring."""
MOST_TOLD = 5


def fit(run_dir: RunDir, attempt: Attempt, events: EventWriter, wish: StopWish) -> Summary:
    """Train and measure a detector as the spec of a run folder says, then find the box of every photo.

    Raises:
        WhaleError: something a person can put right.
        Stopped: the run was asked to stop; it can be gone on with after the last whole epoch.
    """
    began = time.monotonic()
    spec = run_dir.spec()
    method = spec.method
    assert isinstance(method, DetectorMethod)
    events.write(Phase(name="reading boxes"))
    dataset = read_dataset(Path(spec.data.folder))
    learnt, held = training_boxes(method, dataset, events)
    weights = _weights(method, dataset.folder, events)
    job = Job(
        task="fit", spec=spec, shots=learnt, held=held, weights=weights, checkpoint=str(run_dir.checkpoint),
        scratch=str(attempt.path / "detector"),
    )  # fmt: skip
    told = _Telling(attempt, events, wish)
    try:
        with working(job) as said:
            for event in said:
                told(event)
        told.take_in(event for each in run_dir.attempts() if each.number < attempt.number
                     for event in EventTail(each.events).read_all())  # fmt: skip
    finally:
        shutil.rmtree(job.scratch, ignore_errors=True)
    trained = time.monotonic()
    applied = _applied(run_dir, dataset, spec, told)
    seconds = {"training": trained - began, "applying": time.monotonic() - trained, "total": time.monotonic() - began}
    summary = _summary(spec, attempt, told, applied, len(learnt), seconds)
    write_json(run_dir.summary, summary)
    return summary


def training_boxes(
    method: DetectorMethod, dataset: Dataset, events: EventWriter
) -> tuple[tuple[Shot, ...], tuple[Shot, ...]]:
    """Return the photos to learn from and those to measure on, each with its box.

    Raises:
        SpecError: no table is named.
        DataError: a table cannot be read or names wrong boxes, the two share a photo, or there are too few boxes.
    """
    if not method.boxes:
        raise SpecError("method.boxes names no table of boxes", "whaletui crop fit BOXES", "method.boxes")
    learnt = _shots(method.boxes, method, dataset, events)
    if method.holdout:
        held = _shots(method.holdout, method, dataset, events)
        both = {shot.name for shot in learnt} & {shot.name for shot in held}
        if both:
            raise DataError(
                f"{method.holdout} and {method.boxes} both name {min(both)}, {len(both)} photos in all",
                "a detector is measured on boxes that it never learnt from: take them out of one table",
            )
    else:
        held = learnt[HELD_OUT - 1 :: HELD_OUT]
        learnt = tuple(shot for place, shot in enumerate(learnt) if place % HELD_OUT != HELD_OUT - 1)
    if len(learnt) < FEWEST or not held:
        raise DataError(
            f"{method.boxes} leaves {len(learnt)} boxes to learn from and {len(held)} to measure on",
            f"a detector needs {FEWEST} or more to learn from and one to measure on; 500 make a good one",
        )
    return learnt, held


def _shots(source: str, method: DetectorMethod, dataset: Dataset, events: EventWriter) -> tuple[Shot, ...]:
    path = find_table(source, dataset.folder)
    paths = photo_paths(dataset)
    table = read_table(path, (*dataset.train, *dataset.test), paths, sort_corners=method.sort_corners)
    _tell_mended(table, events)
    return tuple(Shot(name=photo, path=str(paths[photo]), box=box) for photo, box in table.boxes.items())


def _tell_mended(table: BoxTable, events: EventWriter) -> None:
    for words in table.mended[:MOST_TOLD]:
        events.write(Warned(message=words))
    if len(table.mended) > MOST_TOLD:
        events.write(Warned(message=f"{len(table.mended) - MOST_TOLD} more boxes were put right in the same way"))


def _weights(method: DetectorMethod, data_folder: Path, events: EventWriter) -> str:
    """Return the file of weights to start from, or nothing; raises `WeightsError` where a named one is missing."""
    if method.weights == "none":
        return ""
    if method.weights != "auto":
        path = Path(method.weights).expanduser()
        if not path.is_file() or path.suffix not in (".pt", ".safetensors"):
            raise WeightsError(
                f"method.weights names {method.weights}, which is no file of weights",
                "auto, none, or the path of a .pt or .safetensors file",
            )
        return str(path.resolve())
    name = f"{method.architecture}u.pt"
    for folder in (data_folder, Path.cwd()):
        if (folder / name).is_file():
            return str(folder / name)
    events.write(Phase(name=f"no {name} lies with the data: starting from {method.architecture}.yaml"))
    return ""


class _Telling:
    """Passes on what the detector's process says, and keeps what the summary is made of."""

    def __init__(self, attempt: Attempt, events: EventWriter, wish: StopWish) -> None:
        self._attempt, self._events = attempt, events
        self._pulse = Pulse(attempt.heartbeat, events)
        self.epoch, self.step, self.loss = 0.0, 0, float("nan")
        self.evaluated: BoxesEvaluated | None = None
        self.best: BoxesEvaluated | None = None
        self._first_epoch: int | None = None  # that this attempt measured
        wish.progress = lambda: (self.epoch, self.step)

    def __call__(self, event: AnyEvent) -> None:
        """Pass an event on."""
        self._pulse.beat()
        match event:
            case Started():
                event = msgspec.structs.replace(
                    event, attempt=self._attempt.number, pid=os.getpid(), host=socket.gethostname()
                )
            case Step():
                self.epoch, self.step = event.epoch, event.step
            case Epoch():
                self.epoch, self.loss = float(event.epoch), event.loss
            case BoxesEvaluated():
                self.evaluated = event
                self._first_epoch = self._first_epoch or event.epoch
                self._compare(event)
        self._events.write(event)

    def take_in(self, earlier: Iterable[AnyEvent]) -> None:
        """Compare with the epochs before the first of this attempt, which earlier ones measured."""
        for event in earlier:
            if isinstance(event, BoxesEvaluated) and self._first_epoch and event.epoch < self._first_epoch:
                self._compare(event)

    def _compare(self, event: BoxesEvaluated) -> None:
        if self.best is None or event.mean_iou > self.best.mean_iou:
            self.best = event

    def warn(self, words: str) -> None:
        """Say what a person should know."""
        self._events.write(Warned(message=words))


def _applied(run_dir: RunDir, dataset: Dataset, spec: RunSpec, told: _Telling) -> Applied | None:
    """Write the box of every photo, so that other runs can crop by this one; None where the spec wants none."""
    method = spec.method
    assert isinstance(method, DetectorMethod)
    assert told.evaluated is not None, "each epoch ends with a look"
    if told.evaluated.missed == told.evaluated.photos:
        told.warn(f"the detector finds no fluke in any of the {told.evaluated.photos} held-out photos")
    if not spec.prediction.test:
        return None
    path = run_dir.path / BOXES
    applied = apply(run_dir, dataset, method.threshold, path, told)
    if applied.found_nothing:
        told.warn(f"{nothing_found(applied)}: train it longer, or on more boxes")
    elif applied.whole:
        told.warn(f"{applied.whole:,} of {applied.photos:,} photos stay whole: no box is certain enough")
    told(Saved(path=path.name, bytes=path.stat().st_size))
    return applied


def _summary(
    spec: RunSpec, attempt: Attempt, told: _Telling, applied: Applied | None, learnt: int, seconds: dict[str, float]
) -> Summary:
    # torch comes with these: only now is there something to say with it
    from engine.environment import describe_environment, peak_memory_bytes
    from engine.models.device import choose_device

    last, best = told.evaluated, told.best
    assert last is not None, "each epoch ends with a look"
    assert best is not None
    nothing = Figures(map5=None, low=None, high=None, known=None, new=None, photos=last.photos, new_photos=0)
    return Summary(
        score=nothing, best=Best(epoch=best.epoch, map5=None), baselines={},
        detector=DetectorFigures(
            map50=or_none(last.map50), mean_iou=or_none(last.mean_iou), held_out=last.photos, missed=last.missed,
            photos=applied.photos if applied else 0, whole=applied.whole if applied else 0,
        ),
        epochs=last.epoch, steps=told.step, loss=or_none(told.loss), valid_loss=None, seconds=seconds,
        environment=describe_environment(choose_device(spec.training)), spec_digest=spec.digest,
        classes_digest="", classes=1, attempt=attempt.number, train_photos=learnt,
        test_photos=applied.photos if applied else 0, test_copies=0, peak_memory_bytes=peak_memory_bytes(),
    )  # fmt: skip
