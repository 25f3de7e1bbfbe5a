"""Events: what is written is read, whatever happens to the last line."""

import errno
import math
import os

import pytest

from engine.contract.events import (
    EventTail,
    EventWriter,
    Failed,
    Finished,
    Phase,
    Step,
    Warned,
    decode_event,
    encode_event,
)


def step(number: int, loss: float = 1.5) -> Step:
    return Step(step=number, epoch=number / 10, loss=loss, learning_rate=0.1, images_per_second=50.0)


def writer(path) -> EventWriter:
    ticks = iter(range(1000))
    return EventWriter(path, boot_clock=lambda: float(next(ticks)), wall_clock=lambda: 1e9)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_stays_visible(value):
    read = decode_event(encode_event(step(1, value)))
    assert isinstance(read, Step)
    assert read.loss == value or (math.isnan(read.loss) and math.isnan(value))


def test_numbered_stamped_and_in_order(tmp_path):
    events = writer(tmp_path / "events.jsonl")
    for number in (1, 2, 3):
        events.write(step(number))
    events.write(Finished(map5=0.5, seconds=9.0))
    read = EventTail(tmp_path / "events.jsonl").read_all()
    assert [event.seq for event in read] == [1, 2, 3, 4]
    assert [event.boot_seconds for event in read] == sorted(event.boot_seconds for event in read)
    assert isinstance(read[-1], Finished)


def test_a_torn_last_line_is_not_yet(tmp_path):
    path = tmp_path / "events.jsonl"
    whole, torn = encode_event(step(1)), encode_event(step(2))
    path.write_bytes(whole + torn[:20])
    tail = EventTail(path)
    assert [event.step for event in tail.read()] == [1]
    assert tail.read() == []
    with open(path, "ab") as file:
        file.write(torn[20:])
    assert [event.step for event in tail.read()] == [2]
    assert tail.damaged == 0


def test_cut_at_every_byte_the_whole_lines_are_read_once(tmp_path):
    path = tmp_path / "events.jsonl"
    lines = [encode_event(step(number)) for number in range(1, 4)]
    text = b"".join(lines)
    for cut in range(len(text)):
        path.write_bytes(text[:cut])
        tail = EventTail(path)
        first = tail.read_all()
        path.write_bytes(text)
        assert [event.step for event in first + tail.read_all()] == [1, 2, 3]


def test_damaged_lines_are_counted_and_passed_over(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'\x00\xff garbage\n{"event":"unheard of"}\n' + encode_event(Warned(message="x")) + b"[1,2]\n")
    tail = EventTail(path)
    assert [type(event) for event in tail.read_all()] == [Warned]
    assert tail.damaged == 3


def test_a_line_without_end_takes_no_memory(tmp_path):
    path = tmp_path / "events.jsonl"
    with open(path, "wb") as file:
        file.write(b"x" * (3 << 20))
    tail = EventTail(path)
    assert tail.read_all() == []
    with open(path, "ab") as file:
        file.write(b"\n" + encode_event(step(1)))
    assert [event.step for event in tail.read_all()] == [1]
    assert tail.damaged == 1


def test_a_missing_file_is_an_empty_one(tmp_path):
    assert EventTail(tmp_path / "none").read() == []


def test_a_full_disk_loses_no_line(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    events = writer(path)
    events.write(step(1))
    real_write = os.write

    def short_write(handle: int, data: bytes) -> int:
        return real_write(handle, data[:7])

    def full(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", short_write)
    events.write(step(2))
    monkeypatch.setattr(os, "write", full)
    events.write(step(3))
    monkeypatch.setattr(os, "write", real_write)
    events.write(Failed(reason="disk", message="full"))
    events.close()
    tail = EventTail(path)
    read = tail.read_all()
    assert [event.seq for event in read] == [1, 2, 3, 4]
    assert tail.damaged == 1  # the fragment of the short write, on a line of its own


def test_an_error_that_is_no_full_disk_is_raised(tmp_path, monkeypatch):
    events = writer(tmp_path / "events.jsonl")

    def broken(handle: int, data: bytes) -> int:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(os, "write", broken)
    with pytest.raises(OSError, match="Bad file descriptor"):
        events.write(Phase(name="training"))
