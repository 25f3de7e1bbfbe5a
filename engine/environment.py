"""What a run ran on, down to the commit: so that a figure can be had again, or its difference explained."""

from __future__ import annotations

import hashlib
import platform
import re
import resource
import socket
from importlib import metadata
from pathlib import Path

import torch

from engine.contract.summary import Environment
from engine.models.device import Device

HERE = Path(__file__).resolve().parent
PACKAGES = (
    "torch", "torchvision", "timm", "pretrainedmodels", "albumentations", "opencv-python-headless", "pillow",
    "numpy", "safetensors", "msgspec",
)  # fmt: skip
DRIVER = Path("/proc/driver/nvidia/version")


def describe_environment(device: Device) -> Environment:
    """Return the environment of this process; reads files only and starts nothing."""
    packages = {name: version for name in PACKAGES if (version := _version(name))}
    return Environment(
        python=platform.python_version(), torch=str(torch.__version__), timm=packages.get("timm", ""),
        device=device.name, precision=device.precision_name, host=socket.gethostname(),
        commit=git_commit(HERE.parent), source_digest=source_digest(HERE),
        driver=_driver() if device.is_cuda else "", cuda=(torch.version.cuda or "") if device.is_cuda else "",
        packages=packages,
    )  # fmt: skip


def git_commit(checkout: Path) -> str:
    """Return the commit that a checkout stands at (hex), or "" where the folder is none."""
    git = checkout / ".git"
    if git.is_file():  # a worktree: the file names its own folder, which names the common one
        git = (checkout / git.read_text().removeprefix("gitdir:").strip()).resolve()
    if not (git / "HEAD").is_file():
        return ""
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    common = git / "commondir"
    shared = (git / common.read_text().strip()).resolve() if common.is_file() else git
    if (shared / name).is_file():
        return (shared / name).read_text().strip()
    packed = shared / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), "")


def source_digest(package: Path) -> str:
    """Return the SHA-256 of all Python files under a folder, names and contents."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def peak_memory_bytes() -> int:
    """Return the most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def peak_gpu_bytes(device: Device) -> int:
    """Return the most GPU memory that tensors ever held; 0 on the CPU."""
    return torch.cuda.max_memory_allocated() if device.is_cuda else 0


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _driver() -> str:
    try:
        found = re.search(r"\b\d{3}\.\d+(\.\d+)?\b", DRIVER.read_text())
    except OSError:
        return ""
    return found.group() if found else ""
