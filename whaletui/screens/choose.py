"""Choose: one of a list, each with a line about it; typing narrows the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from whaletui.safe import safe


class Choice(NamedTuple):
    """Something to choose: the answer it gives, its name and a line about it."""

    key: str
    name: str
    about: str = ""


class Choose(ModalScreen[str | None]):
    """Offers choices; answers with the key of one, or with None."""

    BINDINGS = [
        Binding("escape", "dismiss(None)", "leave", show=False),
        Binding("down", "move(1)", "down", show=False, priority=True),
        Binding("up", "move(-1)", "up", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    Choose {
        align: center middle; background: $background 50%;
        #box {
            width: 84; max-width: 96%; height: auto; max-height: 80%; background: $panel;
            border: round $primary; padding: 0 1;
        }
        #question { text-style: bold; }
        Input { background: $panel; margin-bottom: 1; }
        OptionList { height: auto; max-height: 24; background: $panel; border: none; padding: 0; }
    }
    """

    def __init__(self, question: str, choices: Sequence[Choice], current: str | None = None) -> None:
        super().__init__()
        self.question, self.choices, self.current = question, choices, current

    def compose(self) -> ComposeResult:
        """Lay out the question, the line that narrows, and the list."""
        with Vertical(id="box"):
            yield Label(Content(safe(self.question)), id="question")
            yield Input(placeholder="type to narrow", compact=True)
            yield OptionList(*map(self._option, self.choices))

    def on_mount(self) -> None:
        """Begin at the current choice."""
        keys = [choice.key for choice in self.choices]
        if keys:
            self.query_one(OptionList).highlighted = keys.index(self.current) if self.current in keys else 0

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show the choices that hold every word typed, those that hold them in their name first."""
        words = event.value.lower().split()
        options = self.query_one(OptionList)
        options.clear_options()
        kept = [one for one in self.choices if all(word in f"{one.name} {one.about}".lower() for word in words)]
        kept.sort(key=lambda one: not all(word in one.name.lower() for word in words))
        options.add_options(map(self._option, kept))
        options.highlighted = 0 if kept else None

    def on_input_submitted(self) -> None:
        """Answer with the choice under the cursor."""
        self.query_one(OptionList).action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with a choice."""
        self.dismiss(event.option_id)

    def action_move(self, by: int) -> None:
        """Move in the list while the line keeps the focus."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if by > 0 else options.action_cursor_up()

    def _option(self, choice: Choice) -> Option:
        about = (f"\n  {safe(choice.about)}", "$foreground-muted") if choice.about else ""
        return Option(Content.assemble((safe(choice.name), "bold"), about), id=choice.key)
