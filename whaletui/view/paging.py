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
    shown, matching = (len(page.groups), page.families) if page.groups else (len(page.rows), page.matching)
    if filtered:
        words.append(f"{page.matching:,} of {formats.count(page.total, 'run')} match")
    if page.groups:
        words.append(f"{formats.count(matching, 'row')} of runs alike but for seed and fold: → opens one, f all")
    if shown < matching:
        first, last = first_row + 1, first_row + shown
        words.append(f"[ ] turn pages: {first:,} to {last:,} of {matching:,}")
    if selected:
        words.append(f"● {formats.count(selected, 'run')} selected, esc lets go")
    return "   ".join(words)
