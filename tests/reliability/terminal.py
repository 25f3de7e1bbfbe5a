"""A pseudo-terminal: what a program sends to it, byte by byte, and what is not allowed among them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ALLOWED = re.compile(
    rb"\x1b\[[0-9;:<=>?]*[ -/]*[@-~]"  # what Textual draws with
    rb"|\x1b[=>78cM]|\x1b\](?:22;[a-z-]*|1[0-9];\?)(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\|\x1b_[^\x1b]*\x1b\\"
)
MARKS = (b"pwned", b"\xe2\x80\xae", b"\x9b31m", b"\x00")
"""What hostile text tries to get through: a title or clipboard of its own, reversed text, a C1 sequence, NUL."""


class Terminal:
    """A program on a terminal of its own. `sent` holds everything it wrote so far."""

    def __init__(self, pid: int, master: int) -> None:
        self.pid, self.master, self.sent = pid, master, b""
        self.status: int | None = None

    def read(self, seconds: float = 0.05) -> bool:
        """Take what was sent; False where the program has closed the terminal."""
        if select.select([self.master], [], [], seconds)[0]:
            try:
                chunk = os.read(self.master, 1 << 16)
            except OSError:
                return False
            self.sent += chunk
            return bool(chunk)
        return True

    def read_until(self, holds: Callable[[bytes], bool], what: str, seconds: float = 60.0) -> bytes:
        """Read until what was sent satisfies a condition."""
        deadline = time.monotonic() + seconds
        while not holds(self.sent):
            assert time.monotonic() < deadline, f"{what} did not come: {self.sent[-2000:]!r}"
            if not self.read() and not holds(self.sent):
                raise AssertionError(f"the program ended before {what}: {self.sent[-2000:]!r}")
        return self.sent

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, keys: bytes = b"", seconds: float = 90.0) -> int:
        """Read to the end, pressing keys once a second; returns the exit code, negative for a signal."""
        deadline, pressed_at = time.monotonic() + seconds, 0.0
        while self.status is None:
            if keys and time.monotonic() - pressed_at > 1.0:
                pressed_at = time.monotonic()
                self.type(keys)
            assert time.monotonic() < deadline, "the program does not end"
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        while select.select([self.master], [], [], 0)[0] and self.read():
            pass
        return self.status


@contextmanager
def on_terminal(
    words: list[str],
    folder: Path,
    size: tuple[int, int] = (100, 30),
    variables: Mapping[str, str] | None = None,
    command: list[str] | None = None,
) -> Iterator[Terminal]:
    """Run `python -m whaletui WORDS`, or a command, on a terminal of `size` columns and rows; kill it at the end."""
    pid, master = pty.fork()
    if pid == 0:
        try:
            os.chdir(folder)
            told = {**os.environ, "TERM": "xterm-256color", **(variables or {})}
            argv = command or [sys.executable, "-m", "whaletui", *words]
            os.execvpe(argv[0], argv, told)
        finally:
            os._exit(127)  # the test goes on in the parent alone
    terminal = Terminal(pid, master)
    terminal.resize(*size)
    try:
        yield terminal
    finally:
        if terminal.status is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(master)


def unallowed(sent: bytes) -> list[bytes]:
    """Return what reached a terminal and must not have: marks of hostile text, escapes that nothing of ours sends."""
    left = ALLOWED.sub(b"", sent)
    found = [mark for mark in MARKS if mark in left and mark != b"pwned"]
    found += re.findall(rb"\x1b.{0,12}", left)
    found += re.findall(rb"\x1b\][^\x07\x1b]*pwned|\x1b\]52", sent)
    return found
