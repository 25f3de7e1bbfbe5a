"""A slot in a few words: how busy it is, how full, and how much of that is other people's. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from whaletui.safe import safe
from whaletui.view import formats


class ProcessLike(Protocol):
    """What is shown of a process on a slot; `whaletui.jobs.gpus.GpuProcess` is one."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def user(self) -> str:
        """Whose it is, empty where that cannot be told."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def memory(self) -> int | None:
        """Bytes that it holds."""


class SlotLike(Protocol):
    """What is shown of a slot; `whaletui.jobs.gpus.Slot` is one. None: cannot be told. Bytes and percent."""

    @property
    def label(self) -> str:
        """Its short name: "GPU0"."""

    @property
    def name(self) -> str:
        """What it is."""

    @property
    def memory_total(self) -> int | None:
        """Bytes."""

    @property
    def memory_used(self) -> int | None:
        """Bytes, everybody's."""

    @property
    def utilisation(self) -> float | None:
        """Percent."""

    @property
    def temperature(self) -> float | None:
        """Degrees Celsius."""

    @property
    def power_watts(self) -> float | None:
        """Watts."""

    @property
    def processes(self) -> Sequence[ProcessLike]:
        """Everybody's."""

    @property
    def held(self) -> str:
        """Who holds it, in words; empty where it is free."""


def slot_words(slot: SlotLike) -> str:
    """Return "GPU0 96% 41/139 GiB", or the label alone of a slot that measures nothing."""
    words = [safe(slot.label, 12)]
    if slot.utilisation is not None:
        words.append(f"{formats.bar(slot.utilisation / 100, 4)} {slot.utilisation:.0f}%")
    if slot.memory_total:
        words.append(f"{formats.gibibytes(slot.memory_used)}/{formats.gibibytes(slot.memory_total)} GiB")
    return " ".join(words)
