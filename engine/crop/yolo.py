"""YOLOv5 by ultralytics: the one module that imports it. `python -m engine.crop.yolo JOB FD`, see `engine.crop.job`.

Of ultralytics we use the network, its loss, its augmentations and its training loop. Ours are the photos (any kind that
we read), the measuring, and the checkpoint: safetensors and JSON, where it would write a pickle.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engine.contract import events as e
from engine.contract.errors import WeightsError, WhaleError
from engine.contract.rundir import write_json
from engine.crop.apply import Box
from engine.crop.framing import scaled
from engine.crop.going_on import GoingOn, save
from engine.crop.job import Found, Job, Shot, method_of, side_of
from engine.crop.look import look, measured, photos_in_batches
from engine.data.decode import decode
from engine.models.device import Device, choose_device
from engine.training.checkpoint import newest_checkpoint, read_checkpoint
from engine.training.reporter import Reporter


def _prepare_ultralytics() -> None:
    """Lay a font where it looks for one: it would fetch it. Before it is imported, which reads its settings."""
    place = Path(os.environ["YOLO_CONFIG_DIR"]) / "Ultralytics"
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", place / "Arial.ttf")


_prepare_ultralytics()

from ultralytics.data import YOLODataset  # noqa: E402
from ultralytics.models.yolo.detect import DetectionTrainer  # noqa: E402
from ultralytics.nn.tasks import DetectionModel, torch_safe_load  # noqa: E402
from ultralytics.utils import SETTINGS  # noqa: E402

SETTINGS.update(
    {"sync": False} | dict.fromkeys(("clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb"), False)
)

TOLD_SECONDS = 1.0


class Teller:
    """Writes events to the process that asked; whoever does not listen any more ends this one."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def write(self, event: e.Event) -> None:
        """Send one event."""
        os.write(self._handle, e.encode_event(event))


