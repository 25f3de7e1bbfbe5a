"""Checkpoints: whole or not there, the newest one kept, anything tampered with refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.contract.errors import RunFolderError
from engine.training import checkpoint
from engine.training.checkpoint import (
    Position,
    newest_checkpoint,
    read_checkpoint,
    save_checkpoint,
    sound_checkpoint,
)
from engine.training.memory import Memory, generators


def position(step: int = 3) -> Position:
    memory = Memory(
        generators=generators(), average_steps=0, scaler={}, loss=None, photos=0, best_epoch=0, best_map5=-1.0,
        seconds={},
    )  # fmt: skip
    return Position(step=step, epoch=1.5, spec_digest="spec", classes_digest="classes", memory=memory)


def network(value: float = 1.0) -> nn.Module:
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(memory_format=torch.channels_last)
    nn.init.constant_(layers[0].weight, value)
    return layers


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "checkpoint", position(), network(1.0), network(2.0))
    assert newest_checkpoint(tmp_path / "checkpoint") == path
    for average, value in ((False, 1.0), (True, 2.0)):
        found, state = read_checkpoint(path, average=average)
        assert found == position()
        network().load_state_dict(state)
        assert (state["0.weight"] == value).all()
    assert {file.name for file in path.iterdir()} == {
        "model.safetensors", "average.safetensors", "state.json", "MANIFEST.json",
    }  # fmt: skip


def test_the_two_newest_are_kept_and_what_lies_beyond_the_newest_goes(tmp_path: Path) -> None:
    for step, left in ((5, [5]), (40, [5, 40]), (40, [5, 40]), (60, [40, 60]), (50, [40, 50]), (7, [7])):
        path = save_checkpoint(tmp_path, position(step), network(float(step)), None)
        assert sorted(other.name for other in tmp_path.iterdir()) == [f"step-{number:08d}" for number in left]
        assert (read_checkpoint(path, average=False)[1]["0.weight"] == float(step)).all()
    assert [save_checkpoint(tmp_path, position(9), network(), None, kept=1)] == list(tmp_path.iterdir())


def test_the_newest_sound_one_is_found_and_what_is_wrong_with_newer_ones_is_said(tmp_path: Path) -> None:
    older, newer = (save_checkpoint(tmp_path, position(step), network(), None) for step in (1, 2))
    assert sound_checkpoint(tmp_path) == (newer, [])
    (newer / "model.safetensors").write_bytes(b"")
    assert sound_checkpoint(tmp_path) == (older, [f"{newer / 'model.safetensors'} is not the file that was written"])
    (older / "MANIFEST.json").unlink()
    assert sound_checkpoint(tmp_path)[0] is None


def test_a_crash_while_writing_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = save_checkpoint(tmp_path, position(1), network(), None)

    def crash(path: Path, value: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(checkpoint, "write_json", crash)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(tmp_path, position(2), network(), None)
    assert list(tmp_path.iterdir()) == [old]
    assert read_checkpoint(old, average=False)[0].step == 1


@pytest.mark.parametrize("file", ["model.safetensors", "state.json"])
def test_a_file_that_changed_is_refused(tmp_path: Path, file: str) -> None:
    path = save_checkpoint(tmp_path, position(), network(), None)
    content = bytearray((path / file).read_bytes())
    content[-2] ^= 1
    (path / file).write_bytes(content)
    with pytest.raises(RunFolderError, match=f"{file} is not the file that was written"):
        read_checkpoint(path, average=False)


def test_a_missing_manifest_or_file_is_refused(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, position(), network(), None)
    assert set(json.loads((path / "MANIFEST.json").read_text())) == {"model.safetensors", "state.json"}
    (path / "model.safetensors").unlink()
    with pytest.raises(RunFolderError, match="model"):
        read_checkpoint(path, average=False)
    (path / "MANIFEST.json").unlink()
    with pytest.raises(RunFolderError, match="MANIFEST"):
        read_checkpoint(path, average=False)


def test_a_run_never_saved_has_no_checkpoint(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "checkpoint") is None
