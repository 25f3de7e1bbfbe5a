"""MemberList: the runs that may vote, each in or out, with its weight and what it is worth alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from whaletui.safe import safe
from whaletui.view import formats


class MemberLine(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate. `cannot` says why it cannot vote, empty where it can."""

    run_id: int
    name: str
    voting: bool
    weight: float
    alone: float | None = None
    low: float | None = None
    high: float | None = None
    cannot: str = ""


class MemberList(Widget, can_focus=True):
    """Moves a cursor over candidates and says what a person wants of one."""

    BINDINGS = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("space", "toggle_vote", "in or out", key_display="␣"),
        Binding("plus,equals_sign", "weigh(1)", "heavier", key_display="+"),
        Binding("minus", "weigh(-1)", "lighter", key_display="-"),
    ]
    DEFAULT_CSS = "MemberList { height: auto; width: 1fr; padding: 0 1; }"

    cursor: reactive[int] = reactive(0)
    members: reactive[tuple[MemberLine, ...]] = reactive((), layout=True)
    marks: reactive[tuple[tuple[str, float], ...]] = reactive((), layout=True)  # what members are measured against

    @dataclass
    class Toggled(Message):
        """A run is to vote, or not to vote any more."""

        run_id: int

    @dataclass
    class Weighed(Message):
        """A run's vote is to count one part more or less."""

        run_id: int
        by: int

    def show(self, members: Sequence[MemberLine]) -> None:
        """Show these candidates."""
        self.members = tuple(members)
        self.cursor = min(self.cursor, max(len(members) - 1, 0))

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.cursor = min(max(self.cursor + by, 0), max(len(self.members) - 1, 0))

    def action_toggle_vote(self) -> None:
        """Let the run under the cursor vote, or not."""
        if self.members:
            self.post_message(self.Toggled(self.members[self.cursor].run_id))

    def action_weigh(self, by: int) -> None:
        """Change the weight of the run under the cursor."""
        if self.members:
            self.post_message(self.Weighed(self.members[self.cursor].run_id, by))

    def on_click(self, event: events.Click) -> None:
        """Go to a clicked run, and toggle it where it was there already."""
        row = event.y - 1
        if 0 <= row < len(self.members):
            if row == self.cursor:
                self.action_toggle_vote()
            self.cursor = row

    def render(self) -> Content:
        """Return the lines: the members, then what they are measured against."""
        name_cells, bar_cells = self._shares()
        head = f" {'in':<4} {'run':<{name_cells}} {'alone':>6} {'':<{bar_cells}} {'95 % interval':<14} weight"
        lines = [Content.styled(head, "bold $foreground-muted")]
        for number, member in enumerate(self.members):
            line = self._line(member, name_cells, bar_cells)
            if number == self.cursor:
                line = line.pad_right(max(self.content_size.width - line.cell_length, 0))
                line = line.stylize("on $block-cursor-background")
            lines.append(line)
        lines.append(Content(""))
        for name, value in self.marks:
            bar = (formats.bar(value, bar_cells), "$accent" if name == "vote" else "$foreground-muted")
            lines.append(Content.assemble(f"      {name:<{name_cells}} {formats.score(value):>6} ", bar))
        return Content("\n").join(lines)

    def _shares(self) -> tuple[int, int]:
        """Return the cells of names and of bars: both give way on a narrow terminal."""
        longest = max((len(f"{member.run_id} {safe(member.name)}") for member in self.members), default=10)
        room = max(self.content_size.width - 44, 10)
        name_cells = min(max(longest, 10), room * 2 // 3, 48)
        return name_cells, max(min(room - name_cells, 50), 0)

    def _line(self, member: MemberLine, name_cells: int, bar_cells: int) -> Content:
        name = Content(f"{member.run_id} {safe(member.name)}").truncate(name_cells, ellipsis=True, pad=True)
        if member.cannot:
            return Content.assemble("   ·  ", name, f" {safe(member.cannot)}").stylize("$foreground-muted")
        box = (" [x] ", "bold $text-success") if member.voting else (" [ ] ", "$foreground-muted")
        figures = Content.assemble(
            f" {formats.score(member.alone):>6} ", (formats.bar(member.alone or 0.0, bar_cells), "$primary"),
            f" {formats.interval(member.low, member.high):<14} {'▮' * min(round(member.weight), 8)} {member.weight:g}",
        )  # fmt: skip
        return Content.assemble(box, " ", name, figures if member.voting else figures.stylize("$foreground-muted"))