class _Photos(YOLODataset):  # type: ignore[misc]
    """Photos and boxes straight from a job: no label files, no caches beside the photos."""

    def __init__(self, shots: Sequence[Shot], side: int, **options: Any) -> None:
        self._shots, self._side = shots, side
        self._small: dict[int, tuple[NDArray[np.uint8], tuple[int, int]]] = {}
        super().__init__("", imgsz=side, **options)

    def get_img_files(self, img_path: str | list[str]) -> list[str]:
        return [shot.path for shot in self._shots]

    def get_labels(self) -> list[dict[str, Any]]:
        return [self._label(row) for row in range(len(self._shots))]

    def _label(self, row: int) -> dict[str, Any]:
        shot, (_, (height, width)) = self._shots[row], self._photo(row)
        assert shot.box is not None, "a job to learn names a box for each photo"
        box = shot.box
        x, y = (box.left + box.right) / 2 / width, (box.top + box.bottom) / 2 / height
        share = [x, y, (box.right - box.left) / width, (box.bottom - box.top) / height]
        return {
            "im_file": shot.path, "shape": (height, width), "cls": np.zeros((1, 1), np.float32),
            "bboxes": np.array([share], np.float32), "segments": [], "keypoints": None,
            "normalized": True, "bbox_format": "xywh",
        }  # fmt: skip

    def load_image(
        self, i: int, rect_mode: bool = True, resize_short: bool = False
    ) -> tuple[NDArray[np.uint8], tuple[int, int], tuple[int, ...]]:
        small, size = self._photo(i)
        return small.copy(), size, small.shape[:2]  # what is done to it next is done in place

    def _photo(self, row: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """Return a photo at the size it is learnt at, blue first as ultralytics wants it, and its own size."""
        if row not in self._small:
            photo = decode(Path(self._shots[row].path))
            self._small[row] = np.ascontiguousarray(scaled(photo, self._side)[..., ::-1]), photo.shape[:2]
        return self._small[row]


class _Fit(DetectionTrainer):  # type: ignore[misc]
    """ultralytics' training on our photos, told in our events. (A class named Trainer would be given its reporters.)"""

    def __init__(self, job: Job, teller: Teller, before: GoingOn, device: Device) -> None:
        self.job, self.teller, self.before = job, teller, before
        self.side = side_of(job.spec)
        super().__init__(overrides=_arguments(job, self.side, cuda=device.is_cuda, begun=before.epoch))
        self.reporter: Reporter | None = None
        self.step = before.step
        self.add_callback("on_train_epoch_start", _Fit.begin_epoch)
        self.add_callback("on_train_batch_end", _Fit.end_step)
        self.add_callback("on_train_epoch_end", _Fit.end_epoch)

    # what ultralytics asks for

    def get_dataset(self) -> dict[str, Any]:
        return {"train": "train", "val": "held", "nc": 1, "names": {0: "fluke"}, "channels": 3}

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> _Photos:
        learnt = mode == "train"
        return _Photos(
            self.job.shots if learnt else self.job.held, self.side, augment=learnt, hyp=self.args, rect=False,
            batch_size=batch, stride=32, pad=0.0, single_cls=True, data=self.data, task="detect",
        )  # fmt: skip

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = False) -> nn.Module:
        network: nn.Module = _network(self.job)
        if self.job.weights and not self.before.is_begun:
            _start_from(network, Path(self.job.weights), self.teller)
        return network

    def resume_training(self, ckpt: Any) -> None:
        if self.before.is_begun:
            self.before.restore(self)

    def validate(self) -> tuple[dict[str, float], float]:
        event = measured(self.ema.ema, self.job, self.device, self.epoch + 1, self.step)
        self.teller.write(event)
        save(self.job, self, self.epoch + 1, self.step, self.teller)
        return {}, event.mean_iou

    def save_model(self) -> bool:
        return False  # a pickle; `validate` has kept the weights already

    def save_metrics(self, metrics: dict[str, float]) -> None:
        """Write no table: the events tell."""

    def final_eval(self) -> None:
        """Do not load the best epoch's pickle: the run answers with its last epoch."""

    # what it calls

    def begin_epoch(self) -> None:
        if self.reporter is None:
            steps = len(self.train_loader)
            self.reporter = Reporter(self.teller, self.epochs, steps, steps * self.epochs)
            self.reporter.restore(self.step, float("nan"), [], 0)
            self.teller.write(e.Phase(name="training"))
        self.reporter.begin_epoch()

    def end_step(self) -> None:
        assert self.reporter is not None
        self.step += 1
        loss = torch.stack([torch.as_tensor(part).detach().float() for part in self.loss_items.values()]).sum()
        first = (self.step - 1) % len(self.train_loader) * self.batch_size
        photos = min(self.batch_size, len(self.job.shots) - first)
        self.reporter.step(self.step, loss, self.optimizer.param_groups[0]["lr"], photos)

    def end_epoch(self) -> None:
        assert self.reporter is not None
        self.reporter.end_epoch(self.epoch + 1)


def _started(job: Job, device: str, before: GoingOn) -> e.Started:
    looks = max(0, before.epoch - before.is_trained)  # what is trained is looked at once more
    return e.Started(
        attempt=0, pid=os.getpid(), host="", device=device, precision="float32", epochs=job.spec.training.epochs,
        torch=str(torch.__version__), resumed_step=before.step, resumed_epoch=float(before.epoch), resumed_looks=looks,
    )  # fmt: skip


def _arguments(job: Job, side: int, *, cuda: bool, begun: int) -> dict[str, Any]:
    """Return ultralytics' settings for a spec of which some epochs are done.

    No mosaic and little zoom: a photo shows one fluke, large, and what is to be learnt is where exactly it ends. Every
    batch takes a step (nbs), since there are few of them.
    """
    spec = job.spec
    return {
        "model": f"{method_of(spec).architecture}.yaml", "data": "boxes", "imgsz": side,
        "epochs": spec.training.epochs, "batch": spec.training.batch, "nbs": spec.training.batch,
        "workers": max(spec.training.workers, 0) if spec.training.workers >= 0 else min(8, os.cpu_count() or 1),
        "device": "0" if cuda else "cpu", "seed": spec.seed + begun, "deterministic": True, "pretrained": False,
        "optimizer": {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}[spec.optimiser.kind],
        "lr0": spec.optimiser.learning_rate, "lrf": 0.01, "cos_lr": spec.optimiser.schedule == "cosine",
        "momentum": spec.optimiser.momentum, "weight_decay": spec.optimiser.weight_decay,
        "warmup_epochs": spec.optimiser.warmup_epochs, "warmup_bias_lr": 0.0,
        "mosaic": 0.0, "scale": 0.2, "translate": 0.05, "fliplr": 0.5 if spec.augment.flip.enabled else 0.0,
        "project": job.scratch, "name": "ultralytics", "exist_ok": True, "patience": 0,
        "plots": False, "verbose": False, "amp": False, "save": False, "val": True,
    }  # fmt: skip


