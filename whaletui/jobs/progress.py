"""Copies how far running runs are from their events into the records, at most once a second."""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.contract.events import EventTail
from whaletui.records.model import RunRecord
from whaletui.records.records import Records
from whaletui.view.runview import RunView, fold
from whaletui.workspace import Workspace

EVERY_SECONDS = 1.0
READS_A_TURN = 8
"""A run whose events are far ahead, as after a keeper was killed, is caught up with over several turns."""


class Progress:
    """Follows the running runs of one workspace."""

    def __init__(self, records: Records, workspace: Workspace) -> None:
        self.records, self.workspace = records, workspace
        self._followed: dict[tuple[int, int], tuple[EventTail, RunView]] = {}
        self._written_at = float("-inf")

    def follow(self, running: Sequence[RunRecord]) -> None:
        """Read what was added and write down the newest figures of runs that got on."""
        if time.monotonic() - self._written_at < EVERY_SECONDS:
            return
        self._written_at = time.monotonic()
        followed: dict[tuple[int, int], tuple[EventTail, RunView]] = {}
        moved: dict[int, RunView] = {}
        for record in running:
            key = (record.id, record.attempt)
            tail, before = self._followed.get(key) or (self._tail(record), self._earlier(record))
            view = _read(tail, before)
            followed[key] = (tail, view)
            if (view.epoch, view.loss, view.map5) != (before.epoch, before.loss, before.map5):
                moved[record.id] = view
        self._followed = followed
        self.records.progress(moved)

    def _earlier(self, record: RunRecord) -> RunView:
        """Return the run as its earlier attempts told it."""
        view = RunView.new()
        for attempt in self.workspace.run_dir(record.folder).attempts():
            if attempt.number < record.attempt:
                view = fold(view, EventTail(attempt.events).read_all())
        return view

    def _tail(self, record: RunRecord) -> EventTail:
        return EventTail(self.workspace.run_dir(record.folder).attempt(record.attempt).events)


def _read(tail: EventTail, view: RunView) -> RunView:
    for _ in range(READS_A_TURN):
        if not (events := tail.read()):
            break
        view = fold(view, events)
    return view
