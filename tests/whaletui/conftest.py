"""Fixtures of the app's tests: recorded workspaces, slots that do not change, snapshots that can be renewed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from app_kit import Snapshot, fake_slots, fill


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to keep screens as they are now."""
    parser.addoption("--snapshot-update", action="store_true", help="keep the screens as they look now")


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Snapshot:
    """Compare a screen with the one kept."""
    update = bool(request.config.getoption("--snapshot-update", default=False))
    return Snapshot(Path(__file__).with_name("snapshots"), update)


@pytest.fixture(scope="session")
def filled_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with a run in every state, made once; copy it before changing it."""
    folder = tmp_path_factory.mktemp("filled") / "lab"
    fill(folder)
    return folder


@pytest.fixture
def still_lab(filled_lab: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the filled workspace itself, for tests that only look, with slots that stand still."""
    (filled_lab / "view.json").unlink(missing_ok=True)  # how another test looked at it
    monkeypatch.setenv("WHALETUI_GPUS", str(fake_slots(filled_lab.parent)))
    monkeypatch.setenv("WHALETUI_CPU_SLOTS", "0")
    monkeypatch.setenv("WHALETUI_PICTURES", "blocks")  # whatever terminal the tests are started from
    monkeypatch.chdir(filled_lab)  # the recorded runs name their data folder "whales", relative to it
    return filled_lab


@pytest.fixture
def lab(still_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the filled workspace of one's own, to be changed."""
    copy = Path(shutil.copytree(still_lab, tmp_path / "lab"))
    monkeypatch.chdir(copy)
    return copy
