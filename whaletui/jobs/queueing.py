"""The order of the queue, changed by a person: hold a run back, let it go, move it up, run it next."""

from __future__ import annotations

from collections.abc import Callable

from whaletui.records.model import HELD, RunRecord
from whaletui.records.records import Records, RecordsError

Places = list[tuple[int, float]]
"""(run id, position) of the queued runs, first to start first; held ones last."""

_Change = Callable[[Places, float], dict[int, float]]


def hold(records: Records, run: RunRecord) -> str:
    """Keep a queued run from being started until it is let go."""
    return _arrange(records, run, lambda places, at: {} if at >= HELD else {run.id: at + HELD}, "is held back")


def release(records: Records, run: RunRecord) -> str:
    """Let a held run go: it has the place again that it had."""
    return _arrange(records, run, lambda places, at: {run.id: at - HELD} if at >= HELD else {}, "waits for its turn")


def move_up(records: Records, run: RunRecord) -> str:
    """Let a queued run start before the one that is before it now."""

    def swap(places: Places, at: float) -> dict[int, float]:
        ids = [number for number, _ in places]
        before = ids.index(run.id) - 1
        if before < 0 or at >= HELD:
            return {}
        other, position = places[before]
        # of equal places the lower id is first: then half a place more settles it
        return {run.id: position, other: at} if position < at else {run.id: position - 0.5}

    return _arrange(records, run, swap, "moved up")


def run_next(records: Records, run: RunRecord) -> str:
    """Let a queued run start before all others, held back or not."""

    def first(places: Places, at: float) -> dict[int, float]:
        lowest = min(position for _, position in places)
        return {} if places[0][0] == run.id and at < HELD else {run.id: min(lowest, HELD / 2) - 1.0}

    return _arrange(records, run, first, "is next")


def _arrange(records: Records, run: RunRecord, change: _Change, words: str) -> str:
    def arranged(places: Places) -> dict[int, float]:
        place = dict(places).get(run.id)
        if place is None:
            raise RecordsError(f"run {run.id} does not wait in the queue", "only a queued run has a place there")
        return change(places, place)

    records.arrange(arranged)
    return f"{run.name} {words}"
