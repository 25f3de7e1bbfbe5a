"""Desk: what lies before the person at the app: records, live views, slots. Reads in a worker; knows no Textual."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from whaletui.records.model import RunRecord, State
from whaletui.view.follow import Follower
from whaletui.view.runview import RunView
from whaletui.view.slots import SlotLike
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.records.records import Records

TEND_SECONDS = 1.0  # a kill -9 is told within two seconds: one to look, one to show
SLOTS_SECONDS = 2.0


def open_records(workspace: Workspace) -> Records:
    """Open the records, making them at the first start; imports SQLAlchemy, so not before the first paint."""
    from whaletui.records.records import Records

    return Records.open(workspace)


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at the workspace found."""

    changed: dict[int, RunView]  # views that something was added to, by run
    active: tuple[RunRecord, ...]  # queued or running, in the order of the queue
    slots: tuple[SlotLike, ...]
    records_changed: bool  # a page read before may be out of date
    behind: bool  # there is more to read: look again at once
    problems: dict[int, str]  # event files that could not be read, told once each


class Desk:
    """The one place through which screens reach records and runs.

    Args:
        workspace: where everything lies.
        now: seconds since 1970; held still by tests.
        opener: opens the records; called once, in a worker.
        tending: whether to settle ended runs and see that a keeper is there.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        now: Callable[[], float] = time.time,
        opener: Callable[[Workspace], Records] = open_records,
        tending: bool = True,
    ) -> None:
        self.workspace, self.now, self.tending = workspace, now, tending
        self.views: dict[int, RunView] = {}
        self.selected: dict[int, RunRecord] = {}  # in the order of selecting, kept across filters and pages
        self.cancelling: set[int] = set()  # runs that were asked to stop gently
        self.watched: dict[str, tuple[RunRecord, ...]] = {}  # what screens want followed though it is not active
        self.colours: dict[int, int] = {}  # of runs whose curves were drawn: they keep them as long as the app runs
        self.data_folder = ""
        self.newest: int | None = None  # a run just queued, to which the cursor at home is to go
        self._opener = opener
        self._records: Records | None = None
        self._follower = Follower(workspace.root)
        self._active: tuple[RunRecord, ...] = ()
        self._slots: tuple[SlotLike, ...] = ()
        self._seen: object = None
        self._tended_at = self._slots_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether the records were opened."""
        return self._records is not None

    @property
    def records(self) -> Records:
        """The records; opens them at the first call, which may take half a second: call it in a worker."""
        if self._records is None:
            self.workspace.prepare()
            self._records = self._opener(self.workspace)
        return self._records

    def look(self) -> Pulse:
        """Read everything that may have changed. For one worker at a time.

        Raises:
            WhaleError: the records cannot be opened or read.
            OSError: the workspace cannot be read.
        """
        records = self.records
        self._tend(records)
        fingerprint = self._fingerprint()
        records_changed = fingerprint != self._seen
        if records_changed:
            self._seen = fingerprint
            self._active = tuple(records.active())
            self.data_folder = records.setting("data") or ""
        self._look_at_slots()
        wanted = {record.id: record for group in list(self.watched.values()) for record in group}
        wanted.update({record.id: record for record in self._active})  # these know the newest attempt
        poll = self._follower.poll(list(wanted.values()))
        return Pulse(
            changed=poll.changed, active=self._active, slots=self._slots, records_changed=records_changed,
            behind=poll.behind, problems=poll.problems,
        )  # fmt: skip

    def standing(self) -> Pulse:
        """Return everything as it stands, as if all of it had changed: for a screen that did not look for a while."""
        return Pulse(
            changed=dict(self.views), active=self._active, slots=self._slots, records_changed=self.is_open,
            behind=False, problems={},
        )  # fmt: skip

    def _tend(self, records: Records) -> None:
        """Settle runs that ended without a word, and see that somebody works the queue off."""
        if not self.tending or time.monotonic() - self._tended_at < TEND_SECONDS:
            return
        self._tended_at = time.monotonic()
        from whaletui.jobs.keeper import ensure_keeper
        from whaletui.jobs.settle import reconcile

        reconcile(records, self.workspace)  # always: a lost run may speak again
        if any(record.state is State.QUEUED for record in self._active):
            ensure_keeper(self.workspace)

    def _look_at_slots(self) -> None:
        if time.monotonic() - self._slots_at < SLOTS_SECONDS:
            return
        self._slots_at = time.monotonic()
        from whaletui.jobs.gpus import probe

        self._slots = probe()

    def _fingerprint(self) -> object:
        """Return something that differs when the records were written to, by whomever."""
        if os.environ.get("WHALETUI_DATABASE_URL"):
            return int(time.monotonic())  # a database elsewhere: look once a second
        found = []
        for suffix in ("", "-wal"):
            try:
                status = os.stat(f"{self.workspace.database}{suffix}")
            except FileNotFoundError:
                continue
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return found
