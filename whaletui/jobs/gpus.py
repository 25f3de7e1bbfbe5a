"""Slots: what runs are placed on. GPUs by NVML, each with everybody's processes; the CPU beside or instead of them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import msgspec

from engine.contract.errors import WhaleError

GPUS_VARIABLE = "WHALETUI_GPUS"
"""Environment variable: a JSON file with a list of slots that stands for the machine's GPUs, for tests."""

CPU_SLOTS_VARIABLE = "WHALETUI_CPU_SLOTS"
"""Environment variable: how many runs may use the CPU at once, sharing its cores; 0 for none.

Unless told otherwise 1 beside a GPU, else 2: two runs on half of the threads each wait less for one another than
the threads of one run do, and a person sees two curves grow.
"""

SMALL_BYTES = 64 << 20
"""A process that holds less than this on a GPU serves others (monitors, servers) and does not count."""

FOREIGN_BYTES = 1 << 30
"""A GPU on which so much is used by nobody that can be seen, as in a container, is taken."""


class GpuProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A process on a GPU, anybody's. `memory` is in bytes, None where the driver does not tell."""

    pid: int
    user: str
    name: str
    memory: int | None = None


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A place for one run. Memory in bytes, utilisation in percent, temperature in degrees Celsius.

    `id` is the GPU's UUID, or "cpu-0"; `label` is short: "GPU0", "CPU0".
    """

    id: str
    label: str
    name: str
    memory_total: int = 0
    memory_used: int = 0
    utilisation: float | None = None
    temperature: float | None = None
    power_watts: float | None = None
    processes: tuple[GpuProcess, ...] = ()

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return not self.id.startswith("cpu-")

    @property
    def held(self) -> str:
        """Who holds it, in words: "held by alice, pid 812, 38 GiB"; empty where it is free."""
        for process in self.processes:
            if process.memory is None or process.memory >= SMALL_BYTES:
                used = self.memory_used if process.memory is None else process.memory
                return f"held by {process.user or 'somebody'}, pid {process.pid}, {gibibytes(used)}"
        if self.is_gpu and self.memory_used >= FOREIGN_BYTES:
            return f"held by somebody who cannot be seen from here, {gibibytes(self.memory_used)}"
        return ""


def probe() -> tuple[Slot, ...]:
    """Return the slots of this machine: GPUs in PCI order, as far as CUDA_VISIBLE_DEVICES lets them be seen, then CPUs.

    Raises:
        WhaleError: the file named by WHALETUI_GPUS, or the number in WHALETUI_CPU_SLOTS, cannot be read.
    """
    fake = os.environ.get(GPUS_VARIABLE)
    gpus = _from_file(Path(fake)) if fake else _from_nvml()[0]
    visible = _visible(gpus)
    return (*visible, *_cpus(1 if visible else 2))


def explain_no_gpu() -> str:
    """Return why there is no GPU, empty where there is one."""
    fake = os.environ.get(GPUS_VARIABLE)
    if fake:
        return "" if _from_file(Path(fake)) else f"{fake} lists none"
    slots, why = _from_nvml()
    if slots and not _visible(slots):
        return f"CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']} hides all {len(slots)}"
    return why


def gibibytes(count: int) -> str:
    """Return a number of bytes as "38 GiB", or in MiB below one."""
    return f"{count / (1 << 30):.0f} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"


def user_of(pid: int) -> str:
    """Return who owns a process, empty where it cannot be seen."""
    try:
        number = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return ""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def name_of(pid: int) -> str:
    """Return a process's short name, empty where it cannot be seen."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def _from_file(path: Path) -> tuple[Slot, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Slot, ...])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WhaleError(f"{GPUS_VARIABLE} names {path}, which cannot be read: {error}", "a JSON list of slots") from (
            error
        )


def _visible(gpus: tuple[Slot, ...]) -> tuple[Slot, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES names, by number or start of UUID; all where it is unset."""
    wish = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wish is None:
        return gpus
    words = [word.strip() for word in wish.split(",") if word.strip()]
    return tuple(
        gpu
        for number, gpu in enumerate(gpus)
        if any(word == str(number) or (not word.isdecimal() and gpu.id.startswith(word)) for word in words)
    )


def _cpus(usual: int) -> tuple[Slot, ...]:
    cores = len(os.sched_getaffinity(0))
    wish = os.environ.get(CPU_SLOTS_VARIABLE, str(min(usual, cores)))
    if not wish.isdecimal():
        raise WhaleError(f"{CPU_SLOTS_VARIABLE} is {wish!r}", "it takes a number, as in 1")
    total, available = _host_memory()
    threads = max(1, cores // max(1, int(wish)))
    name = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    return tuple(
        Slot(id=f"cpu-{number}", label=f"CPU{number}", name=name, memory_total=total, memory_used=total - available)
        for number in range(int(wish))
    )


def _host_memory() -> tuple[int, int]:
    """Return the machine's memory and how much of it is available, in bytes; zeros where it is not told."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0, 0
    told = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return told.get("MemTotal", 0), told.get("MemAvailable", 0)


def _from_nvml() -> tuple[tuple[Slot, ...], str]:
    """Return the GPUs that the driver knows, and why there is none."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return (), f"NVIDIA's driver does not answer: {error}"
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(pynvml.nvmlDeviceGetCount())]
        slots = tuple(
            _slot(pynvml, part, f"GPU{number}" if whole else f"GPU{number}.{place}")
            for number, handle in enumerate(handles)
            for place, (part, whole) in enumerate(_parts(pynvml, handle))
        )
    except pynvml.NVMLError as error:
        return (), f"NVIDIA's driver does not tell of its GPUs: {error}"
    finally:
        pynvml.nvmlShutdown()
    return slots, "" if slots else "NVIDIA's driver knows none"


def _parts(nvml: Any, handle: Any) -> list[tuple[Any, bool]]:
    """Return a GPU itself, or where it is divided (MIG) its parts; with whether it is the whole."""
    mode = _told(nvml, nvml.nvmlDeviceGetMigMode, handle)
    if mode is None or mode[0] != nvml.NVML_DEVICE_MIG_ENABLE:
        return [(handle, True)]
    count = _told(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0
    parts = [_told(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, place) for place in range(count)]
    return [(part, False) for part in parts if part is not None]


def _slot(nvml: Any, handle: Any, label: str) -> Slot:
    get = nvml.nvmlDeviceGetMemoryInfo  # its second version leaves out what the driver keeps for itself
    memory = _told(nvml, get, handle, nvml.nvmlMemory_v2) or get(handle)
    use = _told(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
    milliwatts = _told(nvml, nvml.nvmlDeviceGetPowerUsage, handle)
    temperature = _told(nvml, nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
    running = _told(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, handle) or []
    return Slot(
        id=_text(nvml.nvmlDeviceGetUUID(handle)), label=label, name=_text(nvml.nvmlDeviceGetName(handle)),
        memory_total=int(memory.total), memory_used=int(memory.used),
        utilisation=None if use is None else float(use.gpu),
        temperature=None if temperature is None else float(temperature),
        power_watts=None if milliwatts is None else milliwatts / 1000,
        processes=tuple(
            GpuProcess(pid=each.pid, user=user_of(each.pid), name=name_of(each.pid), memory=each.usedGpuMemory)
            for each in running
        ),
    )  # fmt: skip


def _told(nvml: Any, ask: Any, *arguments: Any) -> Any:
    """Return an answer of the driver, None where this GPU does not give it."""
    try:
        return ask(*arguments)
    except nvml.NVMLError:
        return None


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
