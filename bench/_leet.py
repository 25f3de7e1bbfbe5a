"""W&B LEET at the same figures, in the same pseudo-terminal: offline, not logged in, an empty home folder."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from _labs import LAST_LOSS
from _terminal import BRAILLE, Terminal, key_to_paint, on_terminal, shown_age

WRITE = f"""
import math, random, sys, wandb
runs, steps = int(sys.argv[1]), int(sys.argv[2])
for number in range(runs):
    run = wandb.init(mode="offline", project="p", settings=wandb.Settings(console="off", x_disable_stats=True))
    for step in range(1, steps + 1):
        loss = 0.3 + 7 * math.exp(-6 * step / steps) + random.random() * 0.4 if step < steps else {LAST_LOSS}
        run.log({{"loss": loss, "learning_rate": 1e-3 * (1 - step / (steps + 1)),
                 "images_per_second": 400 + 20 * random.random(), "eta_seconds": (steps - step) * 0.5}})
    run.finish()
"""
LIVE = """
import sys, time, wandb
run = wandb.init(mode="offline", project="p", settings=wandb.Settings(console="off", x_disable_stats=True))
for step in range(1, 200):
    run.log({"loss": step + 0.5, "learning_rate": 0.1, "images_per_second": 9.0})
    print(step, time.time(), file=open(sys.argv[1], "a"), flush=True)
    time.sleep(0.7)
"""

QUIET_SECONDS = 15.0
"""It marks the runs at once, and is silent while it loads them: on a loaded machine for many seconds."""
DRAWN = re.compile(rb"Finished|" + str(LAST_LOSS).removeprefix("0.").encode())
"""The state, or the last loss: told once all was read. Of a number only the digits that changed are painted."""


class Leet:
    """W&B LEET on runs of its own, written under `labs` where they are not there yet."""

    def __init__(self, wandb: Path, labs: Path) -> None:
        self._home = labs / "leet-home"
        self._home.mkdir(parents=True, exist_ok=True)
        os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_ERROR_REPORTING="false")
        self._wandb, self._live_folder = wandb, labs / "leet-live"
        self._one = _written(wandb, labs / "leet-one", 1, 200_000)
        self._many = _written(wandb, labs / "leet-many", 201, 60)

    def _on(self, folder: Path) -> AbstractContextManager[Terminal]:
        """Start it on a folder, with nothing remembered of a start before: it keeps what was selected."""
        for remembered in folder.rglob(".wandb-leet.json"):
            remembered.unlink()
        return on_terminal([str(self._wandb), "leet"], folder, HOME=str(self._home))

    def long(self) -> tuple[float, ...]:
        """Return the seconds to the first chart, and twice to the whole history: it keeps none."""
        with self._on(self._one) as terminal:
            first, whole = terminal.wait(BRAILLE), terminal.wait(DRAWN, limit_seconds=300)
            return first, whole, whole

    def resting(self) -> tuple[float, ...]:
        """Return CPU (% of a core) at rest, and memory (MiB), with a whole long run in view."""
        with self._on(self._one) as terminal:
            terminal.wait(DRAWN, limit_seconds=300)
            terminal.settle(2.0)
            before = terminal.cpu_seconds()
            terminal.listen(10.0)
            return (terminal.cpu_seconds() - before) * 10, terminal.memory_mib()

    def many(self) -> tuple[float, ...]:
        """Return the seconds to the first chart, from asking for all runs to their overlay, and from a key to paint."""
        with self._on(self._many) as terminal:
            first = terminal.wait(BRAILLE)
            terminal.settle()
            terminal.send(b"\x01")  # ctrl+a
            terminal.wait(b"confirm")
            asked = terminal.send(b"y")
            terminal.settle(QUIET_SECONDS)
            return first, terminal.wrote_at - terminal.began - asked, key_to_paint(terminal, b"s")

    def live(self) -> tuple[float, ...]:
        """Return the median age of the newest value shown, CPU (% of a core) and bytes a second, of a live run."""
        with _live(self._wandb, self._live_folder) as (folder, notes), self._on(folder) as terminal:
            terminal.wait(BRAILLE, limit_seconds=90)
            age = shown_age(terminal, re.compile(rb"(\d+)\.5(?!\d)"), lambda: _noted(notes), 30.0)
            before = terminal.cpu_seconds()
            sent = terminal.listen(10.0) / 10.0
            return age, (terminal.cpu_seconds() - before) * 10, sent


def _written(wandb: Path, folder: Path, runs: int, steps: int) -> Path:
    if not (folder / "wandb").exists():
        folder.mkdir(parents=True)
        command = [str(wandb.with_name("python")), "-c", WRITE, str(runs), str(steps)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@contextmanager
def _live(wandb: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
    """Write a run while the block lasts; yields its folder and the file that notes when each step was logged."""
    folder.mkdir(parents=True, exist_ok=True)
    notes = folder / f"notes-{time.time_ns()}"
    writer = subprocess.Popen(
        [str(wandb.with_name("python")), "-c", LIVE, str(notes)], cwd=folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not notes.exists():
            time.sleep(0.2)
        yield folder, notes
    finally:
        writer.kill()
        writer.wait()


def _noted(notes: Path) -> dict[int, float]:
    return {int(step): float(when) for step, when in (line.split() for line in notes.read_text().splitlines())}
