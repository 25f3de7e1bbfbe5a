"""A program on a pseudo-terminal of its own: keys in, bytes out, and what it costs."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from _screen import Screen

SIZE = (45, 160)
BRAILLE = re.compile(rb"\xe2[\xa0-\xa3][\x81-\xbf]")  # any of U+2801 to U+28FF, in UTF-8
TICKS = os.sysconf("SC_CLK_TCK")


class Terminal:
    """The other end of a program's terminal. Times are seconds since it was started."""

    def __init__(self, process: int, master: int) -> None:
        self.process, self.master = process, master
        self.began = self.wrote_at = time.perf_counter()
        self.bytes = 0
        self.screen = Screen(*SIZE)
        self._unseen: list[bytes] = []  # written, and not yet fed to the screen: that may take a moment
        self._held = b""

    def _read(self, wait: float) -> bytes:
        if not select.select([self.master], [], [], wait)[0]:
            return b""
        try:
            data = os.read(self.master, 1 << 20)
        except OSError as error:  # EIO: nobody is at the other end any more
            raise SystemExit(f"the program on the terminal ended: {error}") from error
        self.wrote_at = time.perf_counter()
        self.bytes += len(data)
        self._unseen.append(data)
        return data

    def wait(self, *wanted: bytes | re.Pattern[bytes], limit_seconds: float = 60.0) -> float:
        """Wait until all of these came out after each other's or the last call's; returns when the last one did."""
        missing = [re.compile(re.escape(one)) if isinstance(one, bytes) else one for one in wanted]
        ends = time.perf_counter() + limit_seconds
        seen = self._held
        while missing:
            missing = [one for one in missing if not one.search(seen)]
            if not missing:
                break
            if time.perf_counter() > ends:
                raise SystemExit(f"{[one.pattern for one in missing]} did not come within {limit_seconds} s")
            seen = seen[-(1 << 20) :] + self._read(0.5)
        self._held = b""
        return self.wrote_at - self.began

    def wait_shown(self, *wanted: str, limit_seconds: float = 60.0) -> float:
        """Wait until all of these stand on the screen at once; returns when the last bytes of them came."""
        ends = time.perf_counter() + limit_seconds
        while missing := [one for one in wanted if one not in self._shown()]:
            if time.perf_counter() > ends:
                raise SystemExit(f"{missing} did not come within {limit_seconds} s:\n{self._shown()}")
            self._read(0.5)
        return self.wrote_at - self.began

    def _shown(self) -> str:
        for data in self._unseen:
            self.screen.feed(data)
        self._unseen.clear()
        return self.screen.text

    def settle(self, quiet_seconds: float = 0.7) -> float:
        """Wait until nothing more is painted; returns when the last bytes came."""
        while self._read(quiet_seconds):
            pass
        return self.wrote_at - self.began

    def send(self, keys: bytes) -> float:
        """Press keys; returns when."""
        os.write(self.master, keys)
        return time.perf_counter() - self.began

    def listen(self, seconds: float) -> int:
        """Take what comes for so long; returns how many bytes."""
        before, ends = self.bytes, time.perf_counter() + seconds
        while (left := ends - time.perf_counter()) > 0:
            self._read(left)
        return self.bytes - before

    def cpu_seconds(self) -> float:
        """Return what the program and its children have computed so far."""
        return sum(_cpu(process) for process in self._family())

    def memory_mib(self) -> float:
        """Return the resident memory of the program and its children."""
        return sum(_rss(process) for process in self._family()) / (1 << 20)

    def _family(self) -> list[int]:
        family = [self.process]
        for process in family:  # grows while it is walked
            for task in Path(f"/proc/{process}/task").glob("*/children"):
                family += map(int, task.read_text().split())
        return family


def key_to_paint(terminal: Terminal, key: bytes, times: int = 20) -> float:
    """Return the median seconds from a key to the first bytes that it causes."""
    taken = []
    for _ in range(times):
        terminal.settle(0.3)
        pressed = time.perf_counter()
        terminal.send(key)
        terminal._read(5.0)
        taken.append(terminal.wrote_at - pressed)
    return statistics.median(taken)


def shown_age(
    terminal: Terminal, shown: re.Pattern[bytes], said: Callable[[], dict[int, float]], seconds: float
) -> float:
    """Return the median age of the newest value on the terminal, looked at five times a second.

    Args:
        terminal: a program that shows a run whose value counts its steps.
        shown: matches a value; its group is the number of the step.
        said: returns the unix seconds at which each step was said.
        seconds: how long to look.
    """
    ages: list[float] = []
    newest, held = 0, b""
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        held = held[-40:] + terminal._read(0.2)
        steps = said()
        newest = max([newest, *(int(one) for one in shown.findall(held) if int(one) in steps)])
        if newest in steps:
            ages.append(time.time() - steps[newest])
        time.sleep(0.2)
    return statistics.median(ages)


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _rss(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def on_terminal(command: list[str], folder: Path, **variables: str) -> Iterator[Terminal]:
    """Run a command on a pseudo-terminal of 160x45 in a folder; it is killed when the block is left."""
    process, master = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **variables})
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    try:
        yield Terminal(process, master)
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(master)
