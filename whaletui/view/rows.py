"""What a row of the runs table is made of: one run, or runs that differ only in seed and fold, folded. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from whaletui.records.model import RunRecord, State
from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.runview import RunView

LISTED_VALUES = 4
"""A folded row lists so many different seeds or folds, and counts more."""


class Cell(NamedTuple):
    """A piece of text, safe to show, and the name of its style ("" for the table's own)."""

    text: str
    style: str = ""


class RowFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a row is made of. Figures come from the live view where there is one, else from the record.

    A folded row holds its runs in `members`, the first of them as `record`; `inside` marks a run that is listed
    below its folded row. `against` is the MAP@5 of the pinned baseline, None where none is pinned.
    """

    record: RunRecord
    view: RunView | None
    now: float  # seconds since 1970
    selected: bool = False
    members: tuple[RunRecord, ...] = ()
    opened: bool = False
    inside: bool = False
    pinned: bool = False
    against: float | None = None

    @property
    def key(self) -> str:
        """What the cursor keeps to: the run, or the family of a folded row."""
        return f"family {family_id(self.members)}" if self.members else f"run {self.record.id}"

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """The runs that an action on this row is about."""
        return self.members or (self.record,)

    @property
    def epoch(self) -> float:
        """Epochs done."""
        return self.view.epoch if self.view and self.view.epoch else self.record.epoch

    @property
    def loss(self) -> float | None:
        """Training loss, the mean of a folded row's."""
        if self.members:
            return mean([run.loss for run in self.members])
        return self.record.loss if self.view is None or self.view.loss is None else self.view.loss

    def figure(self, name: str) -> float | None:
        """Return a MAP@5 figure; of a run that ended the recorded one counts, of a folded row the mean."""
        if self.members:
            return mean([getattr(run, name) for run in scored(self.members)])
        live = getattr(self.view, name) if self.view is not None and self.record.state.is_active else None
        value: float | None = getattr(self.record, name) if live is None else live
        return value


def family_id(members: Sequence[RunRecord]) -> int:
    """Return what a family is known by: its first run, which stays when others are added. Members are in order."""
    return members[0].id


def scored(members: Sequence[RunRecord]) -> list[RunRecord]:
    """Return the members whose MAP@5 counts in a mean: those that finished."""
    return [run for run in members if run.state is State.FINISHED and run.map5 is not None]


def mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of what is there, None of nothing."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def spread_words(members: Sequence[RunRecord]) -> str:
    """Return "±0.009 (5)": the standard deviation (of a sample, n - 1) of MAP@5 and how many finished runs it is of."""
    values = [run.map5 for run in scored(members) if run.map5 is not None]
    if not values:
        return ""
    return f"±{statistics.stdev(values):.3f} ({len(values)})" if len(values) > 1 else "(1)"


def listed(values: Sequence[object]) -> str:
    """Return the different values of a folded row: "0-4", "2,10", or "12 different"."""
    whole = sorted({value for value in values if isinstance(value, int)})
    parts = _stretches(whole) if len(whole) == len(set(values)) else sorted({str(value) for value in values})
    return ",".join(parts) if len(parts) <= LISTED_VALUES else f"{len(set(values))} different"


def _stretches(whole: Sequence[int]) -> list[str]:
    """Return numbers in order, three or more that follow one another as "0-4"."""
    parts: list[list[int]] = []
    for number in whole:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    told = [[f"{part[0]}-{part[-1]}"] if len(part) > 2 else [str(number) for number in part] for part in parts]
    return [words for part in told for words in part]


def state_counts(members: Sequence[RunRecord]) -> str:
    """Return "3 finished, 1 running": how the runs of a folded row stand."""
    states = [run.state for run in members]
    return ", ".join(f"{states.count(state)} {state}" for state in State if state in states)


def family_name(members: Sequence[RunRecord]) -> str:
    """Return what the names of a family begin with alike, or the first name, with how many runs there are."""
    names = [safe(run.name) for run in members]
    first, last = min(names), max(names)
    alike = 0
    while alike < min(len(first), len(last)) and first[alike] == last[alike]:
        alike += 1
    stem = first[:alike].rstrip(" -_.,") if first != last else first
    if first != last and stem.endswith((" s", "-s", "_s", " f", "-f", "_f")):  # "best s" of "best s0", "best s1"
        stem = stem[:-2].rstrip(" -_")
    return f"{stem if len(stem) > 2 else names[0]} ×{len(members)}"


def state_words(facts: RowFacts) -> str:
    """Return state and reason in one line, most telling part first."""
    if facts.members:
        return state_counts(facts.members)
    record, view = facts.record, facts.view
    match record.state:
        case State.QUEUED:
            return f"queued: {record.reason}" if record.reason else "queued"
        case State.RUNNING:
            return _running_words(record, view)
        case State.FINISHED:
            return f"finished in {formats.span(record.seconds)}" if record.seconds is not None else "finished"
        case State.PUBLISHED:
            return "published"
        case _:
            return f"{record.state}: {record.reason}" if record.reason else str(record.state)


def _running_words(record: RunRecord, view: RunView | None) -> str:
    if record.reason:  # stopped, stalled, lingering: liveness has something to say
        return f"running: {record.reason}"
    if view is None or not view.phase:
        return "starting"
    if view.step and view.phase.startswith("train"):
        share = f" {view.epoch / view.epochs:.0%}" if view.epochs else ""
        left = f" {formats.span(view.eta_seconds)} left" if view.eta_seconds else ""
        return f"training{share}{left}"
    share = f" {view.phase_done / view.phase_total:.0%}" if view.phase_total else ""
    return f"{view.phase}{share}"


def ended_words(record: RunRecord) -> str:
    """Return one safe sentence on how a run ended: "run 7 (best s3) finished: MAP@5 0.554 in 10m"."""
    score = f": MAP@5 {formats.score(record.map5)}" if record.state is State.FINISHED else ""
    took = f" in {formats.span(record.seconds)}" if record.seconds is not None else ""
    reason = f": {record.reason}" if record.reason and not score else ""
    return safe(f"run {record.id} ({record.name[:60]}) {record.state}{score}{took}{reason}", 300)
