"""FieldList: the lines of a form drawn as text: parts that open and close, and their fields. Holds no input itself."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.contract.fields import Field
from whaletui.safe import safe
from whaletui.view.form import PARTS, FormState, part_of

NAME_CELLS = 26
MARK_CELLS = 3


@dataclass(frozen=True)
class Line:
    """A line of the form: the head of a part, or (with `field`) a setting."""

    part: str
    field: Field | None = None
    open: bool = True


class FieldList(ScrollView, can_focus=True):
    """Draws lines and a cursor; what is typed is laid over it by `SpecForm`."""

    COMPONENT_CLASSES = {
        f"field-list--{name}" for name in ("head", "name", "value", "help", "changed", "refused", "cursor")
    }
    DEFAULT_CSS = """
    FieldList {
        height: 1fr; width: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1;
        .field-list--head { color: $primary; text-style: bold; }
        .field-list--name { color: $foreground-muted; }
        .field-list--value { color: $foreground; }
        .field-list--help { color: $foreground-muted; }
        .field-list--changed { color: $accent; text-style: bold; }
        .field-list--refused { color: $text-error; text-style: bold; }
        .field-list--cursor {
            background: $block-cursor-blurred-background; text-style: $block-cursor-text-style;
        }
    }
    """

    cursor: reactive[int] = reactive(0, repaint=False)

    @dataclass
    class Clicked(Message):
        """A line was clicked."""

        line: int

    def __init__(self, state: FormState, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.state = state
        self.refused = ""
        self.lines: list[Line] = []

    def show(self, lines: list[Line], state: FormState, refused: str) -> None:
        """Show these lines with what the form holds."""
        self.lines, self.state, self.refused = lines, state, refused
        self.virtual_size = Size(self.size.width, len(lines))
        self.refresh()

    @property
    def value_cells(self) -> int:
        """How wide values are; the rest of a line is help."""
        return min(max(self.size.width * 3 // 10, 20), 40)

    def line_on_screen(self, line: int) -> int:
        """Return the row of a line within the widget, below 0 or beyond its height where it is out of sight."""
        return line - self.scroll_offset.y

    def watch_cursor(self) -> None:
        """Keep the cursor in sight."""
        row, height = self.line_on_screen(self.cursor), max(self.size.height, 1)
        if row < 0:
            self.scroll_to(y=self.cursor, animate=False, immediate=True, force=True)
        elif row >= height:
            # by force: a part that was opened just now has no scrollbar yet
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True, force=True)
        self.refresh()

    def on_resize(self) -> None:
        """Keep the cursor in sight of the new size."""
        self.virtual_size = Size(self.size.width, len(self.lines))
        self.watch_cursor()

    def on_click(self, event: events.Click) -> None:
        """Say which line was clicked."""
        if (line := event.y + self.scroll_offset.y) < len(self.lines):
            self.post_message(self.Clicked(line))

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        number = y + self.scroll_offset.y
        width = self.size.width
        if number >= len(self.lines):
            return Strip.blank(width, self.rich_style)
        line = self.lines[number]
        cursor = self.get_component_rich_style("field-list--cursor")
        ground = Style(bgcolor=cursor.bgcolor, reverse=cursor.reverse) if number == self.cursor else Style.null()
        segments = self._head(line) if line.field is None else self._setting(line.field)
        grounded = [Segment(segment.text, (segment.style or Style.null()) + ground) for segment in segments]
        return Strip(grounded).adjust_cell_length(width, self.rich_style + ground).crop(0, width)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"field-list--{name}")

    def _head(self, line: Line) -> list[Segment]:
        changed = sum(part_of(path) == line.part for path in self.state.texts)
        return [
            Segment(f" {'▾' if line.open else '▸'} {line.part}".ljust(MARK_CELLS + 14), self._style("head")),
            Segment(PARTS.get(line.part, ""), self._style("help")),
            Segment(f"   ● {changed}" if changed and not line.open else "", self._style("changed")),
        ]

    def _setting(self, field: Field) -> list[Segment]:
        refused, changed = field.path == self.refused, field.path in self.state.texts
        name = field.path if part_of(field.path) == "first" else field.path.partition(".")[2]
        style = self._style("refused" if refused else "changed" if changed else "name")
        value = set_cell_size(safe(self.state.shown(field.path), 200), self.value_cells)
        return [
            Segment(f" {'✗' if refused else '●' if changed else ' '} ", style),
            Segment(set_cell_size(name, NAME_CELLS), style),
            Segment(value, self._style("refused" if refused else "value")),
            Segment(f"  {field.help}", self._style("help")),
        ]
