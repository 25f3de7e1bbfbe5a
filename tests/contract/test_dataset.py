"""Data tables: what is wrong is named by file and line, before anything else happens."""

import pytest

from engine.contract.dataset import read_dataset
from engine.contract.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Two training photos, one test photo: the least that is a data set. Bytes suffice, nothing decodes them."""
    for part, names in (("train", "ab"), ("test", "c")):
        (tmp_path / part).mkdir()
        for name in names:
            (tmp_path / part / f"{name}.jpg").write_bytes(b"x")
    (tmp_path / "train.csv").write_text("Image,Id\na.jpg,w_2\nb.jpg,w_1\n")
    (tmp_path / "sample_submission.csv").write_text("Image,Id\nc.jpg,new_whale\n")
    return tmp_path


def test_read(folder):
    data = read_dataset(folder)
    assert data.train == ("a.jpg", "b.jpg")
    assert data.labels == ("w_2", "w_1")
    assert data.test == ("c.jpg",)
    assert data.classes == ("new_whale", "w_1", "w_2")
    assert data.common_labels(5) == ["w_1", "w_2"]


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_are_read(folder):
    (folder / "train.csv").write_bytes(b"\xef\xbb\xbfImage,Id\r\na.jpg,w_2\r\n\r\nb.jpg,w_1\r\n")
    assert read_dataset(folder).labels == ("w_2", "w_1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1 has the columns nothing"),
        ("Photo,Whale\na.jpg,w_1\n", "line 1 has the columns Photo,Whale"),
        ("Image,Id\n", "names no photo"),
        ("Image,Id\na.jpg,w_1\na.jpg,w_2\n", "line 3 names a.jpg again, after line 2"),
        ("Image,Id\na.jpg,w_1\nz.jpg,w_2\n", "line 3 names z.jpg, which"),
        ("Image,Id\na.jpg,w_1\nb.jpg\n", "line 3 holds 1 values"),
        ("Image,Id\na.jpg,w_1\nb.jpg,w 2\n", "line 3: b.jpg has the label 'w 2'"),
        ("Image,Id\na.jpg,w_1\nb.jpg,\n", "line 3: b.jpg has the label ''"),
        ("Image,Id\n../../x.jpg,w_1\n", "not a plain file name"),
        ("Image,Id\na.jpg,w_1\nb.jpg,w_1\n", "a single label"),
        ('Image,Id\n"a.jpg,w_1\n', "cannot be read"),
    ],
)
def test_bad_tables_are_refused_by_line(folder, text, says):
    (folder / "train.csv").write_text(text)
    with pytest.raises(DataError) as refusal:
        read_dataset(folder)
    assert says in refusal.value.message
    assert refusal.value.hint


def test_what_is_not_there_is_named(folder):
    with pytest.raises(DataError, match=r"no folder .*nowhere"):
        read_dataset(folder / "nowhere")
    (folder / "test" / "c.jpg").unlink()
    with pytest.raises(DataError, match="test is empty"):
        read_dataset(folder)
    (folder / "test").rmdir()
    with pytest.raises(DataError, match=r"no folder .*test"):
        read_dataset(folder)
    (folder / "train.csv").unlink()
    with pytest.raises(DataError, match=r"train\.csv is missing"):
        read_dataset(folder)


def test_a_photo_without_bytes_is_named(folder):
    (folder / "train" / "b.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"b\.jpg \(train.csv line 3\) has no bytes"):
        read_dataset(folder)


def test_bytes_that_are_no_text(folder):
    (folder / "train.csv").write_bytes(b"Image,Id\n\xff\xfe\x00\n")
    with pytest.raises(DataError, match="cannot be read"):
        read_dataset(folder)
