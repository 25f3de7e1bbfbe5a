"""A log of any size, read in bounded bites from wherever it is wanted, and made safe line by line.

A line ends with a newline, or where a bite of the file holds none: a gigabyte without a newline is many lines.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from whaletui.safe import safe

TAIL_BYTES = 256 * 1024
LONGEST_LINE = 2000
SEARCH_BYTES = 4 << 20


class LogLine(NamedTuple):
    """A line: where it starts in the file, where the next one does, and what it says, safe to show."""

    start: int
    end: int
    text: str


class LogFile:
    """Lines around any place of a log; a log that does not exist yet is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def before(self, end: int) -> list[LogLine]:
        """Return the lines that end at a place where one does, from one bite of the file."""
        start = max(end - TAIL_BYTES, 0)
        data = self._bite(start, end - start)
        if start:
            cut = data.find(b"\n") + 1
            start, data = start + cut, data[cut:]
        return split(data, start, whole=True)

    def after(self, start: int) -> list[LogLine]:
        """Return the lines that start at a place where one does; one that has no end yet is left out."""
        data = self._bite(start, TAIL_BYTES)
        return split(data, start, whole=len(data) == TAIL_BYTES and b"\n" not in data)

    def around(self, place: int) -> list[LogLine]:
        """Return the lines before and after the start of the line that holds a place."""
        start = self.line_start(place)
        return [*self.before(start), *self.after(start)]

    def line_start(self, place: int) -> int:
        """Return where the line that holds a place starts."""
        start = max(place - TAIL_BYTES, 0)
        return start + self._bite(start, place - start).rfind(b"\n") + 1 if place else 0

    def find(self, words: str, place: int, backwards: bool, wanted: Callable[[], bool] = lambda: True) -> int | None:
        """Return the start of the next line that holds words, in whichever case, or None.

        Args:
            words: looked for as they are, letters A to Z in either case.
            place: where the line starts from which to go on.
            backwards: look before it, nearest first.
            wanted: asked after every bite; the search of a huge log ends where nobody waits for it.
        """
        needle = words.encode("utf-8", "surrogateescape").lower()
        step = self._find_before if backwards else self._find_after
        return step(needle, place, wanted) if needle else None

    def _find_after(self, needle: bytes, place: int, wanted: Callable[[], bool]) -> int | None:
        first = self._bite(place, TAIL_BYTES).find(b"\n")
        start = place + first + 1 if first >= 0 else place + TAIL_BYTES
        while wanted():
            data = self._bite(start, SEARCH_BYTES).lower()
            found = data.find(needle)
            if found >= 0:
                return self.line_start(start + found)
            if len(data) < SEARCH_BYTES:
                return None
            start += SEARCH_BYTES - len(needle) + 1
        return None

    def _find_before(self, needle: bytes, place: int, wanted: Callable[[], bool]) -> int | None:
        end = place
        while end > 0 and wanted():
            start = max(end - SEARCH_BYTES, 0)
            found = self._bite(start, end - start).lower().rfind(needle)
            if found >= 0:
                return self.line_start(start + found)
            end = start + len(needle) - 1 if start else 0
        return None

    def _bite(self, start: int, length: int) -> bytes:
        """Read so many bytes; raises `OSError` where the file is there and cannot be read."""
        try:
            with open(self.path, "rb") as file:
                return os.pread(file.fileno(), length, start)
        except FileNotFoundError:
            return b""


class LogTail:
    """Follows a log that grows: its last `TAIL_BYTES` first, then what is new, at most as much at a time.

    A line is handed out once it is whole; a carriage return ends what a progress bar wrote over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset: int | None = None
        self._rest = b""

    def read(self) -> list[LogLine]:
        """Return the new lines; none where the file does not exist yet.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            with open(self.path, "rb") as file:
                size = file.seek(0, 2)
                first = self._offset is None or size < self._offset  # cut short by someone: begin again
                start = max(size - TAIL_BYTES, 0) if first else max(self._offset or 0, size - TAIL_BYTES)
                skipped = start > 0 if first else start > (self._offset or 0)
                file.seek(start)
                data = file.read(TAIL_BYTES)
        except FileNotFoundError:
            return []
        if first or skipped:
            self._rest = b""
        self._offset = start + len(data)
        data, start = self._rest + data, start - len(self._rest)
        if skipped and b"\n" in data:
            cut = data.index(b"\n") + 1
            data, start = data[cut:], start + cut
        lines = split(data, start, whole=len(data) > TAIL_BYTES and b"\n" not in data)
        self._rest = data[lines[-1].end - start :] if lines else data
        return lines

    def unfinished(self) -> str:
        """Return the last line as far as it goes: what a traceback or a prompt left without a newline."""
        return _shown(self._rest)


def split(data: bytes, start: int, whole: bool) -> list[LogLine]:
    """Return the lines of a piece of a file.

    Args:
        data: the piece.
        start: where it starts in the file.
        whole: whether what follows the last newline is a line too.
    """
    *ended, rest = data.split(b"\n")
    lines = []
    for line in ended:
        lines.append(LogLine(start, start + len(line) + 1, _shown(line)))
        start += len(line) + 1
    if whole and rest:
        lines.append(LogLine(start, start + len(rest), _shown(rest)))
    return lines


def _shown(line: bytes) -> str:
    written = line.rstrip(b"\r").rpartition(b"\r")[2]
    return safe(written[: LONGEST_LINE * 4].decode("utf-8", "replace"), LONGEST_LINE)
