"""Starts processes that outlive the terminal, with an environment by allow-list. Standard library only."""

from __future__ import annotations

import fnmatch
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ALLOWED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "XDG_*",
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHON*", "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_*", "GLIBC_TUNABLES",
    "CUDA_*", "NVIDIA_*", "NCCL_*", "TORCH*", "PYTORCH_*", "OMP_*", "MKL_*", "OPENBLAS_*", "KMP_*",
    "HF_*", "HUGGINGFACE_*", "SSL_*", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "WHALETUI_*", "PG*",
)  # fmt: skip
"""What a keeper, a supervisor and an engine get to see of the environment; everything else stays behind."""

SECRET = ("TOKEN", "KEY", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")
"""Parts of names that are passed on under no circumstances: a run needs no right to upload or to pay."""

OF_THE_RECORDS = ("WHALETUI_DATABASE_URL", "PG*")
"""How the records are reached, for keepers and supervisors: an engine knows no database."""

START_VARIABLE = "WHALETUI_START"


def environment(seen: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what may be passed on of an environment; nothing that is in the current folder becomes importable."""
    passed = {
        name: value
        for name, value in seen.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in ALLOWED)
        and not any(part in name.upper() for part in SECRET)
        and name != START_VARIABLE
    }
    return {**passed, "PYTHONSAFEPATH": "1"}


def without_records(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what tells where the records are and how they are reached."""
    return {
        name: value
        for name, value in variables.items()
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in OF_THE_RECORDS)
    }


def spawn(
    arguments: list[str],
    folder: Path,
    log: Path,
    variables: Mapping[str, str] | None = None,
    keep_open: tuple[int, ...] = (),
) -> subprocess.Popen[bytes]:
    """Start a Python module in a session of its own, with its output appended to a log; raises `OSError`."""
    with open(
        os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "ab"
    ) as output:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=folder,
            env={**environment(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=keep_open,
            start_new_session=True,
            umask=0o077,
        )


def spawn_keeper(workspace: Path) -> subprocess.Popen[bytes]:
    """Start a keeper for a workspace; one that finds another at work leaves at once."""
    return spawn(["whaletui.jobs.keeper", str(workspace)], workspace, workspace / "keeper.log")
