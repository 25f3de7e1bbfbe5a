"""The columns of the runs table: what each says of a run, how wide it is, and which are shown. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import msgspec

from whaletui.records.model import State
from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.rows import Cell, RowFacts, family_name, listed, spread_words, state_words
from whaletui.view.spread import HELD, UNTOLD, fields, setting, short_names

__all__ = ["COLUMNS", "Cell", "Column", "Placed", "RowFacts", "layout", "state_words"]

SYMBOLS = {
    State.QUEUED: "·", State.RUNNING: "▶", State.FINISHED: "✓", State.FAILED: "✗", State.CANCELLED: "–",
    State.LOST: "?", State.PUBLISHED: "◆",
}  # fmt: skip
STATE_STYLES = {
    State.QUEUED: "dim", State.RUNNING: "live", State.FINISHED: "good", State.FAILED: "bad", State.CANCELLED: "dim",
    State.LOST: "warn", State.PUBLISHED: "quiet",
}  # fmt: skip
ALWAYS = ("mark", "id", "name", "state", "map5")
"""Columns that are shown though they may be the same in all rows."""


def _quiet(text: str) -> Cell:
    return Cell(text, "quiet")


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column. `sort` is the records' word for it; `spare` says how many cells more it makes good use of."""

    key: str
    title: str
    width: int
    cell: Callable[[RowFacts], Cell]
    sort: str = ""
    spare: int = 0
    right: bool = False
    about: str = ""  # for whom the title is too short


def _mark(facts: RowFacts) -> Cell:
    record = facts.record
    if facts.members:
        sign = "▾" if facts.opened else "▸"
        style = STATE_STYLES[record.state] if len({run.state for run in facts.members}) == 1 else "quiet"
        return Cell(("●" if facts.selected else " ") + " " + sign, style)
    sign = "⚑" if facts.pinned else SYMBOLS[record.state]
    text = ("●" if facts.selected else " ") + ("★" if record.star else " ") + sign
    return Cell(text, STATE_STYLES[record.state])


def _name(facts: RowFacts) -> Cell:
    if facts.members:
        return Cell(family_name(facts.members), "name")
    return Cell(("  " if facts.inside else "") + safe(facts.record.name), "name")


def _state(facts: RowFacts) -> Cell:
    same = not facts.members or len({run.state for run in facts.members}) == 1
    return Cell(safe(state_words(facts)), STATE_STYLES[facts.record.state] if same else "")


def _epoch(facts: RowFacts) -> Cell:
    if facts.record.state is State.PUBLISHED:
        return Cell("")
    if facts.members:
        return _quiet(listed([run.epochs for run in facts.members]))
    return Cell(f"{int(facts.epoch)}/{facts.record.epochs}", "" if facts.record.state.is_active else "quiet")


def _map5(facts: RowFacts) -> Cell:
    return Cell(formats.score(facts.figure("map5")), "strong")


def _interval(facts: RowFacts) -> Cell:
    if facts.members:
        return Cell(spread_words(facts.members), "quiet")
    return _quiet(formats.interval(facts.figure("map5_low"), facts.figure("map5_high")))


def _delta(facts: RowFacts) -> Cell:
    if facts.pinned:
        return _quiet("base")
    base = facts.record.baseline_constant if facts.against is None else facts.against
    text = formats.delta(facts.figure("map5"), base)
    return Cell(text, "warn" if text.startswith("-") else "good")


def _age(facts: RowFacts) -> Cell:
    newest = max(run.created_at for run in facts.runs)
    return _quiet("" if facts.record.state is State.PUBLISHED else formats.age(facts.now - newest))


def _each(facts: RowFacts, name: str) -> Cell:
    return _quiet(listed([getattr(run, name) for run in facts.runs]))


def short_backbone(name: str) -> str:
    """Return a backbone without the library that holds it."""
    return safe(name.rpartition("/")[2] if "/" in name else name)


