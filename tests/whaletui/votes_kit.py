"""What tests of ensembles share: prediction folders made of plain numbers, and recorded runs that hold such scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from app_kit import NOW, RecordedLab

from engine.contract.predictions import ClassList, Photos, ScoreWriter, write_classes
from whaletui.ensemble.tables import RunTable
from whaletui.records.model import RunRecord, State


def labels(count: int) -> tuple[str, ...]:
    """Return a class list with `new_whale` first."""
    return ("new_whale", *(f"w_{number:03d}" for number in range(1, count)))


def write_scores(
    folder: Path, part: str, scores: Any, photos: Sequence[str], truth: Sequence[str], classes: Sequence[str]
) -> None:
    """Write one part's scores as an engine does."""
    write_classes(folder, ClassList(tuple(classes)))
    told = Photos(names=tuple(photos), truth=tuple(truth))
    with ScoreWriter(folder, part, told, len(classes)) as writer:
        writer.append(np.array(scores, dtype=np.float32))


def tables(
    root: Path, members: int, photos: int = 240, classes: int = 120, seed: int = 0, loud: float = 20.0
) -> list[RunTable]:
    """Return candidates that know the truth with noise of their own; every third one speaks `loud` times softer."""
    random = np.random.default_rng(seed)
    names = labels(classes)
    truth = random.integers(0, classes, photos)
    whales = random.normal(size=(classes, 16))
    seen = whales[truth] + 1.2 * random.normal(size=(photos, 16))
    found = []
    for number in range(members):
        learnt = whales + 0.7 * random.normal(size=whales.shape)
        scores = seen @ learnt.T / (loud if number % 3 == 0 else 1.0)
        folder = root / str(number)
        write_scores(
            folder, "valid", scores, [f"p{row}.jpg" for row in range(photos)], [names[one] for one in truth], names
        )
        found.append(RunTable.open(f"run {number}", folder, "valid"))
    return found


def scored(lab: RecordedLab, name: str, valid: Any, test: Any, photos: Sequence[str], truth: Sequence[str],
           tested: Sequence[str], classes: Sequence[str], **changes: Any) -> RunRecord:  # fmt: skip
    """Return a finished run that left these scores behind."""
    run = lab.start(lab.run(name, **changes))
    folder = lab.workspace.run_dir(run.folder).predictions
    write_scores(folder, "valid", valid, photos, truth, classes)
    if test is not None:
        write_scores(folder, "test", test, tested, (), classes)
    return lab.end(run, State.FINISHED, map5=0.5)


__all__ = ["NOW", "labels", "scored", "tables", "write_scores"]
