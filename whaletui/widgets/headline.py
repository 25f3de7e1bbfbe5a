"""Headline: the first line of the home screen: where we are, what runs and waits, how busy the slots are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from whaletui.safe import safe
from whaletui.view.slots import SlotLike, slot_words


class Headline(Widget):
    """One line that drops its parts from the right where it is short of room."""

    DEFAULT_CSS = """
    Headline { height: 1; width: 1fr; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts: tuple[str, str, Mapping[str, int], tuple[str, ...]] = ("", "", {}, ())

    def show(self, place: str, data: str, counts: Mapping[str, int], slots: Sequence[SlotLike]) -> None:
        """Show the workspace, the data folder, runs by state, and the slots."""
        parts = (safe(place, 60), safe(data, 60), dict(counts), tuple(slot_words(slot) for slot in slots))
        if parts == self._parts:
            return
        before, self._parts = self.render().plain, parts
        now = self.render().plain
        if now != before:  # mostly a figure of a slot, at the end of a long line, every two seconds
            same = next((place for place in range(min(map(len, (before, now)))) if before[place] != now[place]), 0)
            start = cell_len(now[:same])
            self.refresh(Region(start, 0, max(self.size.width - start, 1), 1))

    def render(self) -> Content:
        """Return the line: place on the left, slots on the right."""
        place, data, counts, slots = self._parts
        width = self.content_size.width
        left = Content.assemble(("whaletui", "bold $accent"), "  ", (place, "bold"))
        left = self._added(left, f"  {data}" if data else "", "$foreground-muted", width)
        for state, style in (("running", "$live"), ("queued", "$foreground-muted"), ("failed", "$text-error")):
            if counts.get(state):
                left = self._added(left, f"   {counts[state]} {state}", style, width)
        right = Content("")
        for slot in slots:
            if left.cell_length + right.cell_length + len(slot) + 3 <= width:
                right = Content.assemble(right, "  ", (slot, "$text-secondary")) if right else Content(slot)
        room = max(width - left.cell_length - right.cell_length, 1)
        return Content.assemble(left, " " * room, right).truncate(width)

    def _added(self, line: Content, words: str, style: str, width: int) -> Content:
        if line.cell_length + len(words) > width:
            return line
        return Content.assemble(line, (words, style))
