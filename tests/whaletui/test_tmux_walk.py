"""A person's walk in tmux: every key of the home screen's last line is pressed in a real terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from app_kit import RecordedLab

from whaletui.records.model import State

TMUX = shutil.which("tmux") or ""
PATIENCE_SECONDS = 120.0
HOME = "open"  # the first word of home's last line

WALK: dict[str, tuple[tuple[str, ...], str]] = {
    "⏎": (("Enter",), "esc back"),
    "n": (("n",), "begin with"),
    "c": (("c",), "new run"),
    "␣": (("Space",), "1 run selected"),
    "d": (("Space", "d"), "side by side"),
    "e": (("e",), "best single"),
    "E": (("E",), "submission of"),
    "v": (("v",), "tab metric"),
    "/": (("/",), "complete"),
    "?": (("?",), "keys"),
    "s": (("s",), "sort by"),
    "Q": (("Q",), "slots"),
    "x": (("Escape", "End", "x"), "only waiting and running runs"),
    "r": (("r",), "published results are not runs"),
}
"""Key as it is shown -> what is pressed, and what is seen then; in an order in which each makes sense."""

MODAL_OR_SCREEN = {"⏎", "n", "c", "d", "e", "v", "/", "?", "s", "Q"}
"""Keys from which escape leads home again."""


class Terminal:
    """A tmux session of its own server."""

    def __init__(self, name: str, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.name = name
        words = [f"{key}={value}" for key, value in environment.items()]
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-s", "walk", "-x", "160", "-y", "45", "-c", str(folder), "env",
            "-u", "COLUMNS", "-u", "LINES", *words, *command,
        )  # fmt: skip

    def _tmux(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([TMUX, "-L", self.name, *words], capture_output=True, text=True, timeout=30)

    def press(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            self._tmux("send-keys", "-t", "walk", key)

    def screen(self) -> str:
        """Return what is seen."""
        return self._tmux("capture-pane", "-p", "-t", "walk").stdout

    def is_open(self) -> bool:
        """Whether the program still runs."""
        return self._tmux("has-session", "-t", "walk").returncode == 0

    def close(self) -> None:
        """End it, whatever goes on."""
        self._tmux("kill-server")

    def until(self, fulfilled: Callable[[str], bool], about: str) -> str:
        """Wait for what is to be seen; returns the screen."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            text = self.screen()
            if fulfilled(text):
                return text
            time.sleep(0.1)
        raise AssertionError(f"{about} was never seen:\n{self.screen()}")


@pytest.fixture
def terminal(lab: Path) -> Iterator[Terminal]:
    """Open the app in tmux on a workspace in which nothing waits, so that no keeper is started."""
    recorded = RecordedLab(lab)
    recorded.records.request_cancel(13)
    recorded.end(recorded.records.run(12), State.CANCELLED)  # else it is found lost, and queued again
    told = {name: os.environ[name] for name in ("WHALETUI_GPUS", "WHALETUI_CPU_SLOTS")}
    command = [sys.executable, "-m", "whaletui", str(lab)]
    terminal = Terminal(f"whaletui-{os.getpid()}", command, lab, {**told, "TERM": "tmux-256color"})
    yield terminal
    terminal.close()


def footer(text: str) -> str:
    lines = text.rstrip("\n").splitlines()
    return lines[-1].strip() if lines else ""


@pytest.mark.timeout(600)
@pytest.mark.skipif(not TMUX, reason="tmux is not installed")
def test_every_key_of_the_last_line_does_what_it_says(terminal: Terminal) -> None:
    text = terminal.until(lambda text: "talk: whole photos" in text and HOME in footer(text), "the table")
    shown = [words.split(" ")[0] for words in footer(text).split("  ") if words.strip()]
    assert {"⏎", "n", "c", "d", "e", "?"} <= set(shown)
    terminal.press("End", *["Up"] * 7)
    for key, (pressed, seen) in WALK.items():
        terminal.press(*pressed)
        terminal.until(lambda text, seen=seen: seen in text, f"{seen!r} after {key}")
        if key in MODAL_OR_SCREEN:
            terminal.press("Escape")
            terminal.until(lambda text: footer(text).startswith(f"⏎ {HOME}") and "╭" not in text, f"home after {key}")
        assert terminal.is_open(), key
    for key in [key for key in shown if key not in WALK and key != "q"]:
        before = terminal.screen()
        terminal.press(key)
        terminal.until(lambda text, before=before: text != before, f"a change after {key}")
        terminal.press("Escape")
        terminal.until(lambda text: footer(text).startswith(f"⏎ {HOME}"), f"home after {key}")
    terminal.press("q")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while terminal.is_open() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not terminal.is_open(), terminal.screen()
