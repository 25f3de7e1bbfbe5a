"""Draws the demo's photos in a process of the engine's: whaletui itself never loads an image library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from engine.contract.errors import WhaleError


def draw_demo_data(folder: Path) -> None:
    """Draw the demo's data set; raises `WhaleError` with the last line of what went wrong."""
    command = [sys.executable, "-m", "engine.drawing", str(folder)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word of why"])[-1]
        raise WhaleError(f"the demo's photos could not be drawn: {last}", "make room, or name another folder")
