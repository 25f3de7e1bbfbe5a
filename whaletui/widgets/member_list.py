"""MemberList: the candidates of an ensemble, each in or out, with its weight and what it would change."""

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

FIXED_CELLS = 7 + 7 + 8 + 12
"""What always stands beside the name: box, score alone, change, weight."""
BAR_CELLS = 10


class MemberLine(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate. `change` is of MAP@5 if it is let in, or left out; `cannot` says why it cannot vote."""

    key: str
    name: str
    voting: bool
    weight: float
    alone: float | None = None
    low: float | None = None
    high: float | None = None
    change: float | None = None
    agrees: float | None = None  # share of photos with the ensemble's first guess
    only: int | None = None  # photos that no other member has among its five
    cannot: str = ""


class MemberList(Widget, can_focus=True):
    """Moves a cursor over candidates and says what a person wants of one."""

    BINDINGS = [
        Binding("up", "move(-1)", "up", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("space", "toggle_vote", "in/out", key_display="␣"),
        Binding("plus,equals_sign", "weigh(1)", "weight", key_display="+/-"),
        Binding("minus", "weigh(-1)", "lighter", show=False, key_display="-"),
    ]
    DEFAULT_CSS = "MemberList { height: auto; width: 1fr; padding: 0 1; }"

    cursor: reactive[int] = reactive(0)
    members: reactive[tuple[MemberLine, ...]] = reactive((), layout=True)
    marks: reactive[tuple[tuple[str, float], ...]] = reactive((), layout=True)  # what members are measured against

    @dataclass
    class Toggled(Message):
        """A candidate is to vote, or not to vote any more."""

        key: str

    @dataclass
    class Weighed(Message):
        """A member's vote is to count one part more or less."""

        key: str
        by: int

    def show(self, members: Sequence[MemberLine]) -> None:
        """Show these candidates."""
        self.members = tuple(members)
        self.cursor = min(self.cursor, max(len(members) - 1, 0))

    @property
    def current(self) -> MemberLine | None:
        """The candidate under the cursor."""
        return self.members[self.cursor] if self.members else None

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.cursor = min(max(self.cursor + by, 0), max(len(self.members) - 1, 0))
        if self.parent is not None:
            self.scroll_visible_line()

    def scroll_visible_line(self) -> None:
        """Keep the cursor in sight where the list is longer than its pane."""
        from textual.geometry import Region

        if isinstance(self.parent, Widget):
            self.parent.scroll_to_region(Region(0, self.cursor, 1, 2), animate=False)

    def action_toggle_vote(self) -> None:
        """Let the candidate under the cursor vote, or not."""
        if self.members:
            self.post_message(self.Toggled(self.members[self.cursor].key))

    def action_weigh(self, by: int) -> None:
        """Change the weight of the candidate under the cursor."""
        if self.members:
            self.post_message(self.Weighed(self.members[self.cursor].key, by))

    def on_click(self, event: events.Click) -> None:
        """Go to a clicked candidate, and toggle it where the cursor was there already."""
        row = event.y - 1
        if 0 <= row < len(self.members):
            if row == self.cursor:
                self.action_toggle_vote()
            self.cursor = row

    def render(self) -> Content:
        """Return the lines: the members, then what they are measured against."""
        cells = self._name_cells()
        head = f" {'in':<4} {'run':<{cells}} {'alone':>6} {'change':>7}  {'weight':<{BAR_CELLS + 2}}"
        head += f"{'agrees':>7}  {'only it':>7}  95 % interval" if self._wide else ""
        lines = [Content.styled(head, "bold $foreground-muted").truncate(max(self.content_size.width, 1))]
        for number, member in enumerate(self.members):
            line = self._line(member, cells).truncate(max(self.content_size.width, 1), ellipsis=True)
            if number == self.cursor:
                line = line.pad_right(max(self.content_size.width - line.cell_length, 0))
                line = line.stylize("on $block-cursor-background")
            lines.append(line)
        lines.append(Content(""))
        room = max(min(self.content_size.width - cells - 16, 60), 0)
        for name, value in self.marks:
            bar = (formats.bar(value, room), "$accent" if name == "vote" else "$foreground-muted")
            lines.append(Content.assemble(f"      {name:<{cells}} {formats.score(value):>6} ", bar))
        return Content("\n").join(lines)

    @property
    def _wide(self) -> bool:
        """Whether there is room for what is seldom looked at."""
        return self.content_size.width >= 100

    def _name_cells(self) -> int:
        """Return the cells of names, which give way on a narrow terminal."""
        longest = max((len(f"{member.key} {safe(member.name)}") for member in self.members), default=10)
        room = self.content_size.width - FIXED_CELLS - (34 if self._wide else 0)
        return min(max(longest, 10), max(room, 10), 60)

    def _line(self, member: MemberLine, cells: int) -> Content:
        name = Content(f"{safe(member.key, 30)} {safe(member.name)}").truncate(cells, ellipsis=True, pad=True)
        if member.cannot:
            return Content.assemble("   ·  ", name, f" {safe(member.cannot)}").stylize("$foreground-muted")
        box = (" [x] ", "bold $text-success") if member.voting else (" [ ] ", "$foreground-muted")
        helps = member.change is not None and (member.change > 0) != member.voting and member.change != 0
        change = "" if member.change is None else f"{member.change:+.3f}"
        bar = "▮" * min(round(member.weight), BAR_CELLS) if member.voting else ""
        weight = f"{bar} {member.weight:g}".strip() if member.voting else ""
        figures = Content.assemble(
            f" {formats.score(member.alone):>6} ", (f"{change:>7}", "$text-success" if helps else "$text-warning"),
            (f"  {weight:<{BAR_CELLS + 2}}", "$primary" if member.voting else ""), self._seldom(member),
        )  # fmt: skip
        return Content.assemble(box, " ", name, figures if member.voting else figures.stylize("$foreground-muted"))

    def _seldom(self, member: MemberLine) -> str:
        if not self._wide:
            return ""
        agrees = "" if member.agrees is None else f"{member.agrees:.2f}"
        only = "" if member.only is None else f"{member.only:,}"
        return f"{agrees:>7}  {only:>7}  {formats.interval(member.low, member.high):<14}"
