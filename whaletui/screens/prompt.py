"""Prompt: one line asked for at the foot of the screen; escape leaves things as they were."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from whaletui.safe import safe


class Prompt(ModalScreen[str | None]):
    """Asks for a line; answers with it, or with None where it was left."""

    BINDINGS = [Binding("escape", "dismiss(None)", "leave", show=False)]
    DEFAULT_CSS = """
    Prompt {
        align: center bottom; background: $background 40%;
        #box { height: auto; background: $panel; border-top: solid $primary; padding: 0 1; }
        #hint { color: $foreground-muted; }
        Input { background: $panel; }
    }
    """

    def __init__(self, question: str, value: str = "", hint: str = "") -> None:
        super().__init__()
        self.question, self.value, self.hint = question, value, hint

    def compose(self) -> ComposeResult:
        """Lay out the question over the line."""
        with Vertical(id="box"):
            yield Label(Content(safe(self.question)))
            yield Input(safe(self.value, 2000), compact=True, max_length=2000)
            yield Label(Content(safe(f"{self.hint}enter keeps it, escape leaves it")), id="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with what was typed."""
        self.dismiss(event.value)
