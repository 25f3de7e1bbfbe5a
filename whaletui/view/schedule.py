"""When queued runs are likely to start and end: the queue dealt out to slots in thought. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

import msgspec

from whaletui.records.model import RunRecord, State


class Expected(msgspec.Struct, frozen=True):
    """Seconds from now until a run starts (0: it runs) and ends; None where it cannot be told."""

    start: float | None
    end: float | None


def expected(active: Sequence[RunRecord], left: Mapping[int, float | None], free: int) -> dict[int, Expected]:
    """Return when each active run is likely to start and end.

    A slot that is free now is taken at once; a run of which nothing is known keeps its slot for ever, in thought, and
    what would wait for that slot alone has no time.

    Args:
        active: running and queued runs, in the order of the queue.
        left: seconds that a running run still needs, or that a queued one will take, by id; None: not known.
        free: slots that nobody holds.
    """
    found: dict[int, Expected] = {}
    slots: list[float] = [0.0] * max(free, 0)
    for run in active:
        if run.state is State.RUNNING:
            seconds = left.get(run.id)
            found[run.id] = Expected(0.0, seconds)
            slots += [] if seconds is None else [seconds]
    heapq.heapify(slots)
    for run in active:
        if run.state is not State.QUEUED:
            continue
        start = heapq.heappop(slots) if slots else None
        takes = left.get(run.id)
        end = None if start is None or takes is None else start + takes
        found[run.id] = Expected(start, end)
        if end is not None:
            heapq.heappush(slots, end)
    return found
