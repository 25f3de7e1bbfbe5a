"""Photos on their way to a network, and boxes to photos: `python bench/pipeline.py [--data DIR] [--json FILE]`.

CPU milliseconds a photo on one core, start-up not counted. Training input: ours (decoded and resized once, augmented
from memory) beside the talk's (opened by PIL, resized and augmented anew each epoch, no workers); the augmentations are
the same. Crop: the detector's process, in batches, beside one photo at a time; and with the mirrored look.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from _rows import Row, options, report
from PIL import Image

from engine.contract.dataset import read_dataset
from engine.contract.rundir import RunDir
from engine.contract.spec import RunSpec
from engine.crop.detect import all_shots
from engine.crop.job import Job, Shot, working
from engine.data.augment import IMAGENET_MEAN, IMAGENET_STD, TrainingTransform
from engine.data.images import Source, read_photos
from engine.drawing.dataset import draw_dataset

PHOTOS, FEW, EPOCHS = 256, 32, 3
SIDES = (128, 256)


def input_rows(paths: list[Path]) -> list[Row]:
    """Measure an epoch of training input, each size beside the talk's way; the talk trains for many epochs."""
    rows = []
    spec = RunSpec()
    transform = TrainingTransform(spec.augment, IMAGENET_MEAN, IMAGENET_STD, seed=0)
    for side in SIDES:
        began = time.process_time()
        images, _ = read_photos([Source(path) for path in paths], side, side, margin=0.0)
        once = (time.process_time() - began) * 1000 / len(paths)

        def ours(epoch: int, images=images) -> None:
            for row in range(len(images)):
                transform(images[row], epoch, row)

        def talk(epoch: int, side: int = side) -> None:
            for row, path in enumerate(paths):
                photo = np.asarray(Image.open(path).convert("RGB"))
                transform(np.asarray(cv2.resize(photo, (side, side))), epoch, row)

        rows.append(Row(f"input_{side}", "ms", cpu_ms(ours, len(paths)), cpu_ms(talk, len(paths)), "PIL each epoch"))
        rows.append(Row(f"read_once_{side}", "ms", once, cpu_ms(talk, len(paths)), "PIL each epoch"))
    return rows


def cpu_ms(epoch: object, photos: int) -> float:
    """Return CPU milliseconds a photo over some epochs; a first one warms up."""
    assert callable(epoch)
    epoch(0)
    began = time.process_time()
    for number in range(1, EPOCHS + 1):
        epoch(number)
    return (time.process_time() - began) * 1000 / photos / EPOCHS


def crop_rows(data: Path, shots: tuple[Shot, ...], folder: Path) -> list[Row]:
    """Measure the detector's process with an untrained network: its speed does not depend on what it knows."""
    base = {"method.kind": "detector", "method.mirror": False, "data.folder": str(data), "image.height": 128,
            "image.width": 128, "training.device": "cpu", "training.epochs": 1, "prediction.batch": 64}  # fmt: skip
    spec = RunSpec().with_values(base)
    run_dir = RunDir(folder / "run")
    run_dir.path.mkdir()
    boxed = tuple(Shot(name=shot.name, path=shot.path, box=(0, 0, 50, 50)) for shot in shots[:FEW])  # type: ignore[arg-type]
    finish(Job(task="fit", spec=spec, shots=boxed, held=boxed[:2], checkpoint=str(run_dir.checkpoint),
               scratch=str(folder / "scratch")))  # fmt: skip

    def per_photo(**changes: object) -> float:
        def seconds(count: int) -> float:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            finish(Job(task="detect", spec=spec.with_values(changes), shots=shots[:count],
                       checkpoint=str(run_dir.checkpoint), results=str(folder / "found.json"),
                       scratch=str(folder / "scratch")))  # fmt: skip
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

        few = min(seconds(FEW) for _ in range(2))
        return (min(seconds(len(shots)) for _ in range(2)) - few) * 1000 / (len(shots) - FEW)

    single = per_photo(**{"prediction.batch": 1})
    return [
        Row("crop_128", "ms", per_photo(), single, "one photo at a time"),
        Row("crop_128_mirrored", "ms", per_photo(**{"method.mirror": True}), single, "one photo at a time"),
    ]


def finish(job: Job) -> None:
    """Have a job done to its end."""
    with working(job) as events:
        for _ in events:
            pass


def main() -> None:
    """Measure and print."""
    parser = options(__doc__ or "")
    parser.add_argument("--data", type=Path, metavar="DIR", help="photos to measure on (default: drawn, 320 x 200)")
    chosen = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":  # figures are per core; torch has counted its threads already
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OMP_NUM_THREADS": "1"})
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = chosen.data or folder / "data"
        if not chosen.data:
            draw_dataset(data, 40, PHOTOS + FEW, 0, (320, 200))
        shots = all_shots(read_dataset(data))[: PHOTOS + FEW]
        rows = input_rows([Path(shot.path) for shot in shots[:PHOTOS]])
        rows += crop_rows(data, shots, folder)
    report(rows, chosen.json)


if __name__ == "__main__":
    main()
