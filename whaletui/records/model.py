"""What leaves the records: frozen, plain, and importable without a database library."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from engine.contract.method import DetectorMethod
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


def _network(spec: RunSpec) -> str:
    """Return the name of the network that a run trains: a detector has no backbone of ours."""
    return spec.method.architecture if isinstance(spec.method, DetectorMethod) else spec.model.backbone


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
            "name": spec.name, "spec_json": spec.to_json(), "digest": spec.digest, "backbone": _network(spec),
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
        return self.state is State.FINISHED and self.method != "detector"


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
    """A member of an ensemble: one run, the folds of one spec joined (several runs), or another ensemble."""

    runs: tuple[int, ...] = ()
    ensemble_id: int | None = None
    weight: float = 1.0

    @property
    def key(self) -> str:
        """What a person types to name it: "7", "7+8+9", "e3"."""
        return f"e{self.ensemble_id}" if self.ensemble_id is not None else "+".join(map(str, self.runs))


class SourceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A run whose scores went into an ensemble, as it was then."""

    run_id: int
    digest: str  # of its spec
    seed: int
    attempt: int


class EnsembleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A soft vote that was written down, as the index and its own file in `ensembles/` know it.

    `gain` is over the best member alone: measured on photos that the choice of members had not seen where
    `held_out`, else on the photos that all figures are of.
    """

    id: int
    name: str
    blend: str
    members: tuple[MemberRecord, ...]
    map5: float | None
    map5_low: float | None
    map5_high: float | None
    created_at: float
    map5_known: float | None = None
    map5_new: float | None = None
    best_single: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    held_out: bool = False
    note: str = ""
    star: bool = False
    tags: tuple[str, ...] = ()
    sources: tuple[SourceRecord, ...] = ()
    file: str = ""  # relative to the workspace

    def columns(self) -> dict[str, Any]:
        """Return the values of the ensembles table: what has no table of its own."""
        values = {name: getattr(self, name) for name in self.__struct_fields__ if name not in ("members", "tags")}
        return {**values, "sources": msgspec.json.encode(self.sources).decode()}


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
    map5: float | None = None  # on the validation photos, with its interval
    map5_low: float | None = None
    map5_high: float | None = None
