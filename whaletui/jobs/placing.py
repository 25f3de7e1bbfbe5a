"""Which queued run goes where next, and why the others wait. Pure: slots, runs, leases and time in, a plan out."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

import msgspec

from whaletui.jobs.gpus import Slot
from whaletui.records.model import RunRecord

RETRY_SECONDS = float(os.environ.get("WHALETUI_RETRY_SECONDS", "30"))
"""How long a run waits that was lost a second time; each time after that twice as long."""


TRIED_AGAIN = "; tried again"


class Plan(msgspec.Struct, frozen=True):
    """Runs to start, each with its slot, and what the others are told."""

    starts: tuple[tuple[RunRecord, Slot], ...]
    reasons: dict[int, str]


def plan(queued: Sequence[RunRecord], slots: Sequence[Slot], leased: Mapping[str, int], now: float = 0.0) -> Plan:
    """Deal free slots to queued runs, in the order of the queue.

    Args:
        queued: the queue, first to start first.
        slots: of this machine, with who holds them.
        leased: the run that holds each slot, by slot id.
        now: seconds since 1970; a run that was lost more than once is given time.
    """
    free = [slot for slot in slots if slot.id not in leased and not slot.held]
    starts: list[tuple[RunRecord, Slot]] = []
    reasons: dict[int, str] = {}
    first_waiting: dict[bool, RunRecord] = {}  # for a GPU, for a CPU
    taken = dict(leased)
    for record in queued:
        if why := _not_yet(record, now):
            reasons[record.id] = why
            continue
        on_gpu = wants_gpu(record, slots)
        if on_gpu in first_waiting:
            reasons[record.id] = f"behind run {first_waiting[on_gpu].id}"
            continue
        fitting = next((slot for slot in free if slot.is_gpu == on_gpu), None)
        if fitting is None:
            first_waiting[on_gpu] = record
            reasons[record.id] = _why([slot for slot in slots if slot.is_gpu == on_gpu], taken, on_gpu)
            continue
        free.remove(fitting)
        taken[fitting.id] = record.id
        starts.append((record, fitting))
    return Plan(tuple(starts), reasons)


def _not_yet(record: RunRecord, now: float) -> str:
    """Return why a run is passed over whatever is free: it is held, or was lost and is given time."""
    if record.held:
        return f"held back: whaletui queue release {record.id} lets it go"
    if record.ended_at is None or record.attempt < 2:
        return ""  # never lost, or once: it goes on at once
    due = record.ended_at + RETRY_SECONDS * 2 ** (record.attempt - 2)
    if not record.ended_at <= now < due:
        return ""
    clock = time.strftime("%H:%M:%S", time.localtime(due))
    return f"{record.reason.partition(TRIED_AGAIN)[0]}{TRIED_AGAIN} at {clock}"


def wants_gpu(record: RunRecord, slots: Sequence[Slot]) -> bool:
    """Say which kind of slot a run takes: a GPU where there is one, unless its spec says CPU.

    A run that insists on a GPU gets the CPU's slot where there is none: its engine says at once what is wrong.
    """
    return record.spec.training.device != "cpu" and any(slot.is_gpu for slot in slots)


def _why(slots: Sequence[Slot], taken: Mapping[str, int], on_gpu: bool) -> str:
    kind = "GPU" if on_gpu else "CPU"
    if not slots:
        return f"this machine has no {kind} slot"
    ours = [f"run {taken[slot.id]} on {slot.label}" for slot in slots if slot.id in taken]
    theirs = [f"{slot.label} {slot.held}" for slot in slots if slot.id not in taken and slot.held]
    told = [*theirs, *ours]
    more = [f"and {len(told) - 3} more"] if len(told) > 3 else []
    if theirs and not ours:
        return "; ".join([*told[:3], *more])
    return f"no {kind} slot free: " + "; ".join([*told[:3], *more])
