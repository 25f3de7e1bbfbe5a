"""Looking at photos with a detector: batches of squares in, one box a photo out; and how good those boxes are."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import nms

from engine.contract.events import BoxesEvaluated
from engine.contract.method import DetectorMethod
from engine.crop.framing import Frame, framed
from engine.crop.job import Job, Shot, side_of
from engine.crop.overlap import Edges, average_precision, averaged, mirrored, overlap
from engine.data.decode import decode

LEAST = 0.001
"""Confidence from which a candidate counts, as in ultralytics' own evaluation."""
DOUBLES = 0.7
"""Of candidates that overlap by more, all but the most certain count as said twice, as there."""
HALF = 0.5
"""Overlap from which a box counts as found, the 50 of mAP50."""

Candidates = tuple[Edges, NDArray[np.float64]]
"""Boxes (n, 4) in pixels of the square, confidences (n,)."""


def photos_in_batches(
    shots: Sequence[Shot], side: int, size: int, device: torch.device
) -> Iterator[tuple[Sequence[Shot], Tensor, list[Frame]]]:
    """Yield shots, their squares (batch, 3, side, side) from 0 to 1, and where each photo lies in its square.

    Photos are decoded by threads while the batch before is looked at; raises `DataError` where one cannot be.
    """

    def read(shot: Shot) -> tuple[NDArray[np.uint8], Frame]:
        return framed(decode(Path(shot.path)), side)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="decode") as threads:
        chunks = [shots[start : start + size] for start in range(0, len(shots), size)]
        coming = [threads.submit(read, shot) for shot in chunks[0]] if chunks else []
        for number, chunk in enumerate(chunks):
            ready = [future.result() for future in coming]
            coming = [threads.submit(read, shot) for shot in chunks[number + 1]] if number + 1 < len(chunks) else []
            squares = torch.from_numpy(np.stack([square for square, _ in ready])).to(device)
            yield chunk, squares.permute(0, 3, 1, 2).float().div_(255), [frame for _, frame in ready]


def candidates(network: nn.Module, squares: Tensor) -> list[Candidates]:
    """Return, for each square, the boxes that a network of ultralytics in evaluation takes for possible."""
    with torch.inference_mode():
        raw = network(squares)[0]
    x, y, wide, tall, confidence = raw.cpu().double().unbind(1)
    boxes = torch.stack([y - tall / 2, x - wide / 2, y + tall / 2, x + wide / 2], dim=-1).numpy()
    found = []
    for row, sure in enumerate(confidence.numpy()):
        likely = sure >= LEAST
        found.append((boxes[row][likely], sure[likely]))
    return found


def one_box(seen: Candidates, reflected: Candidates | None, frame: Frame, side: int) -> tuple[Edges, float]:
    """Return the box of a photo in its own pixels, and how certain it is.

    Args:
        seen: candidates in the square.
        reflected: those in the mirrored square, where it was looked at as well.
        frame: where the photo lies in the square.
        side: of the square, pixels.
    """
    boxes, confidences = seen
    if reflected is not None:
        boxes = np.concatenate([boxes, mirrored(reflected[0], side)])
        confidences = np.concatenate([confidences, reflected[1]])
    box, confidence = averaged(boxes, confidences)
    return frame.back(box), confidence


def look(network: nn.Module, squares: Tensor, frames: Sequence[Frame], *, mirror: bool) -> list[tuple[Edges, float]]:
    """Return box and confidence of each photo of a batch."""
    seen = candidates(network, squares)
    reflected = candidates(network, squares.flip(-1)) if mirror else [None] * len(frames)
    side = squares.shape[-1]
    return [one_box(one, other, frame, side) for one, other, frame in zip(seen, reflected, frames, strict=True)]


class _Ranking:
    """Gathers what mAP50 is made of: every detection, whether it is the first to lie on the photo's true box."""

    def __init__(self) -> None:
        self._hits: list[bool] = []
        self._confidences: list[float] = []

    def add(self, seen: Candidates, frame: Frame, truth: Edges) -> None:
        """Take in the candidates of one photo, doubles left out."""
        boxes, confidences = seen
        kept = nms(torch.from_numpy(boxes), torch.from_numpy(confidences), DOUBLES).numpy()  # by confidence
        lies = overlap(frame.back(boxes[kept]), truth) >= HALF
        first = np.zeros(len(kept), dtype=bool)
        if lies.any():
            first[int(np.argmax(lies))] = True
        self._hits += first.tolist()
        self._confidences += confidences[kept].tolist()

    def precision(self, truths: int) -> float:
        """Return the average precision over all photos."""
        return average_precision(np.array(self._hits, dtype=bool), np.array(self._confidences), truths)


def measured(network: nn.Module, job: Job, device: torch.device, epoch: int, step: int) -> BoxesEvaluated:
    """Hold a detector against the boxes of a job that it does not learn from."""
    began = time.monotonic()
    method = job.spec.method
    assert isinstance(method, DetectorMethod)
    network.eval()
    overlaps: list[float] = []
    ranking, missed = _Ranking(), 0
    for shots, squares, frames in photos_in_batches(job.held, side_of(job.spec), job.spec.prediction.batch, device):
        seen = candidates(network, squares)
        reflected = candidates(network, squares.flip(-1)) if method.mirror else [None] * len(frames)
        for shot, one, other, frame in zip(shots, seen, reflected, frames, strict=True):
            truth = np.array(shot.box, dtype=np.float64)
            box, confidence = one_box(one, other, frame, squares.shape[-1])
            if confidence < method.threshold:
                missed += 1
                box = np.array([0.0, 0.0, frame.height, frame.width])
            overlaps.append(float(overlap(box, truth)))
            ranking.add(one, frame, truth)
    return BoxesEvaluated(
        epoch=epoch, step=step, map50=ranking.precision(len(overlaps)), mean_iou=float(np.mean(overlaps)),
        missed=missed, photos=len(overlaps), seconds=time.monotonic() - began,
    )  # fmt: skip
