"""From a folder to the parts of a run, on twelve drawn photos."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawn_photos import drawn, write_table
from PIL import Image

from engine.contract.dataset import read_dataset
from engine.contract.errors import DataError
from engine.contract.events import AnyEvent, EventTail, EventWriter, Phase, Warned
from engine.contract.spec import RunSpec
from engine.data.tables import Tables, load_tables

Load = Callable[..., tuple[Tables, list[AnyEvent]]]


@pytest.fixture
def load(tiny_data: Path, tmp_path: Path) -> Load:
    """Return a function that loads the tiny data with changed fields, and gives what was told meanwhile."""

    def loaded(*, seconds_a_look: float = 0.3, **changes: object) -> tuple[Tables, list[AnyEvent]]:
        values = {"data.folder": str(tiny_data), "data.folds": 3, "image.height": 24, "image.width": 32}
        values |= {name.replace("__", "."): value for name, value in changes.items()}
        path = tmp_path / "events.jsonl"
        path.unlink(missing_ok=True)
        events, clock = EventWriter(path), itertools.count(0.0, seconds_a_look)
        tables = load_tables(RunSpec().with_values(values), events, clock=lambda: next(clock))
        events.close()
        return tables, EventTail(path).read_all()

    return loaded


def warnings(told: list[AnyEvent]) -> list[str]:
    return [event.message for event in told if isinstance(event, Warned)]


def test_parts_are_whole_and_agree_with_the_tables(load: Load, tiny_data: Path) -> None:
    dataset = read_dataset(tiny_data)
    label = dict(zip(dataset.train, dataset.labels, strict=True))
    for fold in range(3):
        tables, _ = load(data__fold=fold)
        names = tables.classes.names
        assert names == ("new_whale", "w_a", "w_b", "w_c", "w_d", "w_e")
        assert sorted(tables.train.photos + tables.valid.photos) == sorted(dataset.train)
        assert [names[target] for target in tables.train.targets] == [label[photo] for photo in tables.train.photos]
        trained = set(tables.train.targets.tolist())
        for photo, target in zip(tables.valid.photos, tables.valid.targets, strict=True):
            assert names[target] == (label[photo] if names.index(label[photo]) in trained else "new_whale")
        for part in (tables.train, tables.valid):
            assert len(part) == len(part.images) == len(part.targets)
            assert part.paths == tuple(tiny_data / "train" / photo for photo in part.photos)
            assert part.images[0].shape == (24, 32, 3)


def test_images_stand_in_the_order_of_the_photos(load: Load) -> None:
    tables, _ = load()
    assert tables.test is not None
    for part in (tables.train, tables.valid, tables.test):
        for row, path in enumerate(part.paths):
            with Image.open(path) as image:
                expected = np.asarray(image.resize((32, 24), Image.Resampling.BOX), dtype=int)
            assert np.abs(part.images[row] - expected).mean() < 12  # another photo is some 60 away


def test_the_copy_stays_with_its_photo_and_the_test_copy_is_found(load: Load) -> None:
    found_b1 = 0
    for fold in range(3):
        tables, _ = load(data__fold=fold)
        assert ("a1.jpg" in tables.train.photos) == ("a3.jpg" in tables.train.photos)
        assert (tables.duplicate_of_valid == -1).all()
        assert len(tables.duplicate_of_valid) == len(tables.valid)
        assert tables.test is not None
        assert tables.test.photos == ("t1.jpg", "t2.jpg", "t3.jpg")
        assert len(tables.test.targets) == 0
        row, *others = tables.duplicate_of_test.tolist()
        assert others == [-1, -1]
        if "b1.jpg" in tables.train.photos:
            assert tables.train.photos[row] == "b1.jpg"
            found_b1 += 1
        else:
            assert row == -1
    assert found_b1 == 2


def test_without_answers_the_test_photos_are_not_even_opened(load: Load, tiny_data: Path) -> None:
    (tiny_data / "test" / "t2.jpg").write_bytes(b"no photo")
    tables, _ = load(prediction__test=False)
    assert tables.test is None
    assert len(tables.duplicate_of_test) == 0


@pytest.mark.parametrize("part", ["train/d1.jpg", "test/t3.jpg"])
def test_a_bad_photo_anywhere_is_refused(load: Load, tiny_data: Path, part: str) -> None:
    (tiny_data / part).write_bytes(b"no photo")
    with pytest.raises(DataError, match=part):
        load()


def test_contradictory_copies_are_told_of(load: Load, tiny_data: Path) -> None:
    assert not any("two labels" in message for message in warnings(load()[1]))
    Image.fromarray(drawn(77)).save(tiny_data / "train" / "n1.jpg", quality=95)
    Image.fromarray(drawn(77)).save(tiny_data / "train" / "d1.jpg", quality=80)
    tables, told = load()
    assert [message for message in warnings(told) if message.startswith("1 of the training photos")]
    assert ("n1.jpg" in tables.valid.photos) == ("d1.jpg" in tables.valid.photos)


def test_a_shortage_of_new_whales_is_told_of(load: Load) -> None:
    _, told = load(data__new_share=0.9)
    assert any("data.new_share" in message for message in warnings(told))


def test_progress_comes_once_a_second_and_ends_with_all(load: Load) -> None:
    _, told = load(seconds_a_look=0.3)
    phases = [(event.done, event.total) for event in told if isinstance(event, Phase)]
    assert phases == [(1, 15), (5, 15), (9, 15), (13, 15), (15, 15)]


def test_too_many_folds_are_refused(load: Load) -> None:
    with pytest.raises(DataError, match=r"set data\.folds to at most 6"):
        load(data__folds=7)


def test_boxes_cut_their_photos_and_the_others_are_counted(load: Load, tiny_data: Path) -> None:
    whole, _ = load()
    rows = [("a1.jpg", "0 0 16 24"), ("t2.jpg", "4 6 20 40")]
    write_table(tiny_data / "boxes.csv", rows, header=("fn", "bbox"))
    tables, told = load(crop__enabled=True, crop__source="boxes.csv", crop__margin=0.0)
    assert "13 of 15 photos have no box and are used whole" in warnings(told)
    assert tables.test is not None
    assert whole.test is not None
    for plain, cropped in ((whole.train, tables.train), (whole.valid, tables.valid), (whole.test, tables.test)):
        assert plain.photos == cropped.photos
        for row, photo in enumerate(plain.photos):
            assert np.array_equal(plain.images[row], cropped.images[row]) == (photo not in ("a1.jpg", "t2.jpg"))
    np.testing.assert_array_equal(tables.duplicate_of_test, whole.duplicate_of_test)  # found on whole photos


def test_a_crop_without_its_table_is_refused(load: Load) -> None:
    with pytest.raises(DataError, match="no table of boxes"):
        load(crop__enabled=True, crop__source="none.tsv")


def test_test_photos_that_copy_a_training_photo_are_noted_whichever_side_it_is_on(load: Load, tiny_data: Path) -> None:
    for fold in range(3):
        assert load(data__fold=fold)[0].copies == {"t1.jpg": "w_b"}
    assert load(prediction__test=False)[0].copies == {}
    Image.fromarray(drawn(77)).save(tiny_data / "train" / "d1.jpg", quality=95)
    Image.fromarray(drawn(77)).save(tiny_data / "train" / "e1.jpg", quality=90)
    Image.fromarray(drawn(77)).save(tiny_data / "test" / "t2.jpg", quality=80)
    assert load()[0].copies == {"t1.jpg": "w_b"}  # t2 copies a photo of two whales: nobody knows which


def test_extra_rows_train_and_never_tell_of_validation_photos(load: Load, tiny_data: Path) -> None:
    write_table(tiny_data / "extra.csv", [("t1.jpg", "w_b"), ("t2.jpg", "w_a"), ("t3.jpg", "w_d")])
    seen = set()
    for fold in range(3):
        plain, _ = load(data__fold=fold)
        for tested in (True, False):
            tables, told = load(data__fold=fold, data__extra=str(tiny_data / "extra.csv"), prediction__test=tested)
            assert tables.valid.photos == plain.valid.photos
            assert tables.valid.targets.tolist() == plain.valid.targets.tolist()
            extra = tables.train.photos[len(plain.train.photos) :]
            assert tables.train.photos[: len(plain.train.photos)] == plain.train.photos
            assert ("t1.jpg" in extra) == ("b1.jpg" in plain.train.photos)  # it copies b1
            assert ("t3.jpg" in extra) == ("d1.jpg" in plain.train.photos)  # where d1 validates, w_d is new
            named = [tables.classes.names[target] for target in tables.train.targets[len(plain.train.photos) :]]
            assert dict(zip(extra, named, strict=True)).get("t2.jpg") == "w_a"
            assert any("train with the labels of data.extra" in message for message in warnings(told))
            assert (tables.test is not None) == tested
            seen.update(extra)
    assert seen == {"t1.jpg", "t2.jpg", "t3.jpg"}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("a1.jpg", "w_a"), "names a1.jpg, which sample_submission.csv does not"),
        (("t1.jpg", "w_z"), "labels t1.jpg with 'w_z'"),
        (("t1.jpg", "new_whale"), "labels t1.jpg with 'new_whale'"),
    ],
)
def test_extra_rows_that_make_no_sense_are_refused_by_line(
    load: Load, tiny_data: Path, row: tuple[str, str], says: str
) -> None:
    write_table(tiny_data / "extra.csv", [row])
    with pytest.raises(DataError, match=says):
        load(data__extra=str(tiny_data / "extra.csv"))


def test_a_table_of_extra_rows_that_is_gone_is_named(load: Load, tiny_data: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv is missing"):
        load(data__extra=str(tiny_data / "none.csv"))
