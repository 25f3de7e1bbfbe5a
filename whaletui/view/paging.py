"""What stands below the table of runs: how much of everything is in sight, or how to begin. Pure."""

from __future__ import annotations

from whaletui.records.model import Page, State
from whaletui.view import formats

PAGE_ROWS = 500
NOTHING_YET = "No run of ours yet: n makes one from a preset; whaletui demo draws a sea to try"


def below_words(page: Page, first_row: int, filtered: bool, selected: int) -> str:
    """Return the line below a page that begins at `first_row`; empty where there is nothing to say."""
    words = []
    if not filtered and page.total == page.counts.get(State.PUBLISHED, 0):
        words.append(NOTHING_YET)
    if filtered:
        words.append(f"{page.matching:,} of {formats.count(page.total, 'run')} match")
    if len(page.rows) < page.matching:
        first, last = first_row + 1, first_row + len(page.rows)
        words.append(f"[ ] turn pages: {first:,} to {last:,} of {page.matching:,}")
    if selected:
        words.append(f"● {formats.count(selected, 'run')} selected, esc lets go")
    return "   ".join(words)
