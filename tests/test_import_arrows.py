"""The arrows between the rooms, looked at in a real process: what an import really loads."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "timm", "albumentations", "ultralytics", "sklearn", "pandas", "cv2", "scipy")


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh Python has after a statement."""
    program = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "never"),
    [
        ("import whaletui.app", (*HEAVY, "numpy", "sqlalchemy", "alembic", "PIL")),
        (
            "import whaletui.cli.listing, whaletui.cli.parser",
            (*HEAVY, "numpy", "sqlalchemy", "alembic", "textual", "rich"),
        ),
        ("import whaletui.cli.answers, whaletui.launch", (*HEAVY, "alembic", "textual")),
        ("import engine.contract.spec, engine.contract.events, engine.contract.rundir", (*HEAVY, "numpy", "textual")),
        ("import engine.contract.predictions, engine.contract.dataset", (*HEAVY, "textual", "sqlalchemy")),
        ("import engine.run", ("textual", "sqlalchemy", "whaletui", "ultralytics")),
        ("import whaletui.jobs.supervise", (*HEAVY, "numpy", "msgspec", "sqlalchemy", "textual")),
    ],
)
def test_what_is_never_loaded(statement, never):
    assert not loaded_by(statement) & set(never)
