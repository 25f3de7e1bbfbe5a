"""SpecForm: every setting of a spec as a line that can be typed over in place, grouped by part.

One input serves all lines: it lies over the value under the cursor. Sixty inputs would take a second
to mount, and the form is to be there at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from engine.contract.fields import Field
from whaletui.view.form import OPEN_PARTS, FormState, fields_by_part, part_of
from whaletui.widgets.field_list import MARK_CELLS, NAME_CELLS, FieldList, Line


class LastOfList(Suggester):
    """Completes the word after the last comma from a list of known ones."""

    def __init__(self, known: tuple[str, ...]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.known = known

    async def get_suggestion(self, value: str) -> str | None:
        """Return the value completed by the shortest known word that begins so."""
        typed = value.rpartition(",")[2].lstrip()
        found = [word for word in self.known if word.startswith(typed)] if typed else []
        return value[: len(value) - len(typed)] + min(found, key=len) if found else None


class ValueInput(Input):
    """The value under the cursor. Space steps through the values of a choice or a switch."""

    def __init__(self) -> None:
        super().__init__(compact=True, max_length=4000, select_on_focus=False)
        self.values: tuple[str, ...] = ()

    def on_key(self, event: events.Key) -> None:
        """Step to the next value, unless a list is being typed."""
        if event.key == "space" and self.values and "," not in self.value:
            event.prevent_default()
            event.stop()
            place = self.values.index(self.value) if self.value in self.values else -1
            self.value = self.values[(place + 1) % len(self.values)]
            self.cursor_position = len(self.value)


class SpecForm(Container):
    """Moves a cursor over parts and fields, and says what was typed."""

    BINDINGS = [
        Binding("up,shift+tab", "move(-1)", "field above", show=False, priority=True),
        Binding("down,tab", "move(1)", "field below", show=False, priority=True),
        Binding("pageup", "move(-12)", "page up", show=False),
        Binding("pagedown", "move(12)", "page down", show=False),
        Binding("space,left,right", "fold", "open or close a part", show=False),
        Binding("enter", "enter", "next field, or open a part", show=False),
    ]
    DEFAULT_CSS = """
    SpecForm {
        layers: lines input;
        FieldList { layer: lines; }
        ValueInput { layer: input; position: absolute; width: 30; height: 1; background: $boost; }
    }
    """

    @dataclass
    class Typed(Message):
        """A field reads otherwise now."""

        path: str
        text: str

    @dataclass
    class Entered(Message):
        """The cursor came to a line; `field` is None at the head of a part."""

        part: str
        field: Field | None

    def __init__(self, state: FormState, known: Mapping[str, tuple[str, ...]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._state, self._known, self._refused = state, known, ""
        self._open = set(OPEN_PARTS)

    def compose(self) -> ComposeResult:
        """Lay the input over the lines."""
        yield FieldList(self._state)
        yield ValueInput()

    def on_mount(self) -> None:
        """Draw the lines; the cursor comes with `go_to`."""
        self._redraw()

    @property
    def current(self) -> Line:
        """The line under the cursor."""
        listed = self.query_one(FieldList)
        return listed.lines[min(listed.cursor, len(listed.lines) - 1)]

    def show(self, state: FormState, refused: str = "") -> None:
        """Mark what was changed, and the field that is refused."""
        self._state, self._refused = state, refused
        self._redraw()

    def go_to(self, path: str) -> None:
        """Open the part of a field and put the cursor there."""
        self._open.add(part_of(path))
        self._redraw()
        listed = self.query_one(FieldList)
        for number, line in enumerate(listed.lines):
            if line.field is not None and line.field.path == path:
                self._move_to(number)

    def write(self, text: str) -> None:
        """Put a text into the field under the cursor, as if it had been typed."""
        if self.current.field is not None:
            self.query_one(ValueInput).value = text

    def action_move(self, by: int) -> None:
        """Move the cursor over heads and fields."""
        listed = self.query_one(FieldList)
        self._move_to(min(max(listed.cursor + by, 0), len(listed.lines) - 1))

    def action_fold(self) -> None:
        """Open or close the part whose head is under the cursor."""
        line = self.current
        if line.field is None:
            self._open ^= {line.part}
            self._redraw()
            self._move_to(self.query_one(FieldList).cursor)

    def action_enter(self) -> None:
        """Go on to the next field, or open a part."""
        if self.current.field is None:
            self.action_fold()
        else:
            self.action_move(1)

    def _redraw(self) -> None:
        lines: list[Line] = []
        for part, fields in fields_by_part(self._state.kinds).items():
            lines.append(Line(part, open=part in self._open))
            lines += [Line(part, field) for field in fields if part in self._open]
        self.query_one(FieldList).show(lines, self._state, self._refused)

    def _move_to(self, number: int) -> None:
        listed, value = self.query_one(FieldList), self.query_one(ValueInput)
        listed.cursor = number
        field = self.current.field
        if field is None:
            value.display = False
            listed.focus()
        else:
            switch = ("true", "false") if field.kind == "switch" else ()
            value.values = switch or field.choices
            known = self._known.get(field.path, value.values)
            value.suggester = LastOfList(known) if known else None
            with value.prevent(Input.Changed):
                value.value = self._state.shown(field.path)
            value.cursor_position = len(value.value)
            value.display = True
            value.focus(scroll_visible=False)
        self._place_input()
        self.post_message(self.Entered(self.current.part, field))

    def _place_input(self) -> None:
        """Lay the input over the value under the cursor, or away where that is out of sight."""
        listed, value = self.query_one(FieldList), self.query_one(ValueInput)
        row = listed.line_on_screen(listed.cursor)
        value.styles.offset = (MARK_CELLS + NAME_CELLS, row)
        value.styles.width = max(min(listed.value_cells, self.size.width - MARK_CELLS - NAME_CELLS), 4)
        value.visible = 0 <= row < max(listed.size.height, 1)

    def on_resize(self) -> None:
        """Follow the value that moved."""
        self.call_after_refresh(self._place_input)

    def on_mouse_scroll_down(self) -> None:
        """Follow the value that moved."""
        self.call_after_refresh(self._place_input)

    def on_mouse_scroll_up(self) -> None:
        """Follow the value that moved."""
        self.call_after_refresh(self._place_input)

    @on(FieldList.Clicked)
    def line_clicked(self, message: FieldList.Clicked) -> None:
        """Go to a clicked field; open or close a clicked part."""
        message.stop()
        self._move_to(message.line)
        self.action_fold()

    @on(Input.Submitted)
    def value_entered(self, event: Input.Submitted) -> None:
        """Go on to the next field."""
        event.stop()
        self.action_enter()

    @on(Input.Changed)
    def value_changed(self, event: Input.Changed) -> None:
        """Pass a change on."""
        event.stop()
        if self.current.field is not None:
            self.post_message(self.Typed(self.current.field.path, event.value))
