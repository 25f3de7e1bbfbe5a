"""The table of runs as a file: comma-separated values, or a Markdown table to paste. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from whaletui.view.columns import Column, RowFacts

ENDINGS = (".csv", ".md")


def titles(columns: Sequence[Column]) -> list[str]:
    """Return the titles, whole paths for settings."""
    return [column.key if "." in column.key else column.title for column in columns]


def table(columns: Sequence[Column], rows: Sequence[RowFacts]) -> list[list[str]]:
    """Return titles and cells as they are shown; the column of signs is left out, since states have their words."""
    told = [column for column in columns if column.key != "mark"]
    return [titles(told), *([column.cell(facts).text.strip() for column in told] for facts in rows)]


def as_csv(lines: Sequence[Sequence[str]]) -> str:
    """Return lines as CSV (RFC 4180, but lines end as Unix ends them)."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()


def as_markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return lines as a Markdown table, columns aligned; a bar or a line break within a cell cannot end it."""
    cells = [[cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    widths = [max(3, *(len(line[place]) for line in cells)) for place in range(len(cells[0]))] if cells else []
    rule = ["-" * width for width in widths]
    return "".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |\n"
        for line in [cells[0], rule, *cells[1:]]
    )
