"""What all tests share: a PostgreSQL, where there is one, started at the first test that asks for it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

if str(Path(__file__).parent) not in sys.path:
    sys.path.append(str(Path(__file__).parent))

from postgres_kit import MissingServer, Server, run_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Return a running PostgreSQL; skips where none can be run."""
    with tempfile.TemporaryDirectory(prefix="whaletui-postgres-") as folder:  # pytest's own is root's alone
        try:
            running = run_server(Path(folder))
            server = next(running)
        except MissingServer as error:
            pytest.skip(f"no PostgreSQL here: {error}")
        yield server
        running.close()
