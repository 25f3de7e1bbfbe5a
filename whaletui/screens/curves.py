"""Curves of any number of runs over one another: several metrics, one way to look at all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid, Horizontal
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from whaletui.desk import Pulse
from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.view import formats
from whaletui.view.look import Look, Stretch, whole_of
from whaletui.view.plots import METRICS, Plot, colours_of, metric_plot
from whaletui.view.runview import RunView
from whaletui.widgets.chart import Chart, figure
from whaletui.widgets.curve_list import CurveLine, CurveList
from whaletui.widgets.key_line import KeyLine

FOLLOWED = "curves"
CHART_CELLS, CHART_LINES = 44, 10
"""The least that a chart is given where there are several."""


class CurvesScreen(AtDesk[None]):
    """Draws runs over one another, the one under the cursor on top. Live where they live."""

    TITLE = "curves"
    HELP_WORDS = (
        "Runs over one another; the one under the cursor lies on top. Points of one column are drawn from the lowest "
        "to the highest, so no spike is lost; × marks values that are no number, 3↑ points above the chart. The "
        "wheel zooms, a click marks a place: then the list holds the values there."
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-medium"), (110, "-wide")]
    BINDINGS = [
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("tab", "turn(1)", "metric", priority=True),
        Binding("shift+tab", "turn(-1)", "metric before", show=False, priority=True),
        Binding("o", "alone", "one/all"),
        Binding("a", "axis", "axis"),
        Binding("l", "log_axis", "log"),
        Binding("s", "smooth", "smooth"),
        Binding("y", "clip", "outliers"),
        Binding("right", "mark(1)", "values", key_display="←→"),
        Binding("left", "mark(-1)", "mark a place before", show=False),
        Binding("ctrl+right,shift+right", "mark(10)", "mark ten cells on", show=False),
        Binding("ctrl+left,shift+left", "mark(-10)", "mark ten cells before", show=False),
        Binding("plus,equals_sign", "zoom(0.5)", "zoom", key_display="+-"),
        Binding("minus", "zoom(2)", "zoom out", show=False),
        Binding("left_square_bracket", "pan(-0.25)", "pan back", show=False, key_display="["),
        Binding("right_square_bracket", "pan(0.25)", "pan on", show=False, key_display="]"),
        Binding("0", "whole", "whole"),
        Binding("space", "hide", "hide a run, show it again", show=False, key_display="␣"),
        Binding("enter", "open", "open the run", show=False, key_display="⏎"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, runs: Sequence[RunRecord]) -> None:
        super().__init__()
        self.runs = tuple(runs)
        self.look = Look()
        self.chosen = METRICS[0].key
        self.alone = False
        self.hidden: set[int] = set()
        self._settled = self._owed = False

    def compose(self) -> ComposeResult:
        """Lay out the runs beside their charts."""
        yield Static(id="title")
        with Horizontal(id="sheet"):
            yield CurveList(id="runs")
            with Grid(id="charts"):
                for metric in METRICS:
                    chart = Chart(metric.title, id=metric.key)
                    chart.display = False  # which of them there is room and need for is known at the first look
                    yield chart
        yield KeyLine()

    def on_mount(self) -> None:
        """Have the runs followed, and show what is known of them already."""
        self.query_one(CurveList).focus()
        self.desk.colours = colours_of([run.id for run in self.runs], self.desk.colours) | self.desk.colours
        self.desk.watched[FOLLOWED] = self.runs
        self.room.look_now()

    def on_unmount(self) -> None:
        """Stop following."""
        self.desk.watched.pop(FOLLOWED, None)

    @property
    def shown(self) -> list[tuple[int, RunView]]:
        """The runs that are not hidden, each with its view."""
        views = self.desk.views
        return [(run.id, views.get(run.id) or RunView.new()) for run in self.runs if run.id not in self.hidden]

    def hear(self, pulse: Pulse) -> None:
        """Draw what is new."""
        if pulse.records_changed:
            alive = [run.id for run in self.runs if run.state.is_active]
            self.work("reading the runs", lambda: [self.desk.records.run(run_id) for run_id in alive], self._take)
        if not self._settled or any(run.id in pulse.changed for run in self.runs):
            self._settled = True
            self._show()

    def _take(self, fresh: list[RunRecord]) -> None:
        known = {run.id: run for run in fresh}
        self.runs = tuple(known.get(run.id, run) for run in self.runs)
        self.desk.watched[FOLLOWED] = self.runs

    # what is shown

    def _show(self) -> None:
        """Choose the charts that fit and draw them."""
        shown, placed = self.shown, self._placed()
        top = self._top()
        for metric in METRICS:
            chart = self.query_one(f"#{metric.key}", Chart)
            chart.display = metric.key in placed
            if chart.display:
                chart.chosen = metric.key == self.chosen and len(placed) > 1
                plot = self.look.at(metric_plot(metric, shown, self.desk.colours, top), metric.key)
                if plot != chart.plot:
                    chart.plot = plot
        self._show_list()
        words = f"curves of {formats.count(len(self.runs), 'run')}"
        if self.hidden:
            words += f", {len(self.hidden)} hidden"
        title = Content.assemble((words, "bold"), "   ", (self.look.words(), "$foreground-muted"))
        self.query_one("#title", Static).update(title)

    def _show_list(self) -> None:
        plot = self.query_one(f"#{self.chosen}", Chart).plot
        self.query_one(CurveList).show(_lines(self.runs, plot, self.desk.colours))

    def _top(self) -> int | None:
        row = self.query_one(CurveList).cursor
        return self.runs[row].id if row < len(self.runs) else None

    def _told(self) -> list[str]:
        """Return the metrics that any run has told of; the chosen one in any case."""
        views = [view for _, view in self.shown]
        return [
            one.key for one in METRICS if one.key == self.chosen or any(len(getattr(v.curves, one.key)) for v in views)
        ]

    def _placed(self) -> list[str]:
        """Return the metrics whose charts are on screen, the page of them that holds the chosen one."""
        told = [self.chosen] if self.alone else self._told()
        grid = self.query_one("#charts", Grid)
        wide, tall = max(grid.size.width // CHART_CELLS, 1), max(grid.size.height // CHART_LINES, 1)
        page = told.index(self.chosen) // (wide * tall)
        placed = told[page * wide * tall : (page + 1) * wide * tall]
        columns = min(max(math.ceil(math.sqrt(len(placed))), -(-len(placed) // tall)), wide)
        grid.styles.grid_size_columns = columns
        grid.styles.grid_size_rows = -(-len(placed) // columns)
        return placed

    # what a person does

    @on(CurveList.Highlighted)
    def highlight(self) -> None:
        """Draw the run under the cursor on top, once the cursor itself was painted: a key is answered at once."""
        if not self._owed:
            self._owed = True
            self.call_after_refresh(self._pay)

    def _pay(self) -> None:
        self._owed = False
        self._show()

    def _changed(self, look: Look) -> None:
        if look != self.look:
            self.look = look
            self._show()

    def _whole(self) -> Stretch:
        return whole_of([view for _, view in self.shown], self._told(), self.look.axis)

    def action_turn(self, by: int) -> None:
        """Choose another metric."""
        told = self._told()
        self.chosen = told[(told.index(self.chosen) + by) % len(told)]
        self._show()

    def action_alone(self) -> None:
        """Show the chosen metric alone, or all of them."""
        self.alone = not self.alone
        self._show()

    def action_axis(self) -> None:
        """Go on to the next axis: epochs, steps, hours."""
        self._changed(self.look.next_axis())

    def action_log_axis(self) -> None:
        """Draw the chosen metric on a logarithmic axis, or on a plain one."""
        self._changed(self.look.turned(self.chosen))

    def action_smooth(self) -> None:
        """Smooth more, or not at all."""
        self._changed(self.look.next_smooth())

    def action_clip(self) -> None:
        """Leave outliers out of the vertical axis, or show them."""
        self._changed(self.look.clipped())

    def action_mark(self, cells: int) -> None:
        """Move the marked place."""
        width = self.query_one(f"#{self.chosen}", Chart).content_size.width
        self._changed(self.look.stepped(cells, width, self._whole()))

    def action_zoom(self, factor: float) -> None:
        """Come nearer or go further."""
        self._changed(self.look.zoomed(factor, self._whole()))

    def action_pan(self, share: float) -> None:
        """Move along the axis."""
        self._changed(self.look.panned(share, self._whole()))

    def action_whole(self) -> None:
        """Show the whole axis, without a mark."""
        self._changed(Look(axis=self.look.axis, smooth=self.look.smooth, clip=self.look.clip, log=self.look.log))

    @on(Chart.Pointed)
    def mark_clicked(self, message: Chart.Pointed) -> None:
        """Mark a clicked place and choose its chart."""
        self.chosen = message.chart.id or self.chosen
        self.look = self.look.marked(self._place(message.share), self._whole())
        self._show()

    @on(Chart.Zoomed)
    def zoom_there(self, message: Chart.Zoomed) -> None:
        """Zoom where the mouse is."""
        self._changed(self.look.zoomed(message.factor, self._whole(), self._place(message.share)))

    def _place(self, share: float) -> float:
        left, right = self.look.window or self._whole()
        return left + (right - left) * share

    def action_hide(self) -> None:
        """Take the curve of the run under the cursor away, or bring it back."""
        if (top := self._top()) is not None:
            self.hidden ^= {top}
            self._show()
            self.query_one(CurveList).action_move(1)

    def action_open(self) -> None:
        """Open the run under the cursor."""
        from whaletui.screens.run import RunScreen

        row = self.query_one(CurveList).cursor
        if row < len(self.runs):
            self.app.push_screen(RunScreen(self.runs[row]))

    def on_resize(self, event: Resize) -> None:
        """Choose the charts that fit."""
        if self._settled:
            self.call_after_refresh(self._show)


def _lines(runs: Sequence[RunRecord], plot: Plot, colours: dict[int, int]) -> tuple[CurveLine, ...]:
    """Return the lines of the list: the values of a plot at its marked place, or the newest ones."""
    values: dict[str, str] = {}
    for one in plot.curves:
        value = one.latest
        if plot.cross is not None:
            from whaletui.view.points import value_at

            value = value_at(one.series, plot.axis, one.origin, plot.cross)
        values[one.label] = "–" if value is None else figure(value)
    return tuple(
        CurveLine(
            run_id=run.id, name=safe(run.name, 60), number=colours[run.id], value=values.get(str(run.id), ""),
            shown=str(run.id) in values,
        )
        for run in runs
    )  # fmt: skip
