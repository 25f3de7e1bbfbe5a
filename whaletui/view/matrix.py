"""A matrix of shares as lines of a terminal: the figure in each cell, its height as shade. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from whaletui.safe import safe

SHADES = " ░▒▓█"
CELLS = 7


def matrix_lines(keys: Sequence[str], values: Sequence[Sequence[float]], diagonal: bool) -> list[Content]:
    """Return a heading and a line for each row.

    Args:
        keys: name the rows and columns.
        values: (rows, columns) from 0 to 1; shades are spread over what occurs off the diagonal.
        diagonal: whether the diagonal tells something; else it is left blank.
    """
    named = [safe(key, CELLS - 1) for key in keys]
    gutter = max((len(name) for name in named), default=0) + 2
    off = [value for row, line in enumerate(values) for column, value in enumerate(line) if row != column]
    low, high = (min(off), max(off)) if off else (0.0, 1.0)
    head = " " * gutter + "".join(f"{name:>{CELLS}}" for name in named)
    lines = [Content.styled(head, "bold $foreground-muted")]
    for row, line in enumerate(values):
        parts: list[Content | str | tuple[str, str]] = [(f"{named[row]:>{gutter - 1}} ", "bold")]
        for column, value in enumerate(line):
            if row == column and not diagonal:
                parts.append(f"{'·':>{CELLS}}")
                continue
            share = (value - low) / (high - low) if high > low else 0.0
            shade = SHADES[min(max(round(share * (len(SHADES) - 1)), 0), len(SHADES) - 1)]
            parts.append((f" {shade}{value:>5.2f}", "$primary" if row == column else ""))
        lines.append(Content.assemble(*parts))
    return lines
