"""W&B LEET at the same figures, in the same pseudo-terminal: offline, not logged in, an empty home folder."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
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

DRAWN = re.compile(rb"Finished|" + str(LAST_LOSS).removeprefix("0.").encode())
"""The state, or the last loss: told once all was read. Of a number only the digits that changed are painted."""


def leet(wandb: Path, labs: Path) -> dict[str, float]:
    """Measure W&B LEET; its runs are written under `labs` where they are not there yet."""
    home = labs / "leet-home"
    home.mkdir(parents=True, exist_ok=True)
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_ERROR_REPORTING="false")
    command = [str(wandb), "leet"]
    one, many = (_written(wandb, labs / f"leet-{name}", *size) for name, size in
                 (("one", (1, 200_000)), ("many", (201, 60))))  # fmt: skip
    found: dict[str, float] = {}
    first, whole, rest = [], [], []
    for _ in range(4):
        with on_terminal(command, one, HOME=str(home)) as terminal:
            first.append(terminal.wait(BRAILLE))
            whole.append(terminal.wait(DRAWN, limit_seconds=300))
            rest.append(_rest(terminal))
    found["first_chart_200k"] = statistics.median(first[1:])
    found["history_200k"] = found["history_200k_again"] = statistics.median(whole[1:])
    found["idle_cpu"], found["memory"] = (statistics.median(one) for one in zip(*rest[1:], strict=True))
    overlays = [_overlaid(command, many, home) for _ in range(4)][1:]
    for row, values in zip(
        ("first_chart_201", "select_all_201", "key_to_paint"), zip(*overlays, strict=True), strict=True
    ):
        found[row] = statistics.median(values)
    with (
        _live(wandb, labs / "leet-live") as (folder, notes),
        on_terminal(command, folder, HOME=str(home)) as terminal,
    ):
        terminal.wait(BRAILLE, limit_seconds=90)
        found["newest_value_age"] = shown_age(terminal, re.compile(rb"(\d+)\.5(?!\d)"), lambda: _noted(notes), 30.0)
        before = terminal.cpu_seconds()
        found["bytes_per_second"] = terminal.listen(10.0) / 10.0
        found["live_cpu"] = (terminal.cpu_seconds() - before) * 10
    return found


def _overlaid(command: list[str], many: Path, home: Path) -> tuple[float, float, float]:
    """Return the seconds to the first chart, from asking for all runs to their settled overlay, and from a key there.

    It remembers what was selected: forgotten first, so that each start is alike.
    """
    for remembered in many.rglob(".wandb-leet.json"):
        remembered.unlink()
    with on_terminal(command, many, HOME=str(home)) as terminal:
        first = terminal.wait(BRAILLE)
        terminal.settle()
        asked = terminal.send(b"\x01")  # ctrl+a
        time.sleep(0.3)
        terminal.send(b"y")
        terminal.settle(3.0)
        return first, terminal.wrote_at - terminal.began - asked, key_to_paint(terminal, b"s")


def _rest(terminal: Terminal) -> tuple[float, float]:
    terminal.settle(2.0)
    before = terminal.cpu_seconds()
    terminal.listen(10.0)
    return (terminal.cpu_seconds() - before) * 10, terminal.memory_mib()


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