COLUMNS: tuple[Column, ...] = (
    Column(key="mark", title="", width=3, cell=_mark),
    Column(
        key="id", title="id", width=4, right=True, sort="id",
        cell=lambda f: _quiet("" if f.members else str(f.record.id)),
    ),
    Column(key="name", title="name", width=20, spare=12, sort="name", cell=_name),
    Column(key="state", title="state", width=20, spare=24, sort="state", cell=_state),
    Column(key="map5", title="MAP@5", width=6, right=True, sort="map5", cell=_map5, about="of folded runs the mean"),
    Column(
        key="delta", title="Δ base", width=6, right=True, cell=_delta,
        about="above the pinned run (p), or above guessing new_whale for every photo",
    ),
    Column(
        key="interval", title="95 % interval", width=13, cell=_interval,
        about="of folded runs ± the standard deviation over their seeds and folds (n)",
    ),
    Column(
        key="backbone", title="backbone", width=14, spare=6, sort="backbone",
        cell=lambda f: Cell(short_backbone(f.record.backbone)),
    ),
    Column(key="method", title="method", width=10, sort="method", cell=lambda f: _quiet(safe(f.record.method))),
    Column(key="crop", title="crop", width=4, sort="crop", cell=lambda f: _quiet("yes" if f.record.crop else "")),
    Column(key="seed", title="seed", width=4, spare=3, right=True, sort="seed", cell=lambda f: _each(f, "seed")),
    Column(key="fold", title="fold", width=4, spare=3, right=True, sort="fold", cell=lambda f: _each(f, "fold")),
    Column(key="epoch", title="epoch", width=6, right=True, sort="epoch", cell=_epoch),
    Column(
        key="known", title="known", width=5, right=True, sort="map5_known",
        cell=lambda f: Cell(formats.score(f.figure("map5_known"))), about="MAP@5 on photos of whales in the catalogue",
    ),
    Column(
        key="new", title="new", width=5, right=True, sort="map5_new",
        cell=lambda f: Cell(formats.score(f.figure("map5_new"))), about="MAP@5 on photos of new whales",
    ),
    Column(key="age", title="age", width=4, right=True, sort="created", cell=_age),
    Column(key="loss", title="loss", width=6, right=True, sort="loss", cell=lambda f: Cell(formats.loss(f.loss))),
    Column(
        key="slot", title="slot", width=5, sort="slot", cell=lambda f: _quiet("" if f.members else safe(f.record.slot))
    ),
    Column(
        key="took", title="took", width=7, right=True, sort="seconds",
        cell=lambda f: _quiet(formats.span(None if f.members else f.record.seconds)),
    ),
    Column(
        key="tags", title="tags", width=10, spare=10,
        cell=lambda f: _quiet(" ".join(safe(tag, 30) for tag in dict.fromkeys(t for run in f.runs for t in run.tags))),
    ),
    Column(key="note", title="note", width=12, spare=20, cell=lambda f: _quiet(safe(f.record.note, 120))),
)  # fmt: skip
"""In the order of importance, which is the order on screen: what does not fit is left off from the end."""

SELDOM = ("took", "tags", "note")
"""Columns that are shown only where they were chosen."""

BEFORE_SETTINGS = "age"
"""The column after which settings that differ are listed."""


@cache
def column(key: str) -> Column | None:
    """Return the column of a key: one of `COLUMNS`, or of the setting at a path; None where there is none."""
    for known in COLUMNS:
        if known.key == key:
            return known
    if key not in fields() or key in HELD or key in UNTOLD:
        return None
    return Column(
        key=key, title=short_names()[key], width=max(len(short_names()[key]) + 1, 5), spare=6, sort=key, about=key,
        right=fields()[key].kind in ("integer", "number"),
        cell=lambda facts: Cell(setting(facts.record, key)),  # a family's are the same
    )  # fmt: skip


def default_keys(rows: Sequence[RowFacts], paths: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that are shown unless others were chosen: those that differ among the rows.

    Args:
        rows: what is shown. Of a single row nothing can differ: all that it holds is shown.
        paths: settings that differ among the runs of the rows.
    """
    keys: list[str] = []
    for known in COLUMNS:
        if known.key in ALWAYS or (known.key not in SELDOM and _tells(known, rows)):
            keys.append(known.key)
        if known.key == BEFORE_SETTINGS:
            keys += paths
    return tuple(keys)


def _tells(known: Column, rows: Sequence[RowFacts]) -> bool:
    texts = {known.cell(facts).text for facts in rows}
    return len(texts) > 1 or (len(rows) < 2 and texts != {""})


NARROWEST = 6
"""Cells that a column of words must have to be of use."""


class Placed(NamedTuple):
    """A column and the width that it got."""

    column: Column
    width: int


def layout(width: int, columns: Sequence[Column] = COLUMNS, gap: int = 1) -> tuple[Placed, ...]:
    """Return the columns that fit into so many cells, the room left over shared out to those that use it."""
    taken: list[tuple[Column, int]] = []
    used = -gap
    for one in columns:
        room = min(one.width, width - used - gap)
        if room < one.width and (room < NARROWEST or not one.spare):
            break
        taken.append((one, room))
        used += gap + room
    left = max(width - used, 0)
    placed = []
    wanting = sum(one.spare for one, _ in taken)
    for one, room in taken:
        more = min(one.spare, left * one.spare // wanting) if wanting else 0
        wanting, left = wanting - one.spare, left - more
        placed.append(Placed(one, room + more))
    return tuple(placed)
