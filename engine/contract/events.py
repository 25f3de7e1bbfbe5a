"""What a run says while it happens: one JSON object a line, written by the engine, followed by anyone.

A writer appends whole lines and brings them to disk within a second. A reader takes a torn last line
as "not yet", counts a damaged one and goes on. Numbers that are none (NaN, infinity) travel as the
strings "NaN", "Infinity" and "-Infinity", so that a diverged loss stays visible.
"""

from __future__ import annotations

import errno
import math
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
"""What a disk says that takes nothing more, for now or for good. No reason to stop training."""

LONGEST_LINE = 1 << 20
"""Bytes; a longer line is no event and is skipped."""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", gc=False):
    """Anything a run says. The writer fills in the first four.

    None of them holds anything that could refer back to it, so the collector need not look at
    hundreds of thousands of them (`gc=False`).
    """

    seq: int = 0
    boot_seconds: float = 0.0  # since the machine started: orders events, whatever the wall clock does
    unix_seconds: float = 0.0
    log_bytes: int = 0  # how long log.txt was by then: links a line of the log with a point of a curve


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """The engine read its spec and chose where to run."""

    attempt: int
    pid: int
    host: str
    device: str  # "NVIDIA H200" or "CPU, 2 threads"
    precision: str
    epochs: int
    torch: str = ""
    resumed_step: int = 0  # steps that an earlier attempt had done; what it told beyond them is superseded
    resumed_epoch: float = 0.0
    resumed_looks: int = 0  # epochs that were over, their look at the validation photos included


class Phase(Event, frozen=True, kw_only=True, tag="phase"):
    """What the run does now, in words: "reading photos", "training", "scoring test photos"."""

    name: str
    done: int = 0
    total: int = 0  # 0: not countable


class Step(Event, frozen=True, kw_only=True, tag="step"):
    """Training went on: mean loss since the last such event."""

    step: int  # counted from 1 over the whole run
    epoch: float  # 2.5: half of the third epoch is done
    loss: float
    learning_rate: float
    images_per_second: float
    eta_seconds: float = 0.0


class Epoch(Event, frozen=True, kw_only=True, tag="epoch"):
    """An epoch of training ended."""

    epoch: int  # counted from 1
    epochs: int
    loss: float
    seconds: float
    images_per_second: float


class Evaluated(Event, frozen=True, kw_only=True, tag="evaluated"):
    """The validation photos were scored. MAP@5 with a 95 % bootstrap interval."""

    epoch: int
    step: int
    loss: float
    map5: float
    map5_low: float
    map5_high: float
    map5_known: float
    map5_new: float
    seconds: float


class BoxesEvaluated(Event, frozen=True, kw_only=True, tag="boxes_evaluated"):
    """A detector was measured on boxes that it never learnt from."""

    epoch: int
    step: int
    map50: float  # average precision at an overlap of a half, over all its boxes
    mean_iou: float  # mean overlap of the one box a photo that photos are cropped to, whole photos included
    missed: int  # photos that stay whole, since no box is certain enough
    photos: int
    seconds: float


class Saved(Event, frozen=True, kw_only=True, tag="saved"):
    """A file of the run is whole on disk; `path` is relative to the run folder."""

    path: str
    bytes: int


class Warned(Event, frozen=True, kw_only=True, tag="warned"):
    """Something a person should know; the run goes on."""

    message: str


class Finished(Event, frozen=True, kw_only=True, tag="finished"):
    """The last event of a run that did all it should."""

    map5: float
    seconds: float


class Failed(Event, frozen=True, kw_only=True, tag="failed"):
    """The last event of a run that could not; `reason` is one of the words of `errors`, or "crash"."""

    reason: str
    message: str
    hint: str = ""


class Cancelled(Event, frozen=True, kw_only=True, tag="cancelled"):
    """The last event of a run that was asked to stop."""

    epoch: float
    step: int


AnyEvent = Started | Phase | Step | Epoch | Evaluated | BoxesEvaluated | Saved | Warned | Finished | Failed | Cancelled
FINAL = (Finished, Failed, Cancelled)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyEvent, strict=False)  # not strict: "NaN" becomes a float again


