"""What every screen stands on: the desk, the pulse, and work that is done off the thread that draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from textual import on
from textual.app import App
from textual.events import Mount, ScreenResume, ScreenSuspend
from textual.message import Message
from textual.screen import Screen
from textual.signal import Signal
from textual.worker import Worker, WorkerState

from engine.contract.errors import WhaleError
from whaletui.desk import Desk, Pulse
from whaletui.safe import safe

T = TypeVar("T")
T2 = TypeVar("T2")


class DeskApp(App[int]):
    """The part of the app that screens know."""

    desk: Desk
    pulsed: Signal[Pulse]

    def look_now(self) -> None:
        """Have the workspace looked at without waiting for the next tick."""


def complaint(error: BaseException) -> str:
    """Return an error as a person should read it; one of ours tells what to do as well."""
    if isinstance(error, WhaleError):
        return safe(error)
    return safe(f"{type(error).__name__}: {error}")


class AtDesk(Screen[T], Generic[T]):
    """A screen with the desk before it."""

    @dataclass
    class Done(Message):
        """A piece of work ended; carries its result to the thread that draws."""

        then: Callable[[Any], None]
        result: Any

    @property
    def room(self) -> DeskApp:
        """The app, as far as screens know it."""
        app = self.app
        assert isinstance(app, DeskApp)
        return app

    @property
    def desk(self) -> Desk:
        """The desk."""
        return self.room.desk

    _deaf = False

    @on(Mount)
    def hear_pulses(self) -> None:
        """Hear every pulse from now on."""
        self.room.pulsed.subscribe(self, self.hear)

    @on(ScreenSuspend)
    def stop_hearing(self) -> None:
        """Hear nothing while another screen is in front.

        Textual takes the screen beneath for visible, opaque as the one in front may be: each message that reached it
        here would have all of the terminal painted anew, twice a second.
        """
        self.room.pulsed.unsubscribe(self)
        self._deaf = True

    @on(ScreenResume)
    def hear_again(self) -> None:
        """Catch up with what changed meanwhile, and hear pulses again."""
        if self._deaf:
            self._deaf = False
            self.hear_pulses()
            self.hear(self.desk.standing())
            self.room.look_now()

    def hear(self, pulse: Pulse) -> None:
        """Take over what a look at the workspace found; for screens to fill in."""

    def work(
        self, about: str, job: Callable[[], T2], then: Callable[[T2], None] | None = None, *, group: str = "default"
    ) -> None:
        """Do a job in a thread, then hand its result to `then` on the thread that draws.

        Args:
            about: what is being done, naming the run; said in the notification where it fails.
            job: touches no widget.
            then: touches widgets; not called where the job failed or the screen is gone.
            group: a later job of the same group makes an earlier one's result worthless.
        """
        self.run_worker(
            partial(self._job, job, then), thread=True, exit_on_error=False, name=about, group=group,
            exclusive=group != "default",
        )  # fmt: skip

    def _job(self, job: Callable[[], T2], then: Callable[[T2], None] | None) -> None:
        from textual.worker import get_current_worker

        worker = get_current_worker()
        result = job()
        if then is not None and not worker.is_cancelled:
            self.post_message(self.Done(then, result))

    def on_at_desk_done(self, message: Done) -> None:
        """Let a handler draw what a worker read."""
        message.stop()
        message.then(message.result)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say what failed; a worker never dies in silence."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.complain(event.worker.name, event.worker.error)

    def complain(self, about: str, error: BaseException) -> None:
        """Show an error as a notification."""
        self.notify(complaint(error), title=safe(about), severity="error", markup=False, timeout=12)

    def say(self, words: str, title: str = "") -> None:
        """Show a short piece of news."""
        self.notify(safe(words), title=safe(title), markup=False)

    def warn(self, words: str, title: str = "") -> None:
        """Show why nothing was done."""
        self.notify(safe(words), title=safe(title), severity="warning", markup=False)
