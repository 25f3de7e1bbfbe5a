"""A data folder of twelve drawn photos, and a detector that was trained on it, for all tests of the engine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from detector_kit import prepared, ran, with_boxes
from drawn_photos import drawn, write_table
from PIL import Image

from engine.contract.rundir import RunDir

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # a test may import it before the engine does: no look at the index

TRAIN = {
    "a1.jpg": "w_a", "a2.jpg": "w_a", "a3.jpg": "w_a",  # a3 is a1, saved again
    "b1.jpg": "w_b", "b2.jpg": "w_b",
    "c1.jpg": "w_c", "c2.jpg": "w_c",
    "d1.jpg": "w_d",
    "e1.jpg": "w_e",
    "n1.jpg": "new_whale", "n2.jpg": "new_whale", "n3.jpg": "new_whale",
}  # fmt: skip
TEST = ("t1.jpg", "t2.jpg", "t3.jpg")  # t1 is b1, saved again


@pytest.fixture(scope="session")
def _drawn_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    copies = {"a3.jpg": "a1.jpg", "t1.jpg": "b1.jpg"}
    seeds = {photo: seed for seed, photo in enumerate((*TRAIN, *TEST))}
    for part, photos in (("train", tuple(TRAIN)), ("test", TEST)):
        (folder / part).mkdir()
        for photo in photos:
            picture = Image.fromarray(drawn(seeds[copies.get(photo, photo)]))
            picture.save(folder / part / photo, quality=85 if photo in copies else 95)
    write_table(folder / "train.csv", TRAIN.items())
    write_table(folder / "sample_submission.csv", [(photo, "new_whale w_a w_b w_c w_d") for photo in TEST])
    return folder


@pytest.fixture
def tiny_data(_drawn_data: Path, tmp_path: Path) -> Path:
    """A Kaggle-shaped folder of twelve tiny photos; the test may spoil it, it is its own copy.

    Three whales of two or more photos, two of one, three new whales, and three photos to answer, all 48x32;
    a1 and a3 are one photo saved twice, and so are b1 and t1.
    """
    return Path(shutil.copytree(_drawn_data, tmp_path / "data"))


@pytest.fixture(scope="session")
def finished(_drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A detector that saw fourteen boxes twice: it ran whole, and has learnt nothing yet."""
    folder = tmp_path_factory.mktemp("detector")
    data = with_boxes(Path(shutil.copytree(_drawn_data, folder / "data")))
    run_dir = prepared(folder / "0001-detector", data)
    home = folder / "home"
    home.mkdir()
    assert ran(run_dir, HOME=str(home)) == 0, run_dir.attempt(1).log.read_text()
    assert list(home.iterdir()) == []  # its settings, fonts and caches are in the run's folder, and gone again
    return run_dir
