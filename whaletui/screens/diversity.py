"""How members differ: matrices of agreement, shared errors and the oracle, drawn in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.view.matrix import matrix_lines
from whaletui.widgets.key_line import KeyLine

if TYPE_CHECKING:
    from whaletui.ensemble.diversity import Diversity
    from whaletui.ensemble.lab import Lab
    from whaletui.ensemble.voices import Voice

KINDS = (
    ("agreement", "agreement: share of photos for which both guess the same whale first"),
    ("shared_errors", "error overlap: of the photos that either misses, the share that both miss"),
    ("oracle", "oracle at 5: share of photos that one of both has among its five guesses"),
)


class DiversityScreen(AtDesk[None]):
    """One matrix at a time; below it, what each member alone knows."""

    TITLE = "diversity"
    HELP_WORDS = (
        "Members that agree in everything add nothing to one another. Low error overlap and a high oracle say that "
        "two members know different things; “only it” counts the photos that no other member has among its five."
    )
    BINDINGS = [
        Binding("right,d,space", "turn(1)", "next matrix", key_display="→"),
        Binding("left", "turn(-1)", "matrix before", show=False),
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, lab: Lab, members: Sequence[tuple[int, Voice]]) -> None:
        super().__init__()
        self.lab, self.members = lab, tuple(members)
        self.kind = 0
        self.measured: Diversity | None = None

    def compose(self) -> ComposeResult:
        """Lay out the title, the matrix and the members."""
        yield Static("measuring …", id="title")
        with VerticalScroll():
            yield Static(id="matrix")
        yield KeyLine()

    def on_mount(self) -> None:
        """Measure."""
        lab, numbers = self.lab, [number for number, _ in self.members]

        def measure() -> Diversity:
            from whaletui.ensemble.diversity import diversity

            return diversity(lab, numbers)

        self.work("measuring how the members differ", measure, self._show)

    def _show(self, measured: Diversity) -> None:
        self.measured = measured
        name, about = KINDS[self.kind]
        self.query_one("#title", Static).update(Content.styled(about, "bold"))
        keys = [voice.key for _, voice in self.members]
        lines = matrix_lines(keys, getattr(measured, name).tolist(), name == "oracle")
        lines.append(Content(""))
        for (number, voice), only in zip(self.members, measured.only, strict=True):
            lines.append(
                Content.assemble(
                    (f"{safe(voice.key, 12):>12}  ", "bold"), f"alone {self.lab.singles[number].map5:.3f}   ",
                    (f"only it {only:>5,}", "$text-success" if only else "$foreground-muted"),
                    f"   {safe(voice.name, 50)}",
                )
            )  # fmt: skip
        lines.append(Content(f"{'':>12}  oracle at 5 of all {measured.oracle_of_all:.3f}"))
        self.query_one("#matrix", Static).update(Content("\n").join(lines))

    def action_turn(self, by: int) -> None:
        """Show the next matrix."""
        self.kind = (self.kind + by) % len(KINDS)
        if self.measured is not None:
            self._show(self.measured)
