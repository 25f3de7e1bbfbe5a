"""LogPane: the end of a run's log; follows it while the end is in sight."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widgets import Log

MOST_LINES = 5000


class LogPane(Log):
    """Plain lines, never markup; scrolls along only while its end is in sight."""

    DEFAULT_CSS = """
    LogPane {
        height: 1fr; padding: 0 1; scrollbar-size: 1 1;
        background: $background; background-tint: transparent; color: $foreground;
        &:focus { background-tint: transparent; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(highlight=False, max_lines=MOST_LINES, id=id)

    def add(self, lines: Sequence[str]) -> None:
        """Append safe lines."""
        if lines:
            self.write_lines(lines, scroll_end=self.is_vertical_scroll_end)
