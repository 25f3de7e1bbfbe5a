"""CoverageMap: lines of backbone, method and crop against seeds, with a cursor on one cell."""

from __future__ import annotations

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from whaletui.records.model import State
from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.columns import STATE_STYLES, SYMBOLS, short_backbone
from whaletui.view.coverage import Coverage, Line, coverage

CELL = 7
MISSING = "□"


class CoverageMap(ScrollView, can_focus=True):
    """Draws the map; the seeds stay in sight above, the lines' names on the left."""

    BINDINGS = [
        Binding("up,k", "go(-1,0)", "up", show=False),
        Binding("down,j", "go(1,0)", "down", show=False),
        Binding("left,h", "go(0,-1)", "left", show=False),
        Binding("right,l", "go(0,1)", "right", show=False),
        Binding("home", "go(-1000000,0)", "first", show=False),
        Binding("end", "go(1000000,0)", "last", show=False),
    ]
    COMPONENT_CLASSES = {
        f"coverage-map--{name}" for name in ("head", "name", "cursor", "quiet", "dim", "live", "good", "warn", "bad")
    }
    DEFAULT_CSS = """
    CoverageMap {
        height: 1fr; width: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1;
        .coverage-map--head { color: $foreground-muted; background: $surface; text-style: bold; }
        .coverage-map--name { color: $foreground; }
        .coverage-map--cursor { background: $block-cursor-background; text-style: $block-cursor-text-style; }
        .coverage-map--quiet, .coverage-map--dim { color: $foreground-muted; }
        .coverage-map--live { color: $live; }
        .coverage-map--good { color: $text-success; }
        .coverage-map--warn { color: $text-warning; }
        .coverage-map--bad { color: $text-error; }
    }
    """

    cursor: reactive[tuple[int, int]] = reactive((0, 0))

    def __init__(self) -> None:
        super().__init__()
        self.map: Coverage = coverage(())

    @property
    def current(self) -> tuple[Line, int] | None:
        """The line and seed under the cursor, None of an empty map."""
        row, column = self.cursor
        if row >= len(self.map.lines) or column >= len(self.map.seeds):
            return None
        return self.map.lines[row], self.map.seeds[column]

    def show(self, found: Coverage) -> None:
        """Show a map; the cursor stays where it is, as far as there are cells."""
        self.map = found
        self.virtual_size = Size(self.size.width, len(found.lines) + 1)
        self.action_go(0, 0)
        self.refresh()

    def action_go(self, down: int, right: int) -> None:
        """Move the cursor, staying on the map."""
        row, column = self.cursor
        last_row, last_column = max(len(self.map.lines) - 1, 0), max(len(self.map.seeds) - 1, 0)
        self.cursor = (min(max(row + down, 0), last_row), min(max(column + right, 0), last_column))
        top, height = self.scroll_offset.y, max(self.size.height - 1, 1)
        if not top <= self.cursor[0] < top + height:
            self.scroll_to(y=max(self.cursor[0] - (height - 1 if down > 0 else 0), 0), animate=False, immediate=True)

    def on_click(self, event: events.Click) -> None:
        """Go to a clicked cell."""
        row, column = event.y - 1 + self.scroll_offset.y, (event.x - self._name_cells) // CELL + self._first_seed
        if event.y > 0 and row < len(self.map.lines) and 0 <= column < len(self.map.seeds):
            self.cursor = (row, column)

    @property
    def _name_cells(self) -> int:
        return max(min(self.size.width // 2, 44), 8)

    @property
    def _seeds_in_sight(self) -> int:
        return max((self.size.width - self._name_cells - 1) // CELL, 1)

    @property
    def _first_seed(self) -> int:
        """Which seed stands leftmost: the cursor's is always in sight."""
        return max(self.cursor[1] - self._seeds_in_sight + 1, 0)

    def on_resize(self) -> None:
        """Keep the cursor in sight of the new size."""
        self.virtual_size = Size(self.size.width, len(self.map.lines) + 1)
        self.action_go(0, 0)

    def render_line(self, y: int) -> Strip:
        """Return the seeds, or one line of the map."""
        width, base = self.size.width, self.rich_style
        first, count = self._first_seed, self._seeds_in_sight
        if y == 0:
            seeds = "".join(f"{f's{seed}':>{CELL}}" for seed in self.map.seeds[first : first + count])
            title = set_cell_size(" backbone, method, crop", self._name_cells)
            style = self._style("head")
            return Strip([Segment(title + seeds, style)]).adjust_cell_length(width, style)
        row = y - 1 + self.scroll_offset.y
        if row >= len(self.map.lines):
            return Strip.blank(width, base)
        line = self.map.lines[row]
        words = f" {short_backbone(line.backbone)}  {safe(line.method)}{'  cropped' if line.crop else ''}"
        segments = [Segment(set_cell_size(words, self._name_cells), self._style("name"))]
        for column in range(first, min(first + count, len(self.map.seeds))):
            segments.append(self._cell(line, row, column))
        return Strip(segments).adjust_cell_length(width, base)

    def _cell(self, line: Line, row: int, column: int) -> Segment:
        run = self.map.best(line, self.map.seeds[column])
        if run is None:
            text, style = MISSING, "quiet"
        else:
            style = STATE_STYLES[run.state]
            text = formats.score(run.map5) if run.state is State.FINISHED else f"{SYMBOLS[run.state]} {run.id}"
        drawn = self._style(style)
        if (row, column) == self.cursor:
            drawn = drawn + self._style("cursor")
        return Segment(f"{text[: CELL - 1]:>{CELL}}", drawn)

    def _style(self, name: str) -> Style:
        found = self.get_component_rich_style(f"coverage-map--{name}", partial=True)
        return self.rich_style + found
