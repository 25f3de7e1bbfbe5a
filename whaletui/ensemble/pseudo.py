"""Pseudo-labels: confident answers of an ensemble for test photos, as training rows for a new spec.

Off unless asked for, and marked: the file beside the table says who labelled, and which fold's validation photos
the labellers never saw. Only a run on that fold may train on them, or its own validation would be told by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.dataset import NEW_WHALE
from engine.contract.extra import Labelled, extra_note, table_text
from whaletui.ensemble.blend import ROWS_AT_ONCE, Blend, BlendedTable, softmax
from whaletui.ensemble.calibration import calibrate
from whaletui.ensemble.errors import EnsembleError
from whaletui.ensemble.evaluate import blended
from whaletui.ensemble.significance import halves_by_id
from whaletui.ensemble.submission import write_together
from whaletui.ensemble.voices import Voice, calibrations
from whaletui.workspace import Workspace

CONFIDENCE = 0.9


class Pseudo(msgspec.Struct, frozen=True, kw_only=True):
    """A table of pseudo-labels on disk. `expected` is how often such confident answers are right on validation."""

    path: Path
    rows: int
    photos: int  # test photos in all
    expected: float | None  # None: no validation photo is answered so confidently
    confidence: float


def confidence_of(text: str) -> float:
    """Read a probability that a person typed; raises `EnsembleError`."""
    try:
        return float(text)
    except ValueError:
        raise EnsembleError(f"{text[:40]!r} is no probability", "it lies between 0 and 1, as in 0.9") from None


def write_pseudo_labels(
    workspace: Workspace,
    members: Sequence[Voice],
    blend: Blend,
    weights: Sequence[float] | None,
    path: Path,
    confidence: float = CONFIDENCE,
) -> Pseudo:
    """Write the test photos that an ensemble is sure of, with their labels, as a table for `data.extra`.

    Args:
        confidence: the calibrated probability from which a first guess counts; `new_whale` never does.

    Raises:
        EnsembleError: members trained on every fold, so that none is left to validate with; no answer is so
            confident; or the file cannot be written.
        RunFolderError: scores are missing or damaged.
    """
    if not 0.0 < confidence < 1.0:
        raise EnsembleError(f"the confidence is {confidence:g}", "it lies between 0 and 1, as in 0.9")
    note = _labelled(members, blend, weights, confidence)
    fitted = calibrations(members, workspace, blend)
    valid = blended(workspace, members, weights, blend, "valid", fitted)
    scores = valid.reader(valid.photos, valid.classes)(0, len(valid.photos))
    half = halves_by_id(valid.numbers, valid.classes.new_class)
    beta = calibrate(scores, valid.numbers, half)
    scores *= beta.of_rows(half)[:, None]
    sure, guessed = _firsts(scores)
    counted = (sure >= confidence) & (guessed != valid.classes.new_class)
    expected = float((guessed == valid.numbers)[counted].mean()) if counted.any() else None
    rows = _confident(blended(workspace, members, weights, blend, "test", fitted), beta.whole, confidence)
    if not rows[0]:
        raise EnsembleError(
            f"no test photo is answered with a probability of {confidence:g} or more", "lower --confidence"
        )
    write_together({path: table_text(rows[0]), extra_note(path): msgspec.json.encode(note) + b"\n"})
    return Pseudo(path=path, rows=len(rows[0]), photos=rows[1], expected=expected, confidence=confidence)


def _confident(table: BlendedTable, beta: float, confidence: float) -> tuple[list[tuple[str, str]], int]:
    """Return (photo, label) of the confident answers, and how many photos there are."""
    read, names = table.reader(table.photos, table.classes), table.classes.names
    rows: list[tuple[str, str]] = []
    for start in range(0, len(table.photos), ROWS_AT_ONCE):
        block = read(start, min(start + ROWS_AT_ONCE, len(table.photos)))
        block *= np.float32(beta)
        sure, guessed = _firsts(block)
        for row in np.flatnonzero(sure >= confidence):
            if names[guessed[row]] != NEW_WHALE:
                rows.append((table.photos[start + row], names[guessed[row]]))
    return rows, len(table.photos)


def _firsts(scores: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    softmax(scores)
    return scores.max(axis=1), scores.argmax(axis=1)


def _labelled(members: Sequence[Voice], blend: Blend, weights: Sequence[float] | None, confidence: float) -> Labelled:
    runs = [run for member in members for run in member.leaves()]
    first = runs[0].spec.data
    folds = {run.fold for run in runs}
    if len(folds) > 1:
        raise EnsembleError(
            f"the members trained on different folds ({', '.join(map(str, sorted(folds)))}), so together they saw "
            "every validation photo",
            "make pseudo-labels with members of one fold, for a new run on that fold",
        )
    return Labelled(
        members=tuple(member.key for member in members), blend=blend, weights=tuple(weights or ()),
        confidence=confidence, fold=first.fold, folds=first.folds, new_share=first.new_share,
        split_seed=first.split_seed,
    )  # fmt: skip
