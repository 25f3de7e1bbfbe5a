"""What leaves the records: frozen, plain, and importable without a database library."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from engine.contract.spec import RunSpec

HELD = 1e9
"""A held run's place in the queue lies so far behind the others'; letting it go gives its own place back."""


class State(StrEnum):
    """How a run stands. Words first: colour and symbol follow from them."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    PUBLISHED = "published"

    @property
    def is_active(self) -> bool:
        """Whether something of it is still to come without anybody's doing."""
        return self in (State.QUEUED, State.RUNNING)


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One run as the index knows it. None stands for "not yet" and "not measured".

    `reason` says why it waits (queued), how it ended (failed, lost, cancelled) or where the figure is
    from (published). Times are seconds since 1970. `folder` is relative to the workspace.
    """

    id: int
    uuid: str
    name: str
    state: State
    reason: str
    folder: str
    spec_json: str
    digest: str
    backbone: str
    method: str
    crop: bool
    seed: int
    fold: int
    epochs: int
    epoch: float = 0.0
    loss: float | None = None
    map5: float | None = None
    map5_low: float | None = None
    map5_high: float | None = None
    map5_known: float | None = None
    map5_new: float | None = None
    baseline_constant: float | None = None
    baseline_duplicates: float | None = None
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    seconds: float | None = None
    attempt: int = 0
    slot: str = ""  # "GPU0", "CPU0"; where it runs or ran
    position: float = 0.0  # order in the queue, lowest first
    note: str = ""
    star: bool = False
    tags: tuple[str, ...] = ()

    @classmethod
    def of_spec(cls, spec: RunSpec, **values: Any) -> RunRecord:
        """Return the record of a spec; `values` name what the spec does not tell, and win over what it tells."""
        told: dict[str, Any] = {
            "name": spec.name, "spec_json": spec.to_json(), "digest": spec.digest, "backbone": spec.model.backbone,
            "method": str(spec.to_values()["method"]["kind"]), "crop": spec.crop.enabled, "seed": spec.seed,
            "fold": spec.data.fold, "epochs": spec.training.epochs, "state": State.QUEUED, "reason": "",
        }  # fmt: skip
        return cls(**{**told, **values})

    def columns(self) -> dict[str, Any]:
        """Return the values of the runs table: every field but the tags, which have a table of their own."""
        values = {name: getattr(self, name) for name in self.__struct_fields__ if name != "tags"}
        return {**values, "state": self.state.value}

    @cached_property
    def spec(self) -> RunSpec:
        """The spec, read when first asked for."""
        return RunSpec.from_json(self.spec_json)

    @property
    def held(self) -> bool:
        """Whether somebody keeps it from being started."""
        return self.position >= HELD

    @property
    def can_resume(self) -> bool:
        """Whether it may be queued again to go on from its checkpoint."""
        return self.state in (State.FAILED, State.CANCELLED, State.LOST)

    @property
    def can_vote(self) -> bool:
        """Whether it may be a member of an ensemble."""
        return self.state is State.FINISHED


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended, as its files tell it. None stands for "not known"."""

    state: State
    reason: str = ""
    ended_at: float | None = None  # seconds since 1970
    seconds: float | None = None
    epoch: float | None = None
    loss: float | None = None
    map5: float | None = None
    map5_low: float | None = None
    map5_high: float | None = None
    map5_known: float | None = None
    map5_new: float | None = None
    baseline_constant: float | None = None
    baseline_duplicates: float | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the runs table: `rows` of the `matching` ones, of `total` in all.

    Where runs are folded, `groups` says how many of the rows belong together, in order, and `families` how many
    groups there are over all pages.
    """

    rows: tuple[RunRecord, ...]
    matching: int
    total: int
    counts: dict[str, int] = {}  # state -> runs, over all
    groups: tuple[int, ...] = ()
    families: int = 0


class MemberRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A run within an ensemble."""

    run_id: int
    weight: float


class EnsembleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A soft vote that was written down."""

    id: int
    name: str
    blend: str  # "logits" or "probabilities"
    members: tuple[MemberRecord, ...]
    map5: float | None
    map5_low: float | None
    map5_high: float | None
    created_at: float


class SubmissionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A submission file that was written; the leaderboard's answers are noted on it later."""

    id: int
    path: str  # relative to the workspace where it lies inside
    sha256: str
    rows: int
    run_id: int | None
    ensemble_id: int | None
    created_at: float
    public: float | None = None
    private: float | None = None
