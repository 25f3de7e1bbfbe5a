"""What all tests share: a PostgreSQL, where there is one, started at the first test that asks for it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

if str(Path(__file__).parent) not in sys.path:
    sys.path.append(str(Path(__file__).parent))

from postgres_kit import MissingServer, Server, run_server

ROOM_BYTES = 2 << 30


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Return a running PostgreSQL; skips where none can be run."""
    memory = Path("/dev/shm")  # a database a test: thousands of files that nobody needs on a disk
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES
    place = str(memory) if roomy else None  # pytest's own folder is root's alone
    with tempfile.TemporaryDirectory(prefix="whaletui-postgres-", dir=place) as folder:
        try:
            running = run_server(Path(folder))
            server = next(running)
        except MissingServer as error:
            pytest.skip(f"no PostgreSQL here: {error}")
        yield server
        running.close()
