"""Columns: which columns the table of runs shows, and in which order; typing narrows the list."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from whaletui.view.columns import COLUMNS, column
from whaletui.view.spread import HELD, UNTOLD, fields


class Narrowing(Input):
    """A line that leaves the space bar to the list: no title holds a blank that had to be typed."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Take every key that writes something but the space bar."""
        return key != "space" and super().check_consume_key(key, character)


class Columns(ModalScreen[tuple[str, ...] | None]):
    """Answers with the keys of the columns in their order, with an empty tuple for those that differ, or with None."""

    BINDINGS = [
        Binding("escape", "dismiss(None)", "leave", show=False),
        Binding("space", "show_or_hide", "show or hide", show=False, priority=True),
        Binding("down", "move(1)", "down", show=False, priority=True),
        Binding("up", "move(-1)", "up", show=False, priority=True),
        Binding("shift+down,ctrl+down,ctrl+n", "carry(1)", "later", show=False, priority=True),
        Binding("shift+up,ctrl+up,ctrl+b", "carry(-1)", "earlier", show=False, priority=True),
        Binding("ctrl+r", "automatic", "those that differ", show=False, priority=True),
        Binding("enter", "keep", "keep", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    Columns {
        align: center middle; background: $background 50%;
        #box {
            width: 84; max-width: 96%; height: auto; max-height: 90%; background: $panel;
            border: round $primary; padding: 0 1;
        }
        #question { text-style: bold; }
        #hint { color: $foreground-muted; height: auto; }
        Input { background: $panel; }
        OptionList { height: auto; max-height: 28; background: $panel; border: none; padding: 0; }
    }
    """

    def __init__(self, shown: Sequence[str]) -> None:
        super().__init__()
        self.shown = [key for key in shown if key != "mark"]
        others = [one.key for one in COLUMNS if one.key not in (*self.shown, "mark")]
        self.rest = [*others, *(path for path in fields() if path not in HELD and path not in (*UNTOLD, *self.shown))]

    def compose(self) -> ComposeResult:
        """Lay out the list, shown columns first."""
        with Vertical(id="box"):
            yield Label("columns of the table", id="question")
            yield Narrowing(placeholder="type to narrow", compact=True)
            yield Label("space shows, hides   shift+↑↓ moves   ^r what differs   enter keeps", id="hint")
            yield OptionList()

    def on_mount(self) -> None:
        """Begin at the first column."""
        self._list()

    def _list(self, at: str = "") -> None:
        words = self.query_one(Input).value.lower().split()
        options = self.query_one(OptionList)
        keys = [key for key in (*self.shown, *self.rest) if all(word in self._told(key).lower() for word in words)]
        options.clear_options()
        options.add_options([Option(self._line(key), id=key) for key in keys])
        options.highlighted = (keys.index(at) if at in keys else 0) if keys else None

    def _told(self, key: str) -> str:
        found = column(key)
        title = key if found is None or "." in key else found.title
        return f"{title} {found.about}" if found is not None and found.about != key else title

    def _line(self, key: str) -> Content:
        mark = ("[x] ", "bold $accent") if key in self.shown else ("[ ] ", "$foreground-muted")
        title, _, about = self._told(key).partition(" ")
        if key in ("delta", "interval"):
            title = "Δ base" if key == "delta" else "95 % interval"
            about = self._told(key).removeprefix(title).strip()
        return Content.assemble(mark, (title, "bold" if key in self.shown else ""), (f"  {about}", "$foreground-muted"))

    @property
    def _current(self) -> str:
        options = self.query_one(OptionList)
        if options.highlighted is None:
            return ""
        return str(options.get_option_at_index(options.highlighted).id)

    def on_input_changed(self) -> None:
        """Show the columns that hold every word typed."""
        self._list()

    def on_option_list_option_selected(self) -> None:
        """Show or hide a clicked column."""
        self.action_show_or_hide()

    def action_move(self, by: int) -> None:
        """Move in the list while the line keeps the focus."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if by > 0 else options.action_cursor_up()

    def action_show_or_hide(self) -> None:
        """Show the column under the cursor after those that are shown, or hide it."""
        if key := self._current:
            if key in self.shown:
                self.shown.remove(key)
                self.rest.insert(0, key)
            else:
                self.rest.remove(key)
                self.shown.append(key)
            self._list(key)

    def action_carry(self, by: int) -> None:
        """Move the column under the cursor among those that are shown."""
        key = self._current
        if key in self.shown:
            place = self.shown.index(key)
            self.shown.remove(key)
            self.shown.insert(max(place + by, 0), key)
            self._list(key)

    def action_automatic(self) -> None:
        """Leave the choice to what differs."""
        self.dismiss(())

    def action_keep(self) -> None:
        """Answer with the columns as they are listed; none at all would show nothing, so it means those that differ."""
        self.dismiss(("mark", *self.shown) if self.shown else ())
