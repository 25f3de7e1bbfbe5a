"""Confirm: asks before something is done that cannot be undone; anything but yes is no."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Label

from whaletui.safe import safe


class Confirm(ModalScreen[bool]):
    """Asks a question that y or n answers."""

    BINDINGS = [
        Binding("y", "dismiss(True)", "yes", show=False),
        Binding("n,escape,q", "dismiss(False)", "no", show=False),
        Binding("left,right", "app.focus_next", "the other", show=False),
    ]
    DEFAULT_CSS = """
    Confirm {
        align: center middle; background: $background 50%;
        #box { width: 64; max-width: 96%; height: auto; background: $panel; border: round $warning; padding: 1 2; }
        #question { text-style: bold; width: 1fr; }
        #detail { color: $foreground-muted; margin-bottom: 1; width: 1fr; }
        #answers { height: auto; align-horizontal: right; }
        Button { margin-left: 2; }
    }
    """

    def __init__(self, question: str, detail: str = "", yes: str = "yes", no: str = "no") -> None:
        super().__init__()
        self.question, self.detail, self.yes, self.no = question, detail, yes, no

    def compose(self) -> ComposeResult:
        """Lay out the question, what it means, and the two answers; no has the focus."""
        with Vertical(id="box"):
            yield Label(Content(safe(self.question)), id="question")
            yield Label(Content(safe(self.detail)), id="detail")
            with Horizontal(id="answers"):
                yield Button(Content(f"y  {safe(self.yes)}"), variant="warning", id="yes", compact=True)
                yield Button(Content(f"n  {safe(self.no)}"), id="no", compact=True)

    def on_mount(self) -> None:
        """Put the focus on the answer that changes nothing."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")
