"""Selected runs side by side: their figures, the settings that differ, their curves over one another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from whaletui.desk import Pulse
from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.view import formats
from whaletui.view.comparison import ComparedRow, figure_rows, overlaid, setting_rows, standing_rows
from whaletui.widgets.chart import Chart
from whaletui.widgets.key_line import KeyLine

if TYPE_CHECKING:
    from whaletui.view.answers import Standing

FOLLOWED = "compare"
TITLE_CELLS = 28
MARGIN_CELLS = 3  # padding and scroll bar


class Compare(AtDesk[None]):
    """Nothing that is the same in all of them is shown."""

    TITLE = "compare"
    HELP_WORDS = (
        "Figures of the selected runs, then only the settings in which they differ. The best figure is bold. "
        "A difference is paired: on the same photos, whole whales drawn 1,000 times; where the 95 % interval holds "
        "zero it may be chance. Below, MAP@5 by how many photos of a whale there were to learn from."
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-medium")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (19, "-low"), (34, "-tall")]
    BINDINGS = [
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, run_ids: Sequence[int]) -> None:
        super().__init__()
        self.run_ids = tuple(run_ids)
        self.runs: list[RunRecord] = []
        self.standings: list[Standing] | None = None  # None: not read yet

    def compose(self) -> ComposeResult:
        """Lay out the table over the curves."""
        yield Static(Content(f"{formats.count(len(self.run_ids), 'run')} side by side"), id="title")
        with VerticalScroll(id="sheet"):
            yield Static("reading …", id="rows")
        with Horizontal(id="curves"):
            yield Chart("validation loss", id="loss")
            yield Chart("MAP@5", id="map5")
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the runs."""
        self.query_one("#sheet").focus()
        self._read()

    def on_unmount(self) -> None:
        """Stop following."""
        self.desk.watched.pop(FOLLOWED, None)

    def hear(self, pulse: Pulse) -> None:
        """Draw what is new."""
        if pulse.records_changed:
            self._read()
        if any(run_id in pulse.changed for run_id in self.run_ids):
            self._show_curves()

    def _read(self) -> None:
        self.work(
            f"reading {formats.count(len(self.run_ids), 'run')}",
            lambda: [self.desk.records.run(run_id) for run_id in self.run_ids], self._show, group="compare",
        )  # fmt: skip

    def _show(self, runs: list[RunRecord]) -> None:
        self.runs = runs
        self.desk.watched[FOLLOWED] = tuple(runs)
        self.room.look_now()
        if self.standings is None:
            self.standings = []
            self._read_standings(runs)
        self._draw()

    def _read_standings(self, runs: Sequence[RunRecord]) -> None:
        """Read what the runs answered; seconds where they are many, so it comes after the rest."""
        finished = [(run.id, self.desk.workspace.run_dir(run.folder).predictions) for run in runs if run.can_vote]
        folder = self.desk.data_folder

        def read() -> list[Standing]:
            from whaletui.view.answers import standings

            return standings(finished, Path(folder) if folder else None)

        self.work("reading what the runs answered", read, self._show_standings, group="standings")

    def _show_standings(self, standings: list[Standing]) -> None:
        self.standings = standings
        self._draw()

    def _draw(self) -> None:
        runs = self.runs
        figures, settings = figure_rows(runs), setting_rows(runs)
        cells = max((self.size.width - MARGIN_CELLS - TITLE_CELLS) // max(len(runs), 1) - 2, 8)
        names = ComparedRow(title="", cells=tuple(f"{run.id} {safe(run.name)}" for run in runs))
        lines = [_line(names, cells, "bold $accent"), *(_line(row, cells) for row in figures)]
        lines += [_line(row, cells) for row in standing_rows(runs, self.standings or [])]
        told = f"settings that differ: {len(settings)}" if settings else "no setting differs"
        lines += [Content(""), Content.styled(told, "bold $primary"), *(_line(row, cells) for row in settings)]
        self.query_one("#rows", Static).update(Content("\n").join(lines))
        self._show_curves()

    def _show_curves(self) -> None:
        loss, map5 = overlaid(self.runs, self.desk.views)
        self.query_one("#loss", Chart).plot = loss
        self.query_one("#map5", Chart).plot = map5

    def on_resize(self, event: Resize) -> None:
        """Share the width out anew."""
        if self.runs:
            self._draw()


def _line(row: ComparedRow, cells: int, style: str = "") -> Content:
    parts = [Content.styled(row.title.ljust(TITLE_CELLS), "$foreground-muted")]
    for place, text in enumerate(row.cells):
        fitted = Content(text).truncate(cells, ellipsis=True, pad=True)
        parts.append(fitted.stylize(style or ("bold $text-success" if place == row.best else "$foreground")))
    return Content("  ").join(parts)
