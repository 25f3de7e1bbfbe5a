"""Logs of any size: every place is reached in bounded bites, searched both ways, and followed however fast it grows."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from whaletui.view import logtail
from whaletui.view.logtail import TAIL_BYTES, LogFile, LogTail

LINES = 30_000


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.txt"
    path.write_text("".join(f"line {number} of it\n" for number in range(LINES)))
    return path


def test_lines_before_and_after_a_place_join_without_a_gap(long_log: Path) -> None:
    log = LogFile(long_log)
    around = log.around(300_000)
    assert all(one.end == following.start for one, following in itertools.pairwise(around))
    assert around[-1].end - around[0].start <= 2 * TAIL_BYTES
    numbers = [int(line.text.split()[1]) for line in around]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    earlier = log.before(around[0].start)
    assert earlier[-1].end == around[0].start
    assert earlier[0].text == "line 0 of it"


def test_a_search_finds_the_nearest_line_each_way_across_bites(long_log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logtail, "SEARCH_BYTES", 1000)
    log = LogFile(long_log)
    text = long_log.read_bytes()
    place = text.index(b"line 15000 ")
    assert log.find("LINE 20000 OF", place, backwards=False) == text.index(b"line 20000 ")
    assert log.find("line 7777 ", place, backwards=True) == text.index(b"line 7777 ")
    assert log.find("line 15000 ", place, backwards=False) is None  # from the next line on
    assert log.find("line 15001 ", place, backwards=True) is None
    assert log.find("nowhere", 0, backwards=False) is None
    assert log.find("line 20000", 0, backwards=False, wanted=lambda: False) is None


def test_a_gigabyte_without_a_newline_is_followed_and_reached_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with open(path, "wb") as file:
        file.truncate(1 << 30)  # zeros, and no block of them on disk
        file.seek(0, 2)
        file.write(b"END")
    tail = LogTail(path)
    assert tail.read() == []  # no line has ended yet: it is the one being written
    assert len(tail.unfinished()) <= logtail.LONGEST_LINE
    log = LogFile(path)
    around = log.around(1 << 29)
    assert [line.end - line.start for line in around] == [TAIL_BYTES, TAIL_BYTES]
    assert all(len(line.text) <= logtail.LONGEST_LINE for line in around)
    with open(path, "ab") as file:
        file.write(b"\nnext\n")
    assert [line.text for line in tail.read()][-1] == "next"


def test_a_log_that_grows_by_more_than_a_bite_is_followed_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("first\n")
    tail = LogTail(path)
    tail.read()
    for burst in range(3):
        with open(path, "a") as file:
            file.write("".join(f"{burst}:{number:08d}\n" for number in range(50_000)))
        lines = tail.read()
        assert lines[-1].text == f"{burst}:00049999"
        assert lines[-1].end == os.path.getsize(path)
        assert lines[-1].end - lines[0].start <= TAIL_BYTES


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "no" / "log.txt")
    assert (log.around(100), log.find("x", 0, backwards=False), log.line_start(50)) == ([], None, 0)
