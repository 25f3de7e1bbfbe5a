"""VoteList: ensembles that were written down, a line each, with what the leaderboard said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from whaletui.safe import safe
from whaletui.view import formats


class VoteLine(msgspec.Struct, frozen=True, kw_only=True):
    """One ensemble. `news` says which member was trained again, empty where it is up to date."""

    ensemble_id: int
    name: str
    members: str
    blend: str
    map5: float | None
    low: float | None
    high: float | None
    gain: float | None
    held_out: bool
    public: float | None
    star: bool
    tags: tuple[str, ...]
    news: str


class VoteList(Widget, can_focus=True):
    """Moves a cursor over ensembles; one of them may be the measure of the others."""

    BINDINGS = [
        Binding("up", "move(-1)", "up", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("enter", "choose", "open", key_display="⏎"),
    ]
    DEFAULT_CSS = "VoteList { height: auto; width: 1fr; padding: 0 1; }"

    cursor: reactive[int] = reactive(0)
    votes: reactive[tuple[VoteLine, ...]] = reactive((), layout=True)
    pinned: reactive[int | None] = reactive(None)

    @dataclass
    class Chosen(Message):
        """An ensemble is to be opened."""

        ensemble_id: int

    def show(self, votes: Sequence[VoteLine]) -> None:
        """Show these ensembles."""
        self.votes = tuple(votes)
        self.cursor = min(self.cursor, max(len(votes) - 1, 0))

    @property
    def current(self) -> VoteLine | None:
        """The ensemble under the cursor."""
        return self.votes[self.cursor] if self.votes else None

    def action_move(self, by: int) -> None:
        """Move the cursor and keep it in sight."""
        self.cursor = min(max(self.cursor + by, 0), max(len(self.votes) - 1, 0))
        if isinstance(self.parent, Widget):
            self.parent.scroll_to_region(Region(0, self.cursor, 1, 2), animate=False)

    def action_choose(self) -> None:
        """Open the ensemble under the cursor."""
        if self.current is not None:
            self.post_message(self.Chosen(self.current.ensemble_id))

    def on_click(self, event: events.Click) -> None:
        """Go to a clicked ensemble, and open it where the cursor was there already."""
        row = event.y - 1
        if 0 <= row < len(self.votes):
            if row == self.cursor:
                self.action_choose()
            self.cursor = row

    def render(self) -> Content:
        """Return the lines."""
        width = max(self.content_size.width, 1)
        name_cells = min(max((len(safe(vote.name)) for vote in self.votes), default=4), 28 if width < 100 else 44)
        measure = next((vote.map5 for vote in self.votes if vote.ensemble_id == self.pinned), None)
        head = f"   {'id':>4}  {'name':<{name_cells}}  MAP@5   {'Δ' if measure is not None else 'gain':>6}  public  "
        head += f"{'95 % interval':<14}  {'blend':<13} members" if width >= 100 else "news"
        lines = [Content.styled(head, "bold $foreground-muted").truncate(width)]
        for number, vote in enumerate(self.votes):
            line = self._line(vote, name_cells, measure, width).truncate(width, ellipsis=True)
            if number == self.cursor:
                line = line.pad_right(max(width - line.cell_length, 0)).stylize("on $block-cursor-background")
            lines.append(line)
        return Content("\n").join(lines)

    def _line(self, vote: VoteLine, cells: int, measure: float | None, width: int) -> Content:
        mark = "▸" if vote.ensemble_id == self.pinned else "★" if vote.star else " "
        change = formats.delta(vote.map5, measure) if measure is not None else ""
        if measure is None and vote.gain is not None:
            change = f"{vote.gain:+.3f}"
        name = Content(safe(vote.name)).truncate(cells, ellipsis=True, pad=True)
        held = "h" if vote.held_out and measure is None else " "
        figures = f"  {formats.score(vote.map5):>5}  {change:>7}{held} {formats.score(vote.public):>6}  "
        more = ""
        if width >= 100:
            more = f"{formats.interval(vote.low, vote.high):<14}  {vote.blend:<13} {vote.members}  "
        tags = " ".join(f"#{safe(tag, 20)}" for tag in vote.tags)
        news = (f" {safe(vote.news)}", "$text-warning") if vote.news else ""
        return Content.assemble(
            f" {mark} {'e' + str(vote.ensemble_id):>4}  ", name, figures, more, (tags, "$text-secondary"), news
        )
