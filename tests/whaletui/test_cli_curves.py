"""`whaletui curves`: what is drawn, what JSON holds, and what is refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from whaletui.__main__ import main


def curves(folder: Path, *words: str) -> int:
    return main(["-w", str(folder), "curves", *words])


def test_any_metric_is_drawn_along_any_axis(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert curves(lab, "7", "12", "--metric", "valid_loss", "--x", "step", "--log", "--smooth", "0.9") == 0
    text = capsys.readouterr().out
    assert text.startswith("validation loss, by step")
    assert "step 280" in text
    assert "12 best s3  1.482" in text


def test_json_holds_every_point_with_its_step(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert curves(lab, "12", "--json") == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert run["train_loss"]["step"] == list(range(1, 141))
    assert len(run["map5"]["value"]) == len(run["map5"]["time"]) == 14


@pytest.mark.parametrize(
    ("words", "told"), [(("--metric", "lose"), "no run tells of 'lose'"), (("--smooth", "1"), "from 0 to below 1")]
)
def test_what_cannot_be_drawn_is_refused(
    lab: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert curves(lab, "12", *words) == 1
    assert told in capsys.readouterr().err
