"""How much memory a process may still take."""

from __future__ import annotations

from pathlib import Path

MACHINE = Path("/proc/meminfo")
CONTAINER = Path("/sys/fs/cgroup")


def available_bytes(machine: Path = MACHINE, container: Path = CONTAINER) -> int:
    """Return the bytes that can be had without swapping: the machine's, or the container's where it has a limit."""
    free = _machine_bytes(machine)
    try:
        limit = int((container / "memory.max").read_text())
        used = int((container / "memory.current").read_text())
    except (OSError, ValueError):  # no cgroup v2, or "max": no limit of its own
        return free
    return max(0, min(free, limit - used))


def _machine_bytes(machine: Path) -> int:
    for line in machine.read_text().splitlines():
        name, _, amount = line.partition(":")
        if name == "MemAvailable":
            return int(amount.split()[0]) * 1024
    return 0  # unknown: nothing is kept, photos are decoded when they are needed