def encode_event(event: Event) -> bytes:
    """Return one line, newline included."""
    values = msgspec.to_builtins(event)
    if not event.log_bytes:
        del values["log_bytes"]
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            values[name] = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return _encoder.encode(values) + b"\n"


def decode_events(lines: bytes) -> list[AnyEvent]:
    """Read many lines at once, blank ones left out; raises `msgspec.DecodeError` where one is no event of ours."""
    events: list[AnyEvent] = _decoder.decode_lines(lines)
    return events


def decode_event(line: bytes) -> AnyEvent:
    """Read one line; raises `msgspec.DecodeError` where it is no event of ours."""
    event: AnyEvent = _decoder.decode(line)
    return event


class EventWriter:
    """Appends events to a file that others read meanwhile.

    A full or failing disk never stops training: lines wait in memory (the newest 10,000) and are
    written when there is room again, behind a newline where the last write was cut short.
    """

    def __init__(
        self,
        path: Path,
        boot_clock: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._boot_clock, self._wall_clock = boot_clock, wall_clock
        self._waiting: deque[bytes] = deque(maxlen=10_000)
        self._torn = False
        self._seq = 0
        self._synced_at = -math.inf

    def write(self, event: Event) -> None:
        """Append an event, stamped; a final one is on disk when this returns."""
        self._seq += 1
        now = self._boot_clock()
        stamped = msgspec.structs.replace(
            event, seq=self._seq, boot_seconds=now, unix_seconds=self._wall_clock(),
            log_bytes=self.log_bytes() or event.log_bytes,
        )  # fmt: skip
        self._waiting.append(encode_event(stamped))
        if self._append() and (now - self._synced_at >= 1.0 or isinstance(event, FINAL)):
            self._sync()
            self._synced_at = now

    def log_bytes(self) -> int:
        """Return how long the run's log is; 0 where the writer knows of none."""
        return 0

    def close(self) -> None:
        """Write what still waits, bring all to disk and close."""
        if self._append():
            self._sync()
        os.close(self._handle)

    def _sync(self) -> None:
        try:
            os.fdatasync(self._handle)
        except OSError as error:
            if error.errno not in FULL:
                raise

    def _append(self) -> bool:
        while self._waiting:
            line = (b"\n" if self._torn else b"") + self._waiting[0]
            try:
                written = os.write(self._handle, line)
            except OSError as error:
                if error.errno in FULL:
                    return False  # room may come back: tried again at the next event
                raise
            if written < len(line):
                self._torn = True
                return False
            self._torn = False
            self._waiting.popleft()
        return True


class EventTail:
    """Reads the events of a file as they come; remembers how far it got.

    `damaged` counts lines that were no events. A file that does not exist yet is an empty one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.damaged = 0
        self._overlong = False

    def read(self, chunk_bytes: int = 1 << 20) -> list[AnyEvent]:
        """Return the next whole events, from at most `chunk_bytes` of the file; empty when there are none."""
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                chunk = file.read(chunk_bytes)
        except FileNotFoundError:
            return []
        end = chunk.rfind(b"\n") + 1
        if not end:
            if len(chunk) >= min(chunk_bytes, LONGEST_LINE):  # no line of ours is that long: skip to its end
                self.offset += len(chunk)
                self._overlong = True
            return []
        self.offset += end
        whole = chunk[:end]
        if self._overlong:
            self._overlong, self.damaged = False, self.damaged + 1
            whole = whole[whole.index(b"\n") + 1 :]
        try:
            return decode_events(whole)  # the usual case, in half the time
        except msgspec.DecodeError:
            return [event for line in whole.splitlines() if line.strip() and (event := self._event(line))]

    def read_all(self) -> list[AnyEvent]:
        """Return every whole event from here to the end of the file."""
        events: list[AnyEvent] = []
        while True:
            before = self.offset
            events += self.read()
            if self.offset == before:
                return events

    def _event(self, line: bytes) -> AnyEvent | None:
        try:
            return decode_event(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.damaged += 1
            return None