def _network(job: Job) -> DetectionModel:
    network = DetectionModel(f"{method_of(job.spec).architecture}.yaml", ch=3, nc=1, verbose=False)
    network.names = {0: "fluke"}
    return network


def _start_from(network: nn.Module, path: Path, teller: Teller) -> None:
    """Take over the weights of a file whose names and shapes fit; what does not fit starts anew."""
    if path.suffix == ".pt":
        # a pickle, read by torch's reader that builds known classes only and runs nothing
        held, _ = torch_safe_load(str(path), safe_only=True)
        source = held.get("ema") or held["model"]
        found = source.float().state_dict()
    else:
        from safetensors.torch import load_file

        found = load_file(path)
    own = network.state_dict()
    fitting = {name: value for name, value in found.items() if name in own and own[name].shape == value.shape}
    if len(fitting) < len(own) // 2:
        raise WeightsError(
            f"{path} fits {len(fitting)} of the {len(own)} weights of the detector",
            "name weights of the same architecture, or set method.weights=none",
        )
    network.load_state_dict(fitting, strict=False)
    teller.write(e.Phase(name=f"starting from {path.name}: {len(fitting)} of {len(own)} weights"))


def fit(job: Job, teller: Teller) -> None:
    """Learn boxes from a job's photos, measuring after each epoch; go on where an earlier attempt was broken off."""
    device = choose_device(job.spec.training)
    before = GoingOn(job)
    for event in (_started(job, device.name, before), *before.told):
        teller.write(event)
    if not before.is_trained:
        _Fit(job, teller, before, device).train()
        return
    network = _network(job)
    before.answer_with(network)
    teller.write(measured(network.to(device.device).eval(), job, device.device, before.epoch, before.step))


def detect(job: Job, teller: Teller) -> None:
    """Find the box of every photo of a job and write them as JSON."""
    device = choose_device(job.spec.training).device
    folder = newest_checkpoint(Path(job.checkpoint))
    if folder is None:
        raise WeightsError(f"{job.checkpoint} holds no weights", "the detector was not trained: fit it first")
    network = _network(job)
    network.load_state_dict(read_checkpoint(folder, average=False)[1])
    network.to(device).eval().fuse(verbose=False)
    method = method_of(job.spec)
    results: list[Found] = []
    told_at = time.monotonic()
    for shots, squares, frames in photos_in_batches(job.shots, side_of(job.spec), job.spec.prediction.batch, device):
        answers = look(network, squares, frames, mirror=method.mirror)
        for shot, frame, (box, confidence) in zip(shots, frames, answers, strict=True):
            results.append(
                Found(
                    name=shot.name, box=Box(*(round(float(edge), 2) for edge in box)), confidence=round(confidence, 5),
                    height=frame.height, width=frame.width,
                )
            )  # fmt: skip
        if time.monotonic() - told_at >= TOLD_SECONDS:
            told_at = time.monotonic()
            teller.write(e.Phase(name="finding flukes", done=len(results), total=len(job.shots)))
    write_json(Path(job.results), results)


def main(arguments: Sequence[str]) -> int:
    """Do a job; returns the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the process that asked, too, and that one decides
    teller = Teller(int(arguments[1]))
    try:
        job = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Job)
        {"fit": fit, "detect": detect}[job.task](job, teller)
    except WhaleError as error:
        teller.write(e.Failed(reason=error.reason, message=error.message, hint=error.hint))
        return 1
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
