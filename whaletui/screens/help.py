"""Help: every key of the screen that asked for it, with what it does; made from the bindings themselves."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

SYMBOLS = "· queued  ▶ running  ✓ finished  ✗ failed  – cancelled  ? lost  ◆ published  ● selected  ★ starred"
SCORES = (
    "MAP@5 on the validation photos, 1 is perfect. [low high] is its 95 % interval. Δ base is what it is above "
    "“constant”, the score of guessing new_whale for every photo; “duplicates” copies labels of duplicate photos "
    "as well. Neither needs training."
)
FILTERS = (
    "words: looked for in name, note, tags, backbone      map5>0.4  seed=0,1  state=running  crop=yes  age<2h\n"
    "name=talk*  tag=best  -tag=old  training.epochs>=8    and, or, not, ( )"
)
UNTOLD = ("app.focus", "command_palette", "screen.", "copy", "app.suspend", "scroll_", "page_")
"""Actions that Textual binds by itself and nobody asks about."""


class Help(ModalScreen[None]):
    """Lists the keys of another screen."""

    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss", "close", show=False)]
    DEFAULT_CSS = """
    Help {
        align: center middle; background: $background 50%;
        #box {
            width: 96; max-width: 100%; height: auto; max-height: 100%; background: $panel;
            border: round $primary; padding: 0 2;
        }
        Static { height: auto; margin-bottom: 1; }
    }
    """

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        self.about = about

    def compose(self) -> ComposeResult:
        """Lay out the screen's own words, its keys in two columns, and what the signs mean."""
        with VerticalScroll(id="box", can_focus=True):
            yield Static(Content.styled(f"{self.about.TITLE or 'whaletui'}: keys", "bold $accent"))
            if words := getattr(self.about, "HELP_WORDS", ""):
                yield Static(Content(words))
            yield Static(self._keys())
            yield Static(Content.assemble(("signs\n", "bold"), SYMBOLS))
            yield Static(Content.assemble(("scores\n", "bold"), SCORES))
            yield Static(Content.assemble(("filter\n", "bold"), FILTERS))
            yield Static(
                Content.styled("Training goes on when you leave; come back with whaletui.", "$foreground-muted")
            )

    def _keys(self) -> Content:
        told: dict[str, str] = {}
        for _, binding, _, _ in self.about.active_bindings.values():
            if binding.description and not binding.action.startswith(UNTOLD):
                key = binding.key_display or self.app.get_key_display(binding)
                held = told.get(binding.description)
                told[binding.description] = f"{held} {key}" if held and key not in held.split() else held or key
        told["command palette"] = "ctrl+p"
        half = (len(told) + 1) // 2
        rows = [(f"{key:>8}  ", f"{words:<26}") for words, key in told.items()]
        lines = []
        for left, right in zip(rows[:half], [*rows[half:], ("", "")], strict=False):
            keys = [Content.styled(key, "bold $accent") for key, _ in (left, right)]
            lines.append(Content.assemble(keys[0], left[1], keys[1], right[1].rstrip()))
        return Content("\n").join(lines)
