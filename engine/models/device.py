"""Where the arithmetic happens, and in which precision."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import MethodType

import torch
from torch import Tensor, nn

from engine.contract.errors import DeviceError
from engine.contract.spec import TrainingSpec

CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Device:
    """A GPU or the CPU, with the type that convolutions and matrix products are computed in.

    Weights stay float32 whatever `precision` is: autocast computes in the lower one.
    """

    device: torch.device
    precision: torch.dtype
    name: str  # "NVIDIA H200" or "CPU, 2 threads"

    @property
    def is_cuda(self) -> bool:
        """Whether it is a GPU."""
        return self.device.type == "cuda"

    @property
    def precision_name(self) -> str:
        """ "float32", "bfloat16" or "float16"."""
        return str(self.precision).removeprefix("torch.")

    @property
    def scales_loss(self) -> bool:
        """Whether gradients would underflow without scaling: float16 has five bits of exponent, bfloat16 eight."""
        return self.precision == torch.float16

    def autocast(self) -> torch.autocast:
        """Return the context in which a network is called."""
        return torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32)

    def place(self, network: nn.Module) -> None:
        """Move a network there, laid out and prepared for speed. In place."""
        network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if not self.is_cuda and self.precision == torch.bfloat16:
            keep_depthwise_in_float32(network)

    def images(self, batch: Tensor) -> Tensor:
        """Move photos (B, 3, height, width) there; does not wait for the copy where they are pinned."""
        return batch.to(self.device, memory_format=torch.channels_last, non_blocking=True)

    def targets(self, batch: Tensor) -> Tensor:
        """Move class numbers (B,) there."""
        return batch.to(self.device, non_blocking=True)


def choose_device(spec: TrainingSpec) -> Device:
    """Return the device a spec asks for; "auto" is the GPU where there is one.

    Raises:
        DeviceError: a GPU is asked for but none can be used, or a precision the device has no use for.
    """
    available = torch.cuda.is_available()
    if spec.device == "cuda" and not available:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        seen = f" (CUDA_VISIBLE_DEVICES={hidden!r})" if hidden is not None else ""
        raise DeviceError(
            f"training.device is cuda, but torch finds no GPU{seen}",
            "set training.device=auto to run on the CPU, or see whaletui doctor",
        )
    if spec.device == "cpu" or not available:
        return _cpu(spec)
    return _gpu(spec)


def _gpu(spec: TrainingSpec) -> Device:
    torch.backends.cudnn.benchmark = True  # batches have one shape: the search for the best kernel pays at once
    torch.set_float32_matmul_precision("high")  # TF32 for what autocast leaves in float32
    auto = torch.bfloat16 if torch.cuda.get_device_capability()[0] >= 8 else torch.float16
    precision = auto if spec.precision == "auto" else getattr(torch, spec.precision)
    return Device(torch.device("cuda"), precision, torch.cuda.get_device_name())


def _cpu(spec: TrainingSpec) -> Device:
    if spec.precision == "float16":
        raise DeviceError(
            "training.precision is float16, but the run is on the CPU, which gains nothing by it",
            "set training.precision=auto",
        )
    auto = torch.bfloat16 if cpu_has_bfloat16() else torch.float32
    precision = auto if spec.precision == "auto" else getattr(torch, spec.precision)
    threads = torch.get_num_threads()
    return Device(torch.device("cpu"), precision, f"CPU, {threads} thread{'s' if threads > 1 else ''}")


def cpu_has_bfloat16(cpuinfo: Path = CPUINFO) -> bool:
    """Tell whether the CPU multiplies bfloat16 in hardware; without, it would be slower than float32."""
    try:
        flags = cpuinfo.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def keep_depthwise_in_float32(network: nn.Module) -> None:
    """Keep convolutions of one channel a group out of autocast, in place.

    Their backward pass in bfloat16 has no fast kernel on a CPU: with EfficientNet-Lite0 at 128 pixels
    mixed precision is slower than float32 with them (30 to 40 photos/s) and faster without (48).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            module.forward = MethodType(_forward_in_float32, module)  # type: ignore[method-assign]


def _forward_in_float32(module: nn.Conv2d, images: Tensor) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        return type(module).forward(module, images.float())
