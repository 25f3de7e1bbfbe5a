"""One run: how far it is, its curves, its log, spec, environment and files, what it warned of. Live where it lives."""

from __future__ import annotations

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static, TabbedContent, TabPane

from whaletui.desk import Pulse
from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.actions import AGAIN, CANCEL, CLONE, EXPORT, SELDOM
from whaletui.screens.run_log import RunLog
from whaletui.view import explain, formats
from whaletui.view.columns import STATE_STYLES, SYMBOLS, RowFacts, state_words
from whaletui.view.plots import Plot, loss_plot, map5_plot, rate_plot, speed_plot
from whaletui.view.runfiles import Lines, environment_lines, file_lines, new_whale_lines
from whaletui.view.slots import slot_words
from whaletui.widgets import facts
from whaletui.widgets.chart import Chart
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.log_pane import LogPane
from whaletui.widgets.styles import named_style

TABS = ("log", "spec", "environment", "files", "new-whale", "warnings")
FOLDER_TABS = {"environment": environment_lines, "files": file_lines, "new-whale": new_whale_lines}
"""What is read of the run's folder when a tab is turned to."""


class RunScreen(RunLog):
    """Shows one run, whatever state it is in."""

    TITLE = "run"
    HELP_WORDS = (
        "One run, followed while it lives. A line of the log under the cursor is marked in the curves by when it was "
        "written, and a click on a curve goes to the line; end follows the log again."
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-medium"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (15, "-low"), (34, "-tall")]
    BINDINGS = [
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("tab", "turn(1)", "log/spec/files", priority=True),
        Binding("shift+tab", "turn(-1)", "other way", show=False, priority=True),
        Binding("v", "curves", "curves"),
        Binding("l", "log_axis", "log axis"),
        CLONE,
        CANCEL,
        AGAIN,
        EXPORT,
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("q", "app.quit", "quit", show=False),
        *SELDOM,
    ]

    def __init__(self, record: RunRecord) -> None:
        super().__init__(record)
        self.log_axis = False
        self.slot = ""  # its GPU, and how busy that is
        self._shown: dict[str, Content] = {}

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Static(id="title")
        yield Static(id="progress")
        with Horizontal(id="curves"):
            yield Chart("loss", id="loss")
            yield Chart("MAP@5", id="map5")
            with Vertical(id="small"):
                yield Chart("learning rate", id="rate")
                yield Chart("photos/s", id="speed")
        yield Static(id="facts")
        with TabbedContent(id="tabs"):
            with TabPane("log", id="log"):
                yield LogPane(id="lines")
            with TabPane("spec", id="spec"), VerticalScroll():
                yield Static(id="toml")
            for tab in FOLDER_TABS:
                with TabPane(tab.replace("-", " "), id=tab), VerticalScroll():
                    yield Static(id=f"{tab}-lines", classes="lines")
            with TabPane("warnings", id="warnings"), VerticalScroll():
                yield Static(id="warned")
        yield KeyLine()

    def on_mount(self) -> None:
        """Have the run followed, and show what is known of it already."""
        self.desk.watched[self._key] = (self.record,)
        self.query_one(LogPane).focus()
        self._show_spec()
        self.show()
        self.room.look_now()
        self.read_log()

    def on_unmount(self) -> None:
        """Stop following."""
        self.desk.watched.pop(self._key, None)

    @property
    def _key(self) -> str:
        return f"run {self.record.id}"

    # what is shown

    def hear(self, pulse: Pulse) -> None:
        """Show what is new, and read on in the log."""
        if pulse.records_changed:
            self.work(
                "reading the run", lambda: self.desk.records.run(self.record.id), self._show_record, group="record"
            )
        self.slot = next((slot_words(slot) for slot in pulse.slots if slot.label == self.record.slot), "")
        self.show(curves=self.record.id in pulse.changed)
        if self.record.state.is_active or pulse.records_changed or self.record.id in pulse.changed:
            self.read_log()  # of one that ended nothing more comes

    def _show_record(self, record: RunRecord) -> None:
        self.record = record
        self.desk.watched[self._key] = (record,)
        self.show()

    def show(self, curves: bool = True) -> None:
        """Show the run as it stands."""
        record, view = self.record, self.view
        row = RowFacts(record=record, view=view, now=self.desk.now())
        style = named_style(STATE_STYLES[record.state])
        title = Content.assemble(
            (f"{SYMBOLS[record.state]} ", style), (f"{record.id}  ", "$foreground-muted"),
            (safe(record.name), "bold"), "  ", (safe(state_words(row)), style),
            ("  ★" if record.star else "", "$accent"), "".join(f"  #{safe(tag, 30)}" for tag in record.tags),
            (f"   {self.slot}" if self.slot and record.state.is_active else "", "$text-secondary"),
            ("   its folder is gone" if self.lost else "", "$text-error"),
        )  # fmt: skip
        self._put("title", title)
        self._put("progress", facts.progress_line(record, view, self.size.width - 2))
        self._put("facts", facts.fact_lines(record, view))
        if curves:
            self.show_curves()

    def _put(self, name: str, content: Content) -> None:
        """Show a text where it differs from what is shown: an update lays the whole screen out anew."""
        held = self._shown.get(name)
        if held is None or not held.is_same(content):
            self._shown[name] = content
            self.query_one(f"#{name}", Static).update(content)

    def show_curves(self) -> None:
        """Draw the curves, the line under the cursor marked in them."""
        record, view = self.record, self.view
        self._plot("loss", loss_plot(view, self.log_axis))
        self._plot("map5", map5_plot(view, record.baseline_constant, record.baseline_duplicates))
        self._plot("rate", rate_plot(view))
        self._plot("speed", speed_plot(view))
        warned = [*view.warnings]
        if view.damaged_lines:
            warned.append(f"{formats.count(view.damaged_lines, 'line')} of its events could not be read")
        self._put("warned", Content("\n".join(map(safe, warned)) or "it warned of nothing"))
        tab = self.query_one(TabbedContent).get_tab("warnings")
        tab.label = Content(f"warnings {len(warned)}" if warned else "warnings")

    def _plot(self, name: str, plot: Plot) -> None:
        self.query_one(f"#{name}", Chart).plot = msgspec.structs.replace(plot, cross=self.cross)

    def _show_spec(self) -> None:
        """Show the spec as TOML, what it changes of the defaults first."""
        changed = explain.from_defaults(self.record.spec_json)
        lines = [f"# {change.path} = {change.now}   (default {change.was})" for change in changed]
        head = Content.styled(
            "\n".join(["# differs from the defaults:", *lines]) if lines else "# the defaults", "$accent"
        )

        def show(toml: str) -> None:
            self.query_one("#toml", Static).update(Content("\n\n").join([head, Content(toml)]))

        self.work("reading the spec", lambda: "\n".join(map(safe, self.record.spec.to_toml().splitlines())), show)

    # what a person does

    def current(self) -> RunRecord:
        """Return the run."""
        return self.record

    def targets(self) -> list[RunRecord]:
        """Return the run, whatever is selected at home."""
        return [self.record]

    def deleted(self) -> None:
        """Leave: there is nothing to see any more."""
        super().deleted()
        self.dismiss()

    def action_turn(self, by: int) -> None:
        """Turn to the next tab."""
        tabs = self.query_one(TabbedContent)
        tabs.active = TABS[(TABS.index(tabs.active) + by) % len(TABS)]
        tabs.query_one(f"#{tabs.active}").query("LogPane, VerticalScroll").first().focus()
        self._show_folder(tabs.active)

    def _show_folder(self, tab: str) -> None:
        """Read what a tab shows of the run's folder, when it is turned to."""
        if tab in FOLDER_TABS and self.record.folder:
            run_dir = self.desk.workspace.run_dir(self.record.folder)

            def show(lines: Lines) -> None:
                parts = [
                    Content.assemble((name.ljust(28), "$foreground-muted"), "  ", value) if name else Content(value)
                    for name, value in lines
                ]
                self.query_one(f"#{tab}-lines", Static).update(Content("\n").join(parts))

            self.work(f"reading the {tab} of run {self.record.id}", lambda: FOLDER_TABS[tab](run_dir), show, group=tab)

    def action_curves(self) -> None:
        """Look closer at the curves: zoom, smooth, other axes."""
        from whaletui.screens.curves import CurvesScreen

        self.app.push_screen(CurvesScreen([self.record]))

    def action_log_axis(self) -> None:
        """Draw the loss on a logarithmic axis, or on a plain one again."""
        self.log_axis = not self.log_axis
        self.show_curves()

    def on_resize(self, event: Resize) -> None:
        """Draw the bar at its new length."""
        self.show(curves=False)
