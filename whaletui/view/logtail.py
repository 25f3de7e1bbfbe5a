"""The end of a log, read in bounded bites and made safe line by line."""

from __future__ import annotations

from pathlib import Path

from whaletui.safe import safe

TAIL_BYTES = 256 * 1024
LONGEST_LINE = 2000


class LogTail:
    """Follows a file that grows: the last `TAIL_BYTES` first, then what is new.

    A line is handed out once it is whole; a carriage return ends what a progress bar wrote over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset: int | None = None
        self._rest = b""

    def read(self) -> list[str]:
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
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > TAIL_BYTES:
            whole, self._rest = [*whole, self._rest], b""
        return [_shown(line) for line in (whole[1:] if skipped else whole)]

    def unfinished(self) -> str:
        """Return the last line as far as it goes: what a traceback or a prompt left without a newline."""
        return _shown(self._rest)


def _shown(line: bytes) -> str:
    written = line.rstrip(b"\r").rpartition(b"\r")[2]
    return safe(written[: LONGEST_LINE * 4].decode("utf-8", "replace"), LONGEST_LINE)
