"""FilterBar: the line in which a filter is typed, hidden while there is none; says in place what it cannot read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Label

from whaletui.safe import safe
from whaletui.view.complete import completed

EXAMPLE = "map5>0.4 and backbone=resnet*   tag=best   -state=failed   age<2d   training.epochs>=8"


class FilterWords(Suggester):
    """Offers how the filter may go on."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.values: Mapping[str, Sequence[str]] = {}

    async def get_suggestion(self, value: str) -> str | None:
        """Return the filter with its last word made whole."""
        return completed(value, self.values)


class FilterBar(Horizontal):
    """Speaks of every change while it is typed, and says when it is left."""

    BINDINGS = [
        Binding("escape", "leave(True)", "clear", key_display="esc"),
        Binding("tab", "complete", "complete", key_display="tab"),
        Binding("up", "back(1)", "earlier filter", key_display="↑"),
        Binding("down", "back(-1)", "later filter, to the table", key_display="↓"),
    ]
    DEFAULT_CSS = """
    FilterBar {
        height: auto; display: none; background: $surface; padding: 0 1;
        &.-open { display: block; }
        #label { width: auto; color: $accent; text-style: bold; padding-right: 1; }
        Input { width: 1fr; background: $surface; }
        #refusal { width: auto; max-width: 60%; height: auto; max-height: 2; color: $text-error; padding-left: 1; }
    }
    """

    @dataclass
    class Changed(Message):
        """The filter reads otherwise now; `final` when it was entered, not only typed."""

        text: str
        final: bool = False

    class Left(Message):
        """The person is done with the filter."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.words = FilterWords()
        self.earlier: Sequence[str] = ()  # filters that were entered before, newest last
        self._steps_back = 0
        self._typed = ""  # what stood here before the first step back

    def compose(self) -> ComposeResult:
        """Lay out the line."""
        yield Label("filter", id="label")
        yield Input(placeholder=EXAMPLE, compact=True, max_length=1000, suggester=self.words)
        yield Label("", id="refusal")

    @property
    def text(self) -> str:
        """What is typed."""
        return self.query_one(Input).value

    def open(self) -> None:
        """Show the line and begin to type."""
        self._steps_back = 0
        self.add_class("-open")
        self.query_one(Input).focus()

    def write(self, text: str) -> None:
        """Put a filter into the line, as if it had been typed; an empty one hides it."""
        self.set_class(bool(text), "-open")
        self.query_one(Input).value = text

    def action_complete(self) -> None:
        """Make the last word whole."""
        line = self.query_one(Input)
        if (whole := completed(line.value, self.words.values)) is not None:
            line.value = whole
            line.cursor_position = len(whole)

    def action_back(self, by: int) -> None:
        """Step through the filters of before; past the newest of them, what was typed, then the table."""
        steps = self._steps_back + by
        if steps < 0:
            self.action_leave(False)
        elif steps <= len(self.earlier):
            if self._steps_back == 0:
                self._typed = self.text
            self._steps_back = steps
            line = self.query_one(Input)
            line.value = self.earlier[-steps] if steps else self._typed
            line.cursor_position = len(line.value)

    def clear(self) -> None:
        """Empty and hide the line."""
        self.query_one(Input).value = ""
        self.remove_class("-open")

    def refuse(self, words: str) -> None:
        """Say what cannot be read."""
        self.query_one("#refusal", Label).update(Content(safe(words, 160)))

    def accept(self) -> None:
        """Take the complaint back."""
        self.query_one("#refusal", Label).update("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pass a change on."""
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and leave."""
        event.stop()
        self.post_message(self.Changed(event.value, final=True))
        self.action_leave(False)

    def action_leave(self, clear: bool) -> None:
        """Leave, the filter cleared or kept."""
        if clear or not self.text.strip():
            self.clear()
        self.post_message(self.Left())
