"""The app as a doorway: theme, pulse, palette. Everything that is seen lives in a screen."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")  # read by Textual when it is imported

import msgspec
from rich.console import RenderableType
from textual._compositor import ChopsUpdate
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.filter import LineFilter, NoColor
from textual.message import Message
from textual.screen import Screen
from textual.signal import Signal
from textual.theme import Theme
from textual.worker import Worker, WorkerState

from engine.contract.errors import WhaleError
from whaletui.desk import Desk, Pulse
from whaletui.outside import clipboard, notification
from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.base import DeskApp, complaint
from whaletui.screens.palette import RunCommands
from whaletui.screens.runs import RunsScreen
from whaletui.theme import DEFAULTS, THEMES, WHALE, WHALE_PLAIN
from whaletui.view.rows import ended_words
from whaletui.widgets.changed import CroppedUpdate
from whaletui.widgets.clean_lines import CleanLines
from whaletui.workspace import Workspace

TICK_SECONDS = 0.5
TICK_SECONDS_SSH = 1.0
PREPARING_SECONDS = 0.2


class WhaleApp(DeskApp):
    """Looks at the workspace twice a second and tells the screens what changed."""

    TITLE = "whaletui"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    COMMANDS = App.COMMANDS | {RunCommands}
    BINDINGS = [Binding("ctrl+q", "quit", "quit", show=False, priority=True)]

    @dataclass
    class Looked(Message):
        """A look at the workspace came back."""

        pulse: Pulse

    def __init__(self, desk: Desk, *, ticking: bool = True) -> None:
        super().__init__()
        self.desk = desk
        self.pulsed: Signal[Pulse] = Signal(self, "pulsed")
        self._ticking = ticking
        self._looking = self._again = self._prepared = False
        self._complained = ""
        self._clean, self._colourless = CleanLines(), NoColor()
        self._recall_trouble: WhaleError | None = None
        self._begin_with_theme()

    def _begin_with_theme(self) -> None:
        """Take the remembered theme before anything is styled: a change later would have every style parsed again."""
        for theme in THEMES:
            self.register_theme(theme)
        try:
            self.desk.recall()
        except WhaleError as error:
            self._recall_trouble = error
        remembered = self.desk.remembered.theme
        known = remembered if remembered in self.available_themes else WHALE.name
        self._styled_for = WHALE_PLAIN.name if self.no_color else known
        self.set_reactive(WhaleApp.theme, self._styled_for)
        self.stylesheet.set_variables(self.get_css_variables())

    def get_default_screen(self) -> Screen[None]:
        """Begin at home."""
        return RunsScreen()

    def on_mount(self) -> None:
        """Paint first; then look at the workspace, and again at every tick."""
        if self._recall_trouble is not None:
            words = complaint(self._recall_trouble)
            self.notify(words, title="remembered views", severity="warning", markup=False, timeout=12)
        self.theme_changed_signal.subscribe(self, self._theme_chosen)
        self.call_after_refresh(self.look_now)
        if self._ticking:
            self.set_interval(TICK_SECONDS_SSH if "SSH_CONNECTION" in os.environ else TICK_SECONDS, self._tick)

    def _theme_chosen(self, theme: Theme) -> None:
        """Remember the theme that was chosen in the palette."""
        if theme.name != (self.desk.remembered.theme or WHALE.name) and not self.no_color:
            self.desk.remembered = msgspec.structs.replace(self.desk.remembered, theme=theme.name)
            self.run_worker(
                self.desk.keep, thread=True, exit_on_error=False, group="keep", name="remembering the theme"
            )

    def refresh_css(self, animate: bool = True) -> None:
        """Style everything for another theme; Textual asks for it at the start too, where nothing is another yet."""
        if self.theme != self._styled_for:
            self._styled_for = self.theme
            super().refresh_css(animate)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Send what changed and nothing beside it: over SSH every byte is waited for."""
        if type(renderable) is ChopsUpdate:
            renderable = CroppedUpdate(renderable.chops, renderable.spans, renderable.chop_ends)
        super()._display(screen, renderable)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Let any theme know our own variables."""
        return {**super().get_theme_variable_defaults(), **DEFAULTS}

    def _tick(self) -> None:
        """Look, unless the last look still goes on: a slow disk slows the figures and nothing else."""
        if not self._looking:
            self.look_now()

    def look_now(self) -> None:
        """Look at the workspace, or once more when the look that goes on is done."""
        if self._looking:
            self._again = True
            return
        self._looking, self._again = True, False
        self.run_worker(self._look, thread=True, exit_on_error=False, group="look", name="reading the workspace")

    def _look(self) -> None:
        self.post_message(self.Looked(self.desk.look()))

    def on_whale_app_looked(self, message: Looked) -> None:
        """Take over what was found and tell the screens."""
        pulse = message.pulse
        self._looking = False
        if pulse.trouble and pulse.trouble != self._complained:
            self.notify(safe(pulse.trouble), title="records", severity="error", markup=False, timeout=30)
        self._complained = pulse.trouble
        if pulse.news:
            self.notify(safe(pulse.news), title="records", severity="warning", markup=False, timeout=30)
        self.desk.views.update(pulse.changed)
        for run_id, problem in pulse.problems.items():
            about = f"events of run {run_id}" if run_id else "the cache of curves"
            self.notify(safe(problem), title=about, severity="error", markup=False)
        self._tell_ended(pulse)
        self.pulsed.publish(pulse)
        if pulse.changed and self._ticking and not self._prepared:
            self._prepared = True
            self.set_timer(PREPARING_SECONDS, self._prepare)
        if pulse.behind or self._again:
            self.look_now()

    def _prepare(self) -> None:
        """Load numpy while nobody waits for it: once the first curve is there, before many are asked for."""
        self.run_worker(
            lambda: import_module("whaletui.view.many_points"), thread=True, exit_on_error=False, group="prepare",
            name="loading numpy",
        )  # fmt: skip

    def _tell_ended(self, pulse: Pulse) -> None:
        """Say which runs ended, on screen, by the bell and the terminal, and by the person's own command."""
        ended = [record for record in pulse.ended if record.id not in self.desk.cancelling]  # those are no news
        if not ended:
            return
        told = [ended_words(record) for record in ended]
        for words in told[:4]:
            self.notify(words, title="ended", markup=False, timeout=10)
        more = f" and {len(told) - 1} more" if len(told) > 1 else ""
        self._write(notification(f"whaletui: {told[0]}{more}", os.environ))
        self.run_worker(
            lambda: self._announce(ended), thread=True, exit_on_error=False, group="announce",
            name="the command that tells of ended runs",
        )  # fmt: skip

    def _announce(self, records: Sequence[RunRecord]) -> None:
        from whaletui.jobs.announce import announce

        for record in records:
            announce(record, ended_words(record))

    def copy_to_clipboard(self, text: str) -> None:
        """Hand a text to the terminal's clipboard, through tmux and screen as well."""
        self._clipboard = text
        self._write(clipboard(text, os.environ))

    def _write(self, sequence: str) -> None:
        """Write a sequence of our own making to the terminal, past the screen and its filters."""
        if self._driver is not None:
            self._driver.write(sequence)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say once what keeps the workspace from being read; the next tick tries again."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._looking = False
            words = complaint(event.worker.error)
            if words != self._complained:
                self.notify(words, title=event.worker.name, severity="error", markup=False, timeout=12)
            self._complained = words

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Let no control character through to the terminal, whatever a screen forgot."""
        plain = [self._colourless] if self.theme == WHALE_PLAIN.name else []
        return [*super().get_line_filters(), *plain, self._clean]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer in the palette what the keys of the screen in front do."""
        yield from super().get_system_commands(screen)
        for _, binding, enabled, _ in screen.active_bindings.values():
            if (
                enabled
                and binding.description
                and not binding.action.startswith(("app.command_palette", "move", "page"))
            ):
                yield SystemCommand(
                    binding.description.capitalize(), f"the key {binding.key_display or binding.key}",
                    lambda action=binding.action: self.call_next(screen.run_action, action),
                )  # fmt: skip

    def action_help(self) -> None:
        """Show the keys of the screen in front."""
        from whaletui.screens.help import Help

        self.push_screen(Help(self.screen))


def run_app(workspace: Workspace, selected: Sequence[RunRecord] = ()) -> int:
    """Run the app until it is left, with some runs selected; returns the exit code, not zero where it crashed.

    Raises:
        WhaleError: the terminal can do nothing but print lines.
    """
    if os.environ.get("TERM") in (
        "dumb",
        "unknown",
    ):  # Rich takes its size for 80x25 whatever it is: no end of painting
        raise WhaleError(
            f"a terminal that calls itself {os.environ['TERM']} cannot show the app",
            "TERM=xterm-256color whaletui, or whaletui ls and the other commands",
        )
    desk = Desk(workspace)
    desk.selected.update({record.id: record for record in selected})
    app = WhaleApp(desk)
    app.run()
    return app.return_code or 0
