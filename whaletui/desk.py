"""Desk: what lies before the person at the app: records, live views, slots. Reads in a worker; knows no Textual."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from engine.contract.errors import WhaleError
from whaletui.records.model import RunRecord, State
from whaletui.view import remembered
from whaletui.view.follow import Follower
from whaletui.view.remembered import Remembered
from whaletui.view.runview import RunView
from whaletui.view.slots import SlotLike
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.records.records import Records

TEND_SECONDS = 1.0  # a kill -9 is told within two seconds: one to look, one to show
SLOTS_SECONDS = 2.0
FIRST_SLOTS_SECONDS = 1.0
"""Slots are first looked at after the first curve, or when so long nothing had one: loading NVML would hold it up."""


def open_records(workspace: Workspace) -> Records:
    """Open the records, making them at the first start; may load SQLAlchemy, so not before the first paint."""
    from whaletui.records.records import Records

    return Records.open(workspace)


class Undo(msgspec.Struct, frozen=True):
    """How to take an edit back: what it was, in words, and what puts it right again."""

    words: str
    back: Callable[[], object]


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at the workspace found."""

    changed: dict[int, RunView]  # views that something was added to, by run
    active: tuple[RunRecord, ...]  # queued or running, in the order of the queue
    slots: tuple[SlotLike, ...]
    records_changed: bool  # a page read before may be out of date
    behind: bool  # there is more to read: look again at once
    trouble: str = ""  # what keeps the records from being written; reading goes on
    news: str = ""  # what was mended, told once
    problems: dict[int, str]  # event files that could not be read, told once each
    ended: tuple[RunRecord, ...] = ()  # runs that ended since the look before, by whomever


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
        self.undos: list[Undo] = []  # edits that can be taken back, newest last
        self.remembered = Remembered()
        self._opener = opener
        self._records: Records | None = None
        self._trouble = self._news = ""
        self._follower = Follower(workspace.root)
        self._active: tuple[RunRecord, ...] = ()
        self._slots: tuple[SlotLike, ...] = ()
        self._seen: object = None
        self._tended_at = self._slots_at = float("-inf")
        self._began_at, self._read_curves = -1.0, False

    @property
    def is_open(self) -> bool:
        """Whether the records were opened."""
        return self._records is not None

    @property
    def records(self) -> Records:
        """The records; opens them at the first call, which may take half a second: call it in a worker."""
        if self._records is None:
            self.workspace.prepare()
            self._news = self._mend()
            self._records = self._opener(self.workspace)
            self._trouble = self._records.read_only
        return self._records

    def recall(self) -> None:
        """Take up what was remembered of this workspace; raises `WhaleError` where it cannot be read."""
        self.remembered = remembered.recall(self.workspace.root)

    def keep(self) -> None:
        """Write down what is to be remembered; for a worker. Raises `WhaleError` where it cannot be written."""
        remembered.keep(self.workspace.root, self.remembered)

    def _mend(self) -> str:
        """Look the database over, make it again from the run folders where it is damaged; returns what was done."""
        if not self.tending:
            return ""
        from whaletui.records.care import mend

        return mend(self.workspace)

    def look(self) -> Pulse:
        """Read everything that may have changed. For one worker at a time.

        Raises:
            WhaleError: the records cannot be opened or read.
            OSError: the workspace cannot be read.
        """
        if self._began_at < 0:
            self._began_at = time.monotonic()
        records = self.records
        self._tend(records)
        news, self._news = self._news, ""
        fingerprint = self._fingerprint()
        records_changed = fingerprint != self._seen
        ended: tuple[RunRecord, ...] = ()
        if records_changed:
            records_changed, ended = self._read(records)
            self._seen = fingerprint if records_changed else None
        wanted = {record.id: record for group in list(self.watched.values()) for record in group}
        wanted.update({record.id: record for record in self._active})  # these know the newest attempt
        poll = self._follower.poll(list(wanted.values()))
        again = self._look_at_slots(bool(poll.changed))
        return Pulse(
            changed=poll.changed, active=self._active, slots=self._slots, records_changed=records_changed,
            behind=poll.behind or again, problems=poll.problems, trouble=self._trouble, news=news, ended=ended,
        )  # fmt: skip

    def _read(self, records: Records) -> tuple[bool, tuple[RunRecord, ...]]:
        """Read what the records say now; returns whether they could be reached, and what ended since."""
        from whaletui.records.errors import UnreachableError

        try:
            now = tuple(records.active())
            ended = self._ended(records, self._active, now)
            self.data_folder = records.setting("data") or ""
        except UnreachableError as error:  # the figures of what runs are in files: they go on
            self._trouble = str(error)
            return False, ()
        self._active = now
        return True, ended

    def _ended(
        self, records: Records, before: tuple[RunRecord, ...], active: tuple[RunRecord, ...]
    ) -> tuple[RunRecord, ...]:
        """Return how those that were active stand now that are not any more; a deleted one is nothing to tell of."""
        now = {record.id for record in active}
        gone = [record.id for record in before if record.id not in now]
        ended = (records.found(run_id) for run_id in gone)
        return tuple(record for record in ended if record is not None)

    def standing(self) -> Pulse:
        """Return everything as it stands, as if all of it had changed: for a screen that did not look for a while."""
        return Pulse(
            changed=dict(self.views), active=self._active, slots=self._slots, records_changed=self.is_open,
            behind=False, problems={},
        )  # fmt: skip

    def _tend(self, records: Records) -> None:
        """Settle runs that ended without a word, and see that somebody works the queue off."""
        if not self.tending or records.read_only or time.monotonic() - self._tended_at < TEND_SECONDS:
            return
        if self._hurries and not records.active():
            return  # only a run that was lost could have changed: it waits until the first curve is there
        self._tended_at = time.monotonic()
        from whaletui.jobs.keeper import ensure_keeper
        from whaletui.jobs.settle import reconcile
        from whaletui.records.errors import RecordsError

        try:
            reconcile(records, self.workspace)  # always: a lost run may speak again
            self._trouble = ""
        except RecordsError as error:  # the disk is full, the database locked or damaged: what can be read is shown
            self._trouble = str(error)
            self._news = self._mend()
            return
        if any(record.state is State.QUEUED and not record.held for record in self._active):
            try:
                ensure_keeper(self.workspace)
            except WhaleError as error:  # none can be started, or those that were ended at once
                self._trouble = str(error)

    @property
    def _hurries(self) -> bool:
        """Whether the app just started and shows no curve yet: then that comes before anything that can wait."""
        return not self._read_curves and time.monotonic() - self._began_at < FIRST_SLOTS_SECONDS

    def _look_at_slots(self, read_curves: bool) -> bool:
        """Look at the slots where it is time to; says whether that waits for the look after this one only."""
        if self._hurries:
            self._read_curves = read_curves
            return read_curves
        now = time.monotonic()
        if now - self._slots_at >= SLOTS_SECONDS:
            self._slots_at = now
            from whaletui.jobs.gpus import probe

            self._slots = probe()
        return False

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
