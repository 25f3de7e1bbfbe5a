"""The columns of the runs table: what each says of a run, how wide it is, and which give way first. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from whaletui.records.model import RunRecord, State
from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.runview import RunView

SYMBOLS = {
    State.QUEUED: "·", State.RUNNING: "▶", State.FINISHED: "✓", State.FAILED: "✗", State.CANCELLED: "–",
    State.LOST: "?", State.PUBLISHED: "◆",
}  # fmt: skip
STATE_STYLES = {
    State.QUEUED: "dim", State.RUNNING: "live", State.FINISHED: "good", State.FAILED: "bad", State.CANCELLED: "dim",
    State.LOST: "warn", State.PUBLISHED: "quiet",
}  # fmt: skip


class Cell(NamedTuple):
    """A piece of text, safe to show, and the name of its style ("" for the table's own)."""

    text: str
    style: str = ""


def _quiet(text: str) -> Cell:
    return Cell(text, "quiet")


class RowFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a row is made of. Figures come from the live view where there is one, else from the record."""

    record: RunRecord
    view: RunView | None
    now: float  # seconds since 1970
    selected: bool = False

    @property
    def epoch(self) -> float:
        """Epochs done."""
        return self.view.epoch if self.view and self.view.epoch else self.record.epoch

    @property
    def loss(self) -> float | None:
        """Training loss."""
        return self.record.loss if self.view is None or self.view.loss is None else self.view.loss

    def figure(self, name: str) -> float | None:
        """Return a MAP@5 figure; of a run that ended the recorded one counts."""
        live = getattr(self.view, name) if self.view is not None and self.record.state.is_active else None
        value: float | None = getattr(self.record, name) if live is None else live
        return value


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column. `sort` is the records' word for it; `spare` says how many cells more it makes good use of."""

    key: str
    title: str
    width: int
    cell: Callable[[RowFacts], Cell]
    sort: str = ""
    spare: int = 0
    right: bool = False


def state_words(facts: RowFacts) -> str:
    """Return state and reason in one line, most telling part first."""
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


def _mark(facts: RowFacts) -> Cell:
    record = facts.record
    text = ("●" if facts.selected else " ") + ("★" if record.star else " ") + SYMBOLS[record.state]
    return Cell(text, STATE_STYLES[record.state])


def _epoch(facts: RowFacts) -> Cell:
    if facts.record.state is State.PUBLISHED:
        return Cell("")
    return Cell(f"{int(facts.epoch)}/{facts.record.epochs}", "" if facts.record.state.is_active else "quiet")


def _map5(facts: RowFacts) -> Cell:
    return Cell(formats.score(facts.figure("map5")), "strong")


def _interval(facts: RowFacts) -> Cell:
    return _quiet(formats.interval(facts.figure("map5_low"), facts.figure("map5_high")))


def _delta(facts: RowFacts) -> Cell:
    text = formats.delta(facts.figure("map5"), facts.record.baseline_constant)
    return Cell(text, "warn" if text.startswith("-") else "good")


def _age(facts: RowFacts) -> Cell:
    return Cell(
        "" if facts.record.state is State.PUBLISHED else formats.age(facts.now - facts.record.created_at), "quiet"
    )


def short_backbone(name: str) -> str:
    """Return a backbone without the library that holds it."""
    return safe(name.rpartition("/")[2] if "/" in name else name)


COLUMNS: tuple[Column, ...] = (
    Column(key="mark", title="", width=3, cell=_mark),
    Column(key="id", title="id", width=4, right=True, sort="id", cell=lambda f: _quiet(str(f.record.id))),
    Column(key="name", title="name", width=20, spare=12, sort="name", cell=lambda f: Cell(safe(f.record.name), "name")),
    Column(
        key="state", title="state", width=20, spare=24, sort="state",
        cell=lambda f: Cell(safe(state_words(f)), STATE_STYLES[f.record.state]),
    ),
    Column(key="map5", title="MAP@5", width=6, right=True, sort="map5", cell=_map5),
    Column(key="delta", title="Δ base", width=6, right=True, cell=_delta),
    Column(key="interval", title="95 % interval", width=13, cell=_interval),
    Column(key="epoch", title="epoch", width=6, right=True, sort="epoch", cell=_epoch),
    Column(
        key="known", title="known", width=5, right=True, sort="map5_known",
        cell=lambda f: Cell(formats.score(f.figure("map5_known"))),
    ),
    Column(
        key="new", title="new", width=5, right=True, sort="map5_new",
        cell=lambda f: Cell(formats.score(f.figure("map5_new"))),
    ),
    Column(key="loss", title="loss", width=6, right=True, sort="loss", cell=lambda f: Cell(formats.loss(f.loss))),
    Column(
        key="backbone", title="backbone", width=14, spare=6, sort="backbone",
        cell=lambda f: Cell(short_backbone(f.record.backbone)),
    ),
    Column(
        key="method", title="method", width=10, sort="method", cell=lambda f: _quiet(safe(f.record.method))
    ),
    Column(key="crop", title="crop", width=4, sort="crop", cell=lambda f: _quiet("yes" if f.record.crop else "")),
    Column(key="seed", title="seed", width=4, right=True, sort="seed", cell=lambda f: _quiet(str(f.record.seed))),
    Column(key="age", title="age", width=4, right=True, sort="created", cell=_age),
    Column(key="slot", title="slot", width=5, sort="slot", cell=lambda f: _quiet(safe(f.record.slot))),
)  # fmt: skip
"""In the order of importance, which is the order on screen: what does not fit is left off from the end."""


NARROWEST = 6
"""Cells that a column of words must have to be of use."""


class Placed(NamedTuple):
    """A column and the width that it got."""

    column: Column
    width: int


def layout(width: int, gap: int = 1) -> tuple[Placed, ...]:
    """Return the columns that fit into so many cells, the room left over shared out to those that use it."""
    taken: list[tuple[Column, int]] = []
    used = -gap
    for column in COLUMNS:
        room = min(column.width, width - used - gap)
        if room < column.width and (room < NARROWEST or not column.spare):
            break
        taken.append((column, room))
        used += gap + room
    left = max(width - used, 0)
    placed = []
    wanting = sum(column.spare for column, _ in taken)
    for column, room in taken:
        more = min(column.spare, left * column.spare // wanting) if wanting else 0
        wanting, left = wanting - column.spare, left - more
        placed.append(Placed(column, room + more))
    return tuple(placed)
