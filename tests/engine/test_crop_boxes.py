"""Tables of boxes: the talk's shape is read, everything else is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.contract.errors import DataError
from engine.crop.apply import Box
from engine.crop.boxes import find_table, read_boxes

PHOTOS = ("whale1.jpg", "whale2.jpg", "whale3.jpg")


def table(folder: Path, text: str) -> Path:
    path = folder / "boxes.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "fn\tbbox\nwhale1.jpg\t1 2 30 40\nwhale2.jpg\t0 0.5 9 8.25\n",
        "fn,bbox\nwhale1.jpg,1 2 30 40\nwhale2.jpg,0 0.5 9 8.25\n",
        "\ufefffn,bbox\r\nwhale1.jpg,1 2 30 40\r\n\r\nwhale2.jpg,0 0.5 9 8.25",
        'bbox,fn\n"1 2 30 40",whale1.jpg\n0 0.5 9 8.25,whale2.jpg\n',
    ],
)
def test_both_separators_and_any_column_order_are_read(tmp_path: Path, text: str) -> None:
    boxes = read_boxes(table(tmp_path, text), PHOTOS)
    assert boxes == {"whale1.jpg": Box(1, 2, 30, 40), "whale2.jpg": Box(0, 0.5, 9, 8.25)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("photo,box\nwhale1.jpg,1 2 3 4\n", "line 1 has the columns photo,box"),
        ("fn,bbox,score\nwhale1.jpg,1 2 3 4,1\n", "line 1 has the columns fn,bbox,score"),
        ("fn,bbox\nwhale1.jpg,1 2 3 4\nwhale2.jpg\n", "line 3 holds 1 values"),
        ("fn,bbox\nwhale1.jpg,1 2 3 4\nwhale1.jpg,1 2 3 4\n", "line 3 names whale1.jpg again"),
        ("fn,bbox\nwhale9.jpg,1 2 3 4\n", "line 2 names whale9.jpg.*did you mean"),
        ("fn,bbox\nwhale1.jpg,1 2 3\n", "line 2 has the box '1 2 3'"),
        ("fn,bbox\nwhale1.jpg,1 2 3 4 5\n", "line 2 has the box"),
        ("fn,bbox\nwhale1.jpg,1 2 3 four\n", "line 2 has the box '1 2 3 four'"),
        ("fn,bbox\nwhale1.jpg,1 2 nan 4\n", "line 2 has the box '1 2 nan 4'"),
        ("fn,bbox\nwhale1.jpg,1 2 inf 4\n", "line 2 has the box '1 2 inf 4'"),
        ("fn,bbox\nwhale1.jpg,3 2 1 4\n", "line 2 .* swap the two|line 2 .*top is not above"),
        ("fn,bbox\nwhale1.jpg,1 4 3 2\n", "line 2 .*left not before its right"),
        ("fn,bbox\nwhale1.jpg,1 4 3 4\n", "line 2 .*left not before its right"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_boxes(table(tmp_path, text), PHOTOS)
    assert "boxes.txt" in caught.value.message


def test_a_name_that_train_and_test_share_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2 names whale1\.jpg, but train/ and test/ both"):
        read_boxes(table(tmp_path, "fn,bbox\nwhale1.jpg,1 2 3 4\n"), (*PHOTOS, "whale1.jpg"))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "boxes.txt"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DataError, match="cannot be read"):
        read_boxes(path, PHOTOS)


def test_the_source_is_sought_beside_the_data_then_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, here = tmp_path / "data", tmp_path / "here"
    for folder in (data, here):
        folder.mkdir()
    monkeypatch.chdir(here)
    (here / "boxes.tsv").touch()
    assert find_table("boxes.tsv", data) == here / "boxes.tsv"
    (data / "boxes.tsv").touch()
    assert find_table("boxes.tsv", data) == data / "boxes.tsv"
    assert find_table(str(here / "boxes.tsv"), data) == here / "boxes.tsv"
    with pytest.raises(DataError, match=r"no table of boxes .*data/none\.tsv nor .*here/none\.tsv"):
        find_table("none.tsv", data)
