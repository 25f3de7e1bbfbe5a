"""Checkpoints cut short, flipped, left half-way or loaded with code: the newest sound one is found, nothing is run."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_training_checkpoint import network, position

from engine.contract.errors import WhaleError
from engine.models.weights import read_state
from engine.training.checkpoint import read_checkpoint, save_checkpoint, sound_checkpoint


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Return an older and a newer checkpoint."""
    folder = tmp_path / "checkpoint"
    return save_checkpoint(folder, position(1), network(1.0), None), save_checkpoint(
        folder, position(2), network(2.0), None
    )


def test_a_checkpoint_cut_at_any_length_is_passed_over(two: tuple[Path, Path]) -> None:
    older, newer = two
    for name in ("model.safetensors", "state.json", "MANIFEST.json"):
        whole = (newer / name).read_bytes()
        for cut in range(0, len(whole), max(1, len(whole) // 25)):
            (newer / name).write_bytes(whole[:cut])
            assert sound_checkpoint(newer.parent)[0] == older, f"{name} cut at {cut}"
        (newer / name).write_bytes(whole)
    assert sound_checkpoint(newer.parent) == (newer, [])


def test_a_flipped_bit_anywhere_is_found(two: tuple[Path, Path]) -> None:
    older, newer = two
    for name in ("model.safetensors", "state.json"):
        whole = (newer / name).read_bytes()
        for place in range(0, len(whole), max(1, len(whole) // 100)):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << (place % 8)
            (newer / name).write_bytes(flipped)
            found, complaints = sound_checkpoint(newer.parent)
            assert found == older
            assert name in complaints[0]
        (newer / name).write_bytes(whole)


def test_a_folder_without_a_checkpoint_in_it_is_passed_over(two: tuple[Path, Path]) -> None:
    (two[1].parent / "step-00000009").mkdir()
    (two[1].parent / "step-00000010").write_text("a file")
    (two[1].parent / "LATEST").write_text("step-99999999")
    found, complaints = sound_checkpoint(two[1].parent)
    assert found == two[1]
    assert len(complaints) == 2


STEPS = ("write_json", "_write", "verify", "sync_folder", "_forget", "_entry")


@pytest.mark.parametrize("stage", STEPS)
@pytest.mark.parametrize("call", [1, 2])
def test_killed_at_any_stage_of_saving_there_is_a_sound_checkpoint(tmp_path: Path, stage: str, call: int) -> None:
    folder = tmp_path / "checkpoint"
    old = save_checkpoint(folder, position(1), network(1.0), None)
    child = os.fork()
    if child == 0:
        from engine.training import checkpoint

        real, calls = getattr(checkpoint, stage), [0]

        def struck(*arguments: object, **named: object) -> object:
            calls[0] += 1
            if calls[0] == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        setattr(checkpoint, stage, struck)
        save_checkpoint(folder, position(2), network(2.0), None)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    found, complaints = sound_checkpoint(folder)
    assert complaints == []
    assert found is not None
    assert found == old or found.name == "step-00000002"
    if os.WIFSIGNALED(status) and stage in ("write_json", "_write", "verify"):
        assert found == old
    third = save_checkpoint(folder, position(3), network(3.0), None)  # what was left half-way is swept away
    assert (read_checkpoint(third, average=False)[1]["0.weight"] == 3.0).all()
    assert not list(folder.glob(".*"))


class Payload:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_weights_that_hold_code_are_refused_and_nothing_is_run(tmp_path: Path, name: str) -> None:
    pwned = tmp_path / "pwned"
    (tmp_path / name).write_bytes(pickle.dumps(Payload(pwned)))
    with pytest.raises(WhaleError):
        read_state(tmp_path / name)
    assert not pwned.exists()


def test_no_module_of_ours_unpickles_anything() -> None:
    root = Path(__file__).resolve().parents[2]
    words = (r"pickle\.load", "weights_only=False", "allow_pickle=True", "shell=True", r"(?<![\w.])(eval|exec)\(")
    offenders = [
        f"{path.name}: {word}"
        for folder in ("engine", "whaletui")
        for path in (root / folder).rglob("*.py")
        for word in words
        if re.search(word, path.read_text())
    ]
    assert offenders == []
    assert subprocess.run([sys.executable, "-c", "pass"]).returncode == 0
