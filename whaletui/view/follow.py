"""Follower: reads what runs say while they say it. Files in, changed views out; knows no Textual and no records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.contract.events import EventTail
from engine.contract.rundir import RunDir
from whaletui.records.model import RunRecord
from whaletui.view.runview import RunView, fold

CHUNK_BYTES = 1 << 20
CHUNKS_A_POLL = 6  # bounds a poll to about a tenth of a second, however long the histories are
KEPT_VIEWS = 64  # views of runs that nobody asks for any more, so that going back to one is instant


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """What changed since the last poll. `behind`: there is more to read at once; `problems` by run."""

    changed: dict[int, RunView]
    behind: bool
    problems: dict[int, str]


class _Followed:
    """The attempts of one run up to the newest: how far they were read, and what they said."""

    def __init__(self, events: list[Path]) -> None:
        self.newest = events[-1]
        self.tails = [EventTail(path) for path in events]  # earlier attempts first, each until it is read
        self.view = RunView.new()
        self.problem = ""


class Follower:
    """Follows the newest attempt of every run it is asked about.

    Not safe for several threads at once: one worker polls. The views it hands out are frozen, their
    curves grow in place.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._followed: dict[int, _Followed] = {}

    def poll(self, records: Iterable[RunRecord]) -> Poll:
        """Read on in every run's events, most urgent first, at most `CHUNKS_A_POLL` chunks in all."""
        changed: dict[int, RunView] = {}
        problems: dict[int, str] = {}
        chunks = CHUNKS_A_POLL
        behind = False
        for record in records:
            followed = self._follow(record)
            if followed is None:
                continue
            while chunks > 0:
                progress, problem = self._read(followed)
                if problem:
                    problems[record.id] = problem
                if progress:
                    changed[record.id] = followed.view
                if progress < CHUNK_BYTES // 2:  # less than a chunk: the end of the file
                    break
                chunks -= 1
            else:
                behind = True
        self._forget()
        return Poll(changed=changed, behind=behind, problems=problems)

    def _follow(self, record: RunRecord) -> _Followed | None:
        """Return what is known of a run, begun anew where it was started again; None where it never was."""
        folder = RunDir(self.root / record.folder)
        attempt = folder.attempt(record.attempt) if record.attempt else folder.latest()
        if not record.folder or attempt is None:
            return None
        followed = self._followed.pop(record.id, None)
        if followed is None or followed.newest != attempt.events:
            earlier = [each.events for each in folder.attempts() if each.number < attempt.number]
            followed = _Followed([*earlier, attempt.events])
        self._followed[record.id] = followed  # the newest last
        return followed

    def _read(self, followed: _Followed) -> tuple[int, str]:
        """Read one chunk; returns the bytes gone on and a problem that was not told before."""
        tail = followed.tails[0]
        before, damaged = tail.offset, tail.damaged
        try:
            events = tail.read(CHUNK_BYTES)
        except OSError as error:
            new = str(error) != followed.problem
            followed.problem = str(error)
            return 0, str(error) if new else ""
        followed.problem = ""
        if events:
            followed.view = fold(followed.view, events)
        if tail.damaged != damaged:
            lines = followed.view.damaged_lines + tail.damaged - damaged
            followed.view = msgspec.structs.replace(followed.view, damaged_lines=lines)
        if tail.offset == before and len(followed.tails) > 1:  # an earlier attempt is read to its end
            del followed.tails[0]
            return CHUNK_BYTES, ""  # there is more to read
        return tail.offset - before, ""

    def _forget(self) -> None:
        for run_id in list(self._followed)[:-KEPT_VIEWS]:
            del self._followed[run_id]
