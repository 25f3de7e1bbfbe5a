"""`summary.json`: what a finished run came to, as the engine writes it and whaletui reads it."""

from __future__ import annotations

import math

import msgspec

from engine.contract.ranking import Score
from engine.contract.rundir import RunDir, read_json


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """MAP@5 on the validation photos with its 95 % interval; None where there was no such photo."""

    map5: float | None
    low: float | None
    high: float | None
    known: float | None
    new: float | None
    photos: int
    new_photos: int

    @classmethod
    def of(cls, score: Score) -> Figures:
        """Return the figures of a score; JSON knows no NaN."""
        return cls(
            map5=or_none(score.map5), low=or_none(score.low), high=or_none(score.high),
            known=or_none(score.known), new=or_none(score.new), photos=score.photos, new_photos=score.new_photos,
        )  # fmt: skip


class Best(msgspec.Struct, frozen=True, kw_only=True):
    """The epoch that validated best. A maximum over noise: the run answers with its last epoch, not with this one."""

    epoch: int
    map5: float | None


class DetectorFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector came to, on held-out boxes and on all photos."""

    map50: float | None
    mean_iou: float | None
    held_out: int  # boxes that it was measured on
    missed: int  # of their photos, those that stay whole
    photos: int = 0  # that it was applied to; 0: not yet
    whole: int = 0  # of these, those that stay whole


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What a run ran on."""

    python: str
    torch: str
    timm: str
    device: str
    precision: str
    host: str
    commit: str = ""  # of the engine, where it is a git checkout
    source_digest: str = ""  # SHA-256 of the engine's source files as they were, committed or not
    driver: str = ""  # of the GPU
    cuda: str = ""
    packages: dict[str, str] = {}


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of `summary.json`. Losses are mean cross-entropy; None where they were no number."""

    score: Figures
    best: Best
    baselines: dict[str, float]  # MAP@5 of "constant" and "duplicates" on the same photos
    epochs: int
    steps: int
    loss: float | None
    valid_loss: float | None
    seconds: dict[str, float]  # of each phase, and "total"
    environment: Environment
    spec_digest: str
    classes_digest: str
    classes: int
    attempt: int
    train_photos: int
    test_photos: int
    test_copies: int  # test photos that copy a training photo
    peak_memory_bytes: int
    peak_gpu_bytes: int = 0
    detector: DetectorFigures | None = None  # of a detector, whose MAP@5 figures are None


def read_summary(run_dir: RunDir) -> Summary | None:
    """Return the summary of a run, None where it has none yet; raises `RunFolderError` where it is damaged."""
    return read_json(run_dir.summary, Summary)


def or_none(value: float) -> float | None:
    """Return a number as JSON can hold it: None where it is none."""
    return value if math.isfinite(value) else None
