"""Printing: aligned tables and JSON, every word from outside through the one gate."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.contract.errors import WhaleError
from whaletui.safe import safe

DONE, FAILED, USAGE = 0, 1, 2
"""Exit codes: done; the thing asked for failed; wrong usage."""


def say(text: str = "") -> None:
    """Print one line."""
    print(safe(text, 4000))


def complain(error: WhaleError | str) -> None:
    """Print an error to stderr: what was wrong, and what to try on a line of its own."""
    if isinstance(error, WhaleError):
        print(f"whaletui: {safe(error.message, 2000)}", file=sys.stderr)
        if error.hint:
            print(f"          {safe(error.hint, 2000)}", file=sys.stderr)
    else:
        print(f"whaletui: {safe(error, 2000)}", file=sys.stderr)


def as_json(value: Any) -> None:
    """Print a value as indented JSON; numbers that are none become null."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> None:
    """Print rows under headings, columns as wide as they need be; those named in `right` to the right."""
    cells = [[safe(cell, 80) for cell in row] for row in rows]
    shown = [safe(heading, 80) for heading in headings]  # names of runs may be among them
    widths = [max(len(heading), *(len(row[i]) for row in cells), 0) for i, heading in enumerate(shown)]
    for row in [shown, *cells]:
        parts = [
            cell.rjust(width) if heading in right else cell.ljust(width)
            for cell, width, heading in zip(row, widths, headings, strict=True)
        ]
        print("  ".join(parts).rstrip())
