"""Photos as a spec would augment them: what training really does, undone to pixels, and what cannot be drawn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_photos import drawn
from PIL import Image

from engine.contract.augment import LATER
from engine.contract.errors import DataError, DiskError, SpecError
from engine.contract.spec import RunSpec
from engine.data.augment import IMAGENET_MEAN, IMAGENET_STD, NAMES, TrainingTransform
from engine.preview import previewer
from engine.preview.previewer import DRAWS, Previewer, clear, sheet

PHOTOS = ("a.png", "b.png", "c.png")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a small data set of which one photo is damaged."""
    folder = tmp_path / "whales"
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
        for number, name in enumerate(PHOTOS):
            Image.fromarray(drawn(number + (3 if part == "test" else 0), 40, 64)).save(
                folder / part / f"{part[1]}{name}"
            )
    (folder / "train" / "rc.png").write_bytes(b"no picture")
    (folder / "train.csv").write_text("Image,Id\n" + "".join(f"r{name},w_{name[0]}\n" for name in PHOTOS))
    (folder / "sample_submission.csv").write_text("Image,Id\n" + "".join(f"e{name},new_whale\n" for name in PHOTOS))
    return folder


def spec(data: Path, **changes: object) -> RunSpec:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return RunSpec().with_values({"data.folder": str(data), "image.height": 48, "image.width": 80} | named)


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_draws_are_what_training_sees_with_the_normalisation_undone_and_cut_off(data: Path, tmp_path: Path) -> None:
    made = spec(data, seed=3, augment__gray__p=1.0)
    shown = Previewer(made, tmp_path).draw(1, 2)
    assert (shown.row, shown.turn, shown.photos, shown.photo, shown.label) == (1, 2, 3, "rb.png", "w_b")
    assert len({draw.path for draw in shown.draws}) == DRAWS
    plain = pixels(shown.plain)
    assert plain.shape == (48, 80, 3)
    training = TrainingTransform(made.augment, IMAGENET_MEAN, IMAGENET_STD, 3)
    for number, draw in enumerate(shown.draws):
        seen = training(plain, 2 * DRAWS + number, 1)
        expected = np.clip(np.rint((seen * IMAGENET_STD + IMAGENET_MEAN) * 255), 0, 255)
        np.testing.assert_array_equal(pixels(draw.path), expected)
        assert draw.applied[-1] == "gray"
    assert any((pixels(draw.path) != pixels(draw.path)[..., :1]).any() for draw in shown.draws)  # its tint is the fault


def test_what_was_done_is_told_by_the_names_of_the_spec(data: Path, tmp_path: Path) -> None:
    everything = {f"augment.{name}.enabled": True for name in LATER}
    made = spec(data, **everything)
    transforms = TrainingTransform(made.augment, IMAGENET_MEAN, IMAGENET_STD, 0).pipeline.transforms
    flat = [inner for step in transforms for inner in getattr(step, "transforms", [step])]
    assert {type(step).__name__ for step in flat} == set(NAMES)
    still = {f"augment.{name}.enabled": False for name in ("flip", "rotate", "gray")}
    off = spec(data, **still, augment__tone__p=0.0, augment__degrade__p=0.0)
    shown = Previewer(off, tmp_path).draw(0, 0)
    assert all(draw.applied == () for draw in shown.draws)
    np.testing.assert_array_equal(pixels(shown.draws[5].path), pixels(shown.plain))


def test_a_photo_is_cut_to_its_box_and_one_without_stays_whole(data: Path, tmp_path: Path) -> None:
    (data / "boxes.tsv").write_text("fn\tbbox\nra.png\t10 20 30 50\n")
    made = Previewer(spec(data, crop__enabled=True, crop__source="boxes.tsv", crop__margin=0.0), tmp_path)
    assert (made.draw(0, 0).boxed, made.draw(1, 0).boxed) == (True, False)
    whole = Previewer(spec(data), tmp_path).draw(0, 0)
    assert (pixels(made.draw(0, 0).plain) != pixels(whole.plain)).any()


def test_what_cannot_be_drawn_is_said(data: Path, tmp_path: Path) -> None:
    shown = Previewer(spec(data), tmp_path).draw(-1, 0)
    assert shown.row == 2
    assert "rc.png cannot be read" in shown.trouble
    with pytest.raises(DataError, match="cannot be read"):
        sheet(shown, tmp_path / "sheet.png")
    with pytest.raises(DataError, match="no table of boxes"):
        Previewer(spec(data, crop__enabled=True, crop__source="gone.tsv"), tmp_path).draw(0, 0)
    with pytest.raises(SpecError, match="detector"):
        Previewer(spec(data, method__kind="detector"), tmp_path)
    (tmp_path / "full").write_text("a file where the cache should be")
    with pytest.raises(DiskError, match="cannot be written"):
        Previewer(spec(data), tmp_path / "full").draw(0, 0)


def test_a_sheet_shows_the_photo_beside_its_draws(data: Path, tmp_path: Path) -> None:
    shown = Previewer(spec(data), tmp_path).draw(0, 0)
    sheet(shown, tmp_path / "sheet.png")
    whole = pixels(str(tmp_path / "sheet.png"))
    np.testing.assert_array_equal(whole[8:56, 8:88], pixels(shown.plain))
    np.testing.assert_array_equal(whole[8 + 56 : 56 + 56, 8 + 88 * 2 : 88 + 88 * 2], pixels(shown.draws[5].path))
    with pytest.raises(DiskError, match=r"name a \.png"):
        sheet(shown, tmp_path / "sheet.what")


def test_old_pictures_give_way(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previewer, "KEPT", 2)
    made = Previewer(spec(data), tmp_path)
    first = made.draw(0, 0)
    for age, turn in ((30, 0), (20, 1), (10, 2)):
        folder = Path(made.draw(0, turn).plain).parent
        os.utime(folder, (folder.stat().st_mtime - age,) * 2)
    clear(tmp_path)
    assert not Path(first.plain).exists()
    assert len(list((tmp_path / "previews").iterdir())) == 2


def test_the_process_answers_without_loading_torch(data: Path, tmp_path: Path) -> None:
    words = [spec(data).to_json(), "0:0", "2:1", "--cache", str(tmp_path), "--sheet", str(tmp_path / "sheet.png")]
    program = "import sys; from engine.preview.__main__ import main; main(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    *told, torch = done.stdout.splitlines()
    assert torch == "False"
    assert json.loads(told[0]) == {"phase": "drawing photos", "done": 1, "total": 2}
    first, second = json.loads(told[-1])["result"]
    assert Path(first["plain"]).is_file()
    assert "cannot be read" in second["trouble"]
    assert (tmp_path / "sheet.png").is_file()
