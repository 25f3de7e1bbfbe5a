"""Slots and the queue as lines of text, and the places between which a run is moved. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import set_cell_size

from whaletui.records.model import RunRecord, State
from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.columns import STATE_STYLES, SYMBOLS
from whaletui.view.explain import why
from whaletui.view.rows import Cell, RowFacts, state_words
from whaletui.view.runview import RunView
from whaletui.view.schedule import Expected
from whaletui.view.slots import SlotLike

MOST_PROCESSES = 6
"""Processes of one slot that are listed; the others are counted."""


def slot_lines(
    slots: Sequence[SlotLike], active: Sequence[RunRecord], views: Mapping[int, RunView], width: int
) -> list[Cell]:
    """Return the lines of all slots: each with its figures and our run on it, then everybody's processes."""
    lines: list[Cell] = []
    for slot in slots:
        ours = next((run for run in active if run.state is State.RUNNING and run.slot == slot.label), None)
        lines.append(Cell(_cut(_slot_line(slot, ours, views), width), "live" if ours else "" if slot.held else "good"))
        for process in slot.processes[:MOST_PROCESSES]:
            memory = "" if process.memory is None else f"{formats.gibibytes(process.memory)} GiB"
            words = (
                f"      {safe(process.user or '?', 16):<16} {process.pid:>8}  {safe(process.name, 30):<20} {memory:>9}"
            )
            lines.append(Cell(_cut(words, width), "quiet"))
        if len(slot.processes) > MOST_PROCESSES:
            lines.append(Cell(f"      and {len(slot.processes) - MOST_PROCESSES} more processes", "quiet"))
    return lines


def _slot_line(slot: SlotLike, ours: RunRecord | None, views: Mapping[int, RunView]) -> str:
    use = "" if slot.utilisation is None else f"{formats.bar(slot.utilisation / 100, 5)} {slot.utilisation:>3.0f}%"
    memory = ""
    if slot.memory_total:
        memory = f"{formats.gibibytes(slot.memory_used)}/{formats.gibibytes(slot.memory_total)} GiB"
    heat = "" if slot.temperature is None else f"{slot.temperature:.0f} °C"
    power = "" if slot.power_watts is None else f"{slot.power_watts:.0f} W"
    if ours is not None:
        facts = RowFacts(record=ours, view=views.get(ours.id), now=0.0)
        told = f"run {ours.id} {safe(ours.name, 30)}: {safe(state_words(facts), 60)}"
    else:
        told = safe(slot.held, 80) or "free"
    return f" {safe(slot.label, 8):<6} {use:<10} {memory:>12} {heat:>6} {power:>6}   {told}   {safe(slot.name, 40)}"


def queue_line(run: RunRecord | None, view: RunView | None, when: Expected, width: int) -> Cell:
    """Return a line of the queue; without a run, the titles."""
    name_cells = max(min(width // 5, 32), 12)
    if run is None:
        return Cell(_cut(f"  {'id':>5}  {'name':<{name_cells}}  {'starts':>8}  {'ends':>8}  state", width), "quiet")
    if run.state is State.RUNNING:
        told, start = safe(state_words(RowFacts(record=run, view=view, now=0.0))), "running"
    elif run.held:
        told, start = "held back: h lets it go", ""
    else:
        told, start = why(run), _in(when.start)
    words = (
        f"{SYMBOLS[run.state]} {run.id:>5}  {_cut(safe(run.name), name_cells)}  {start:>8}  {_in(when.end):>8}  {told}"
    )
    return Cell(_cut(words, width), STATE_STYLES[run.state] if run.state is State.RUNNING else "")


def _in(seconds: float | None) -> str:
    """Return "now", "in 7m", or "?" of a time that cannot be told."""
    if seconds is None:
        return "?"
    return f"in {formats.span(seconds)}" if seconds >= 1 else "now"


def _cut(text: str, width: int) -> str:
    return set_cell_size(text, max(width, 0))


def between(positions: Sequence[float], place: int, by: int) -> float | None:
    """Return the position that moves an entry of a queue by so many places, None where it is there already.

    Args:
        positions: of all entries, in their order.
        place: which of them moves.
        by: -1 one earlier, 1 one later; beyond the ends means the end.
    """
    wanted = min(max(place + by, 0), len(positions) - 1)
    if wanted == place:
        return None
    others = [*positions[:place], *positions[place + 1 :]]
    if wanted == 0:
        return others[0] - 1.0
    if wanted == len(others):
        return others[-1] + 1.0
    return (others[wanted - 1] + others[wanted]) / 2
