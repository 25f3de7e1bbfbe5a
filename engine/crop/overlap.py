"""How well boxes lie, and one box made of many. Boxes are arrays (…, 4) of top, left, bottom, right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Edges = NDArray[np.float64]

AGREEING = 0.5
"""Candidates that overlap the best one by so much are taken to mean the same fluke."""


def overlap(left: Edges, right: Edges) -> Edges:
    """Return intersection over union of boxes, pair by pair (broadcast); 0 where neither has an area."""
    top, bottom = np.maximum(left[..., 0], right[..., 0]), np.minimum(left[..., 2], right[..., 2])
    start, end = np.maximum(left[..., 1], right[..., 1]), np.minimum(left[..., 3], right[..., 3])
    shared = np.clip(bottom - top, 0.0, None) * np.clip(end - start, 0.0, None)
    union = _area(left) + _area(right) - shared
    share: Edges = np.divide(shared, union, out=np.zeros_like(shared, dtype=np.float64), where=union > 0.0)
    return share


def averaged(boxes: Edges, confidences: NDArray[np.float64]) -> tuple[Edges, float]:
    """Return the one box that candidates (n, 4) speak for, and the confidence of the best of them.

    A detector answers one fluke by dozens of candidates around the best; their mean, weighted by confidence,
    lies better than the best alone (boxes fused by weight: Solovyev et al. 2021, arXiv:1910.13302).
    """
    if not len(boxes) or not np.isfinite(confidences).any():
        return np.zeros(4), 0.0
    best = int(np.nanargmax(confidences))
    alike = overlap(boxes, boxes[best]) >= AGREEING
    alike[best] = True
    weights = np.nan_to_num(confidences[alike])
    if weights.sum() <= 0.0:
        return np.asarray(boxes[best], dtype=np.float64), float(confidences[best])
    return np.average(boxes[alike], axis=0, weights=weights), float(confidences[best])


def mirrored(boxes: Edges, width: float) -> Edges:
    """Return boxes as they lie in the photo mirrored left to right."""
    return np.stack([boxes[..., 0], width - boxes[..., 3], boxes[..., 2], width - boxes[..., 1]], axis=-1)


def average_precision(hits: NDArray[np.bool_], confidences: NDArray[np.float64], truths: int) -> float:
    """Return the area under precision over recall, precision made falling (101 points, as COCO does).

    Args:
        hits: of each detection, whether it is the first to lie on a true box.
        confidences: of the detections.
        truths: boxes that were to be found; NaN where there are none.
    """
    if not truths:
        return float("nan")
    found = np.cumsum(hits[np.argsort(-confidences, kind="stable")])
    precision = found / np.arange(1, len(found) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    recall = found / truths
    places = np.searchsorted(recall, np.linspace(0.0, 1.0, 101), side="left")
    return float(np.append(precision, 0.0)[np.minimum(places, len(precision))].mean())


def _area(boxes: Edges) -> Edges:
    return np.asarray((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]), dtype=np.float64)
