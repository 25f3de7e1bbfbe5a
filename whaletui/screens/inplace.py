"""InPlace: a cell of a table typed over where it stands; escape leaves it as it was."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.widgets import Input

from whaletui.safe import safe

NARROWEST = 12


class InPlace(ModalScreen[str | None]):
    """Lays a line over a region of the screen; answers with what was typed, or None where it was left."""

    BINDINGS = [Binding("escape", "dismiss(None)", "leave", show=False)]
    DEFAULT_CSS = """
    InPlace {
        background: transparent;
        Input { position: absolute; background: $boost; color: $foreground; text-style: bold; }
    }
    """

    def __init__(self, over: Region, value: str, max_length: int) -> None:
        super().__init__()
        self.over, self.value, self.max_length = over, value, max_length

    def compose(self) -> ComposeResult:
        """Lay the line over the cell."""
        line = Input(safe(self.value, self.max_length), compact=True, max_length=self.max_length)
        line.styles.offset = (self.over.x, self.over.y)
        line.styles.width = max(self.over.width, NARROWEST)
        yield line

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with what was typed."""
        self.dismiss(event.value)
