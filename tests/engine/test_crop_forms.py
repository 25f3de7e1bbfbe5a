"""Boxes in every form: corners, confidences, YOLO's folder; held against their photos, written, and read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn_photos import drawn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.contract.errors import DataError
from engine.crop.apply import Box
from engine.crop.boxes import BoxTable, read_table
from engine.crop.sizes import photo_size
from engine.crop.writing import write_as

HEIGHT, WIDTH = 40, 80
NAMES = ("a.jpg", "b.png", "c.jpg")


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("photos")
    for seed, name in enumerate(NAMES):
        Image.fromarray(drawn(seed, HEIGHT, WIDTH)).save(folder / name)
    return {name: folder / name for name in NAMES}


def written(folder: Path, text: str, name: str = "boxes.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def labels(folder: Path, **lines: str) -> Path:
    folder.mkdir()
    for stem, text in lines.items():
        (folder / f"{stem}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["fn", "Image"])
def test_corners_are_read_as_left_top_right_bottom(tmp_path: Path, name: str) -> None:
    table = read_table(written(tmp_path, f"{name},x0,y0,x1,y1\na.jpg,10,5,70,35\n"), NAMES)
    assert table.boxes == {"a.jpg": Box(top=5, left=10, bottom=35, right=70)}


def test_confidences_are_read_where_a_detector_gave_them(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "fn\tbbox\tconfidence\na.jpg\t1 2 3 4\t0.75\nb.png\t1 2 3 4\t\n"), NAMES)
    assert table.confidences == {"a.jpg": 0.75}
    assert set(table.boxes) == {"a.jpg", "b.png"}


@pytest.mark.parametrize("confidence", ["1.5", "-0.1", "nan", "high"])
def test_a_confidence_that_is_none_is_refused(tmp_path: Path, confidence: str) -> None:
    with pytest.raises(DataError, match=f"line 2 has the confidence '{confidence}'"):
        read_table(written(tmp_path, f"fn,bbox,confidence\na.jpg,1 2 3 4,{confidence}\n"), NAMES)


def test_yolo_shares_become_pixels_and_an_empty_file_is_no_fluke(tmp_path: Path, paths: dict[str, Path]) -> None:
    folder = labels(tmp_path / "labels", a="0 0.5 0.5 0.25 0.5\n", b="", classes="fluke\n")
    assert read_table(folder, NAMES, paths).boxes == {"a.jpg": Box(top=10, left=30, bottom=30, right=50)}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ({"a": "0 0.5 0.5 0.25\n"}, "a.txt line 1 reads '0 0.5 0.5 0.25'"),
        ({"a": "fluke 0.5 0.5 0.25 0.5\n"}, "a.txt line 1 reads"),
        ({"a": "0 0.5 nan 0.25 0.5\n"}, "a.txt line 1 reads"),
        ({"a": "0 40 20 20 20\n"}, "a.txt line 1 reads"),  # pixels, not shares
        ({"a": "0 0.5 0.5 0 0.5\n"}, "a box without area"),
        ({"a": "0 0.5 0.5 0.25 0.5\n0 0.2 0.2 0.1 0.1\n"}, "a.txt line 2 names a second box of a.jpg"),
        ({"aa": "0 0.5 0.5 0.25 0.5\n"}, "aa.txt belongs to no photo"),
        ({"a": ""}, "holds no box"),
    ],
)
def test_bad_yolo_files_are_refused_by_name_and_line(
    tmp_path: Path, paths: dict[str, Path], lines: dict[str, str], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        read_table(labels(tmp_path / "labels", **lines), NAMES, paths)


def test_a_yolo_file_of_two_photos_is_refused(tmp_path: Path, paths: dict[str, Path]) -> None:
    with pytest.raises(DataError, match=r"a\.txt may belong to a\.jpg or a\.png"):
        read_table(labels(tmp_path / "labels", a="0 0.5 0.5 0.25 0.5\n"), ("a.jpg", "a.png"), paths)


# Against the photos


def test_a_box_outside_of_its_photo_is_refused_with_its_line(tmp_path: Path, paths: dict[str, Path]) -> None:
    with pytest.raises(DataError, match=r"line 3 .* lies outside of b\.png, 40 x 80 pixels"):
        read_table(written(tmp_path, "fn,bbox\na.jpg,1 2 3 4\nb.png,41 2 45 9\n"), NAMES, paths)


def test_a_box_that_reaches_beyond_its_photo_is_cut_and_told(tmp_path: Path, paths: dict[str, Path]) -> None:
    table = read_table(written(tmp_path, "fn,bbox\na.jpg,-3 2 30 90\nb.png,0 0 40 80\n"), NAMES, paths)
    assert table.boxes == {"a.jpg": Box(0, 2, 30, 80), "b.png": Box(0, 0, 40, 80)}
    assert len(table.mended) == 1
    assert "line 2" in table.mended[0]
    assert "cut off" in table.mended[0]


def test_swapped_edges_are_sorted_only_when_asked_and_never_in_silence(tmp_path: Path) -> None:
    path = written(tmp_path, "fn,bbox\na.jpg,5 70 35 10\n")
    with pytest.raises(DataError, match=r"line 2 .* left not before its right"):
        read_table(path, NAMES)
    table = read_table(path, NAMES, sort_corners=True)
    assert table.boxes == {"a.jpg": Box(5, 10, 35, 70)}
    assert "line 2" in table.mended[0]
    with pytest.raises(DataError, match="line 2"):  # no order gives it an area
        read_table(written(tmp_path, "fn,bbox\na.jpg,5 10 35 10\n"), NAMES, sort_corners=True)


def test_a_photo_that_lies_on_its_side_is_measured_upright(tmp_path: Path) -> None:
    photo = Image.fromarray(drawn(0, HEIGHT, WIDTH))
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "turned.jpg", exif=exif)
    assert photo_size(tmp_path / "turned.jpg") == (WIDTH, HEIGHT)


# Round trip


def quarters(limit: int) -> st.SearchStrategy[tuple[float, float]]:
    """Two different edges in quarters of a pixel, in order."""
    edges = st.lists(st.integers(0, limit * 4), min_size=2, max_size=2, unique=True)
    return edges.map(lambda pair: (min(pair) / 4, max(pair) / 4))


@st.composite
def tables(draw: st.DrawFn) -> BoxTable:
    table = BoxTable()
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        (top, bottom), (left, right) = draw(quarters(HEIGHT)), draw(quarters(WIDTH))
        table.boxes[name] = Box(top, left, bottom, right)
        if draw(st.booleans()):
            table.confidences[name] = draw(st.integers(0, 100)) / 100
    return table


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(), form=st.sampled_from(["talk", "corners", "yolo"]), ending=st.sampled_from([".csv", ".tsv"]))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, paths: dict[str, Path], table: BoxTable, form: str, ending: str
) -> None:
    path = tmp_path_factory.mktemp("round") / ("labels" if form == "yolo" else f"boxes{ending}")
    write_as(form, path, table, paths)
    again = read_table(path, NAMES, paths)
    assert again.mended == []
    assert set(again.boxes) == set(table.boxes)
    for name, box in table.boxes.items():
        assert again.boxes[name] == pytest.approx(box, abs=1e-6)
    assert again.confidences == ({} if form == "yolo" else pytest.approx(table.confidences))
