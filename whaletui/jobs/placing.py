"""Which queued run goes where next, and why the others wait. Pure: slots, runs and leases in, a plan out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from whaletui.jobs.gpus import Slot
from whaletui.records.model import RunRecord


class Plan(msgspec.Struct, frozen=True):
    """Runs to start, each with its slot, and what the others are told."""

    starts: tuple[tuple[RunRecord, Slot], ...]
    reasons: dict[int, str]


def plan(queued: Sequence[RunRecord], slots: Sequence[Slot], leased: Mapping[str, int]) -> Plan:
    """Deal free slots to queued runs, in the order of the queue.

    Args:
        queued: the queue, first to start first.
        slots: of this machine, with who holds them.
        leased: the run that holds each slot, by slot id.
    """
    free = [slot for slot in slots if slot.id not in leased and not slot.held]
    starts: list[tuple[RunRecord, Slot]] = []
    reasons: dict[int, str] = {}
    first_waiting: dict[bool, RunRecord] = {}  # for a GPU, for a CPU
    taken = dict(leased)
    for record in queued:
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
