"""One run, told from top to bottom: a folder with a spec goes in, scores and a summary come out."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from engine.answering.answers import Answer, GalleryAnswer, build_answer
from engine.answering.baselines import baseline_scores
from engine.answering.embeddings import embedding_bytes
from engine.answering.newness import Calibration
from engine.answering.scores import write_scores
from engine.answering.validation import Validation
from engine.contract.errors import DataError
from engine.contract.events import EventWriter, Phase, Saved, Started, Warned
from engine.contract.method import is_mirrored
from engine.contract.predictions import Photos, write_classes, write_copies
from engine.contract.rundir import Attempt, RunDir, write_json
from engine.contract.spec import RunSpec
from engine.contract.summary import Best, Figures, Summary, or_none
from engine.data.augment import IMAGENET_MEAN, IMAGENET_STD
from engine.data.loader import EvalLoader, TrainLoader
from engine.data.tables import Tables, load_tables
from engine.environment import describe_environment, peak_gpu_bytes, peak_memory_bytes
from engine.models.backbones import Backbone, build_backbone
from engine.models.device import Device, choose_device
from engine.models.heads import build_head
from engine.models.network import Network
from engine.pulse import Pulse
from engine.training.checkpoint import Position, read_position
from engine.training.loop import Training, train
from engine.training.reporter import Reporter
from engine.training.room import bytes_needed, check_room
from engine.training.saver import Saver, find_checkpoint
from engine.training.seeds import set_seeds
from engine.training.stopping import Stopped, StopWish


def run(run_dir: RunDir, attempt: Attempt, events: EventWriter, wish: StopWish) -> Summary:
    """Train, validate and answer as the spec of a run folder says, and return what came of it.

    Raises:
        WhaleError: something a person can put right.
        Stopped: the run was asked to stop; the checkpoint is saved if training had begun.
    """
    clock = Clock()
    spec = _spec(run_dir)
    device = choose_device(spec.training)
    set_seeds(spec.seed)
    checkpoint = _start(run_dir, attempt, spec, device, events)
    pulse = Pulse(attempt.heartbeat, events)

    # The network comes before the photos: a wrong name or missing weights are refused in seconds.
    events.write(Phase(name="building the network"))
    with clock("building"):
        backbone = build_backbone(spec.model, spec.image.height, spec.image.width)
    with clock("reading"):
        tables = load_tables(spec, events)
    head = build_head(spec, backbone.width, tables.photos_of, tables.classes.new_class)
    network = Network(backbone, head)
    device.place(network)
    _check_room(run_dir, spec, network, tables)

    train_loader, gallery_loader, valid_loader, test_loader = _loaders(spec, tables, backbone)
    training = Training(network, spec, device, train_loader.steps_per_epoch)
    wish.progress = lambda: (training.epoch, training.step)
    reporter = Reporter(events, spec.training.epochs, training.steps_per_epoch, training.total_steps)

    def attend(_: int = 0) -> None:
        """Do what is due after each step and each batch of validation."""
        pulse.beat()
        wish.check()

    targets, new_class = tables.valid.targets, tables.classes.new_class
    answer = build_answer(spec, gallery_loader, tables, device, events)
    validation = Validation(valid_loader, targets, new_class, device, events, attend, answer, spec.prediction)
    figures = partial(_figures, validation, clock)
    saver = Saver(run_dir, training, reporter, tables.classes.digest, figures, events)
    if checkpoint is not None:
        _go_on(checkpoint, saver, validation, clock)
    events.write(Phase(name="training"))
    with clock("training"), wish.held():
        _train(training, train_loader, reporter, validation, saver, attend)

    with clock("answering"):
        calibration = _answer(run_dir, validation, tables, events)
        if test_loader is not None:
            _answer_test(run_dir, training, test_loader, answer, calibration, tables, events, pulse)

    summary = _summary(spec, attempt, device, tables, training, reporter.loss, validation, clock)
    write_json(run_dir.summary, summary)
    return summary


class Clock:
    """Measures the phases of a run, in seconds."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()
        self._begun: dict[str, float] = {}
        self.earlier: dict[str, float] = {}  # seconds of the attempts before this one
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Measure what happens inside."""
        self._begun[phase] = time.monotonic()
        yield
        self.seconds[phase] = self._since(phase)

    def so_far(self) -> dict[str, float]:
        """Return the seconds of all phases, one that still goes on included, and "total"."""
        return {**{phase: self._since(phase) for phase in self._begun}, **self.seconds, "total": self.total}

    @property
    def total(self) -> float:
        """Seconds since the clock was made, and those of earlier attempts."""
        return self.earlier.get("total", 0.0) + time.monotonic() - self._started_at

    def _since(self, phase: str) -> float:
        return self.earlier.get(phase, 0.0) + time.monotonic() - self._begun[phase]


def _spec(run_dir: RunDir) -> RunSpec:
    spec = run_dir.spec()
    if not spec.data.folder:
        raise DataError(f"{run_dir.spec_file} names no data.folder", "set it to the folder that holds train.csv")
    return spec


def _start(run_dir: RunDir, attempt: Attempt, spec: RunSpec, device: Device, events: EventWriter) -> Path | None:
    """Say that the run starts, or from where it goes on; returns the checkpoint it goes on from."""
    checkpoint, complaints = find_checkpoint(run_dir)
    events.write(_started(attempt, spec, device, read_position(checkpoint) if checkpoint else None))
    for complaint in complaints:
        events.write(Warned(message=complaint))
    return checkpoint


def _started(attempt: Attempt, spec: RunSpec, device: Device, position: Position | None) -> Started:
    step, epoch, looks = (position.step, position.epoch, position.looks) if position else (0, 0.0, 0)
    return Started(
        resumed_step=step, resumed_epoch=epoch, resumed_looks=looks,
        attempt=attempt.number, pid=os.getpid(), host=socket.gethostname(), device=device.name,
        precision=device.precision_name, epochs=spec.training.epochs, torch=str(torch.__version__),
    )  # fmt: skip


def _loaders(
    spec: RunSpec, tables: Tables, backbone: Backbone
) -> tuple[TrainLoader, EvalLoader, EvalLoader, EvalLoader | None]:
    """Return the batches to train on, then training, validation and test photos in order, normalised as the spec says.

    The training photos in order are what other photos are compared with: prepared as those are, never augmented.
    """
    imagenet = spec.image.statistics == "imagenet"
    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if imagenet else (backbone.mean, backbone.std)
    train_loader = TrainLoader(
        tables.train.images, tables.train.targets, spec, mean, std, len(tables.classes.names), tables.classes.new_class
    )
    gallery_loader, valid_loader = (EvalLoader(part.images, spec, mean, std) for part in (tables.train, tables.valid))
    test_loader = EvalLoader(tables.test.images, spec, mean, std) if tables.test else None
    return train_loader, gallery_loader, valid_loader, test_loader


def _check_room(run_dir: RunDir, spec: RunSpec, network: Network, tables: Tables) -> None:
    photos = len(tables.valid) + (len(tables.test) if tables.test else 0)
    classes = len(tables.classes.names)
    needed = bytes_needed(network, spec, photos=photos, classes=classes)
    if spec.answer != "classes":
        needed += embedding_bytes(network, photos + len(tables.train), mirrored=is_mirrored(spec.method))
    check_room(run_dir.path, needed)


def _figures(validation: Validation, clock: Clock) -> tuple[int, float, dict[str, float]]:
    return validation.best_epoch, validation.best_map5, {**clock.so_far(), "validation": validation.seconds}


def _train(
    training: Training,
    loader: TrainLoader,
    reporter: Reporter,
    validation: Validation,
    saver: Saver,
    attend: Callable[[], None],
) -> None:
    """Train to the end, saving on the way; a run that is told to stop saves where it is."""

    def after_step() -> None:
        attend()
        saver.save_if_due()

    try:
        train(training, loader, reporter, validation, after_step)
    except Stopped:
        saver.save()
        raise
    saver.save_final()


def _go_on(checkpoint: Path, saver: Saver, validation: Validation, clock: Clock) -> None:
    """Go on where a checkpoint was written."""
    memory = saver.resume(checkpoint)
    validation.best_epoch, validation.best_map5 = memory.best_epoch, memory.best_map5
    validation.seconds = memory.seconds.get("validation", 0.0)
    clock.earlier = {phase: memory.seconds[phase] for phase in ("training", "total") if phase in memory.seconds}


def _answer(run_dir: RunDir, validation: Validation, tables: Tables, events: EventWriter) -> Calibration | None:
    """Write the class list and the scores of the last look at the validation photos; return how to calibrate others."""
    assert validation.last is not None, "training ends with a look"
    write_classes(run_dir.predictions, tables.classes)
    names = tables.classes.names
    photos = Photos(names=tables.valid.photos, truth=tuple(names[number] for number in tables.valid.targets))
    size = write_scores(run_dir.predictions, "valid", photos, len(names), [validation.last.scores])
    events.write(Saved(path="predictions/valid.npy", bytes=size))
    if isinstance(validation.answer, GalleryAnswer):
        validation.answer.save(run_dir.embeddings, "valid", tables.valid, tables.train)
    fitted = validation.calibration()
    if fitted is None:
        return None
    write_json(run_dir.predictions / "new_whale.json", fitted[1])
    return fitted[0]


def _answer_test(
    run_dir: RunDir,
    training: Training,
    loader: EvalLoader,
    answer: Answer,
    calibration: Calibration | None,
    tables: Tables,
    events: EventWriter,
    pulse: Pulse,
) -> None:
    """Score the test photos with the final weights and write the scores."""
    assert tables.test is not None
    tick = pulse.phase("scoring test photos", len(tables.test))
    batches = answer.scores(training.answering, loader, tick)
    if calibration is not None:
        batches = map(calibration, batches)
    photos = Photos(names=tables.test.photos)
    size = write_scores(run_dir.predictions, "test", photos, len(tables.classes.names), batches)
    write_copies(run_dir.predictions, tables.copies)
    events.write(Saved(path="predictions/test.npy", bytes=size))
    if isinstance(answer, GalleryAnswer):
        answer.save(run_dir.embeddings, "test", tables.test)


def _summary(
    spec: RunSpec,
    attempt: Attempt,
    device: Device,
    tables: Tables,
    training: Training,
    train_loss: float,
    validation: Validation,
    clock: Clock,
) -> Summary:
    assert validation.last is not None, "training ends with a look"
    return Summary(
        score=Figures.of(validation.last.score),
        best=Best(epoch=validation.best_epoch, map5=validation.best_map5),
        baselines=baseline_scores(tables),
        epochs=validation.last.epoch, steps=training.step,
        loss=or_none(train_loss), valid_loss=or_none(validation.last.loss),
        seconds={**clock.seconds, "validation": validation.seconds, "total": clock.total},
        environment=describe_environment(device),
        spec_digest=spec.digest, classes_digest=tables.classes.digest, classes=len(tables.classes.names),
        attempt=attempt.number, train_photos=len(tables.train), test_photos=len(tables.test) if tables.test else 0,
        test_copies=int((tables.duplicate_of_test >= 0).sum()),
        peak_memory_bytes=peak_memory_bytes(), peak_gpu_bytes=peak_gpu_bytes(device),
    )  # fmt: skip
