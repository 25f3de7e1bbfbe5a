"""Follower: reads what runs say while they say it. Files in, changed views out; knows no Textual and no records."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.contract.events import EventTail
from engine.contract.rundir import Attempt, RunDir
from whaletui.records.model import RunRecord
from whaletui.view.history import WORTH_BYTES, HistoryCache
from whaletui.view.runview import RunView, fold

CHUNK_BYTES = 1 << 20
FIRST_BYTES = 1 << 18
"""What is read of a run at first: enough for a curve to be there at once."""
CHUNKS_A_POLL = 32  # bounds a poll to about a fifth of a second, however long the histories are
KEPT_VIEWS = 64  # views of runs that nobody asks for any more, so that going back to one is instant


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """What changed since the last poll. `behind`: there is more to read at once; `problems` by run."""

    changed: dict[int, RunView]
    behind: bool
    problems: dict[int, str]


class _Followed:
    """The newest attempt of one run, how far it was read, and what it and those before it said."""

    def __init__(self, events: Path, cache: HistoryCache, earlier: list[Attempt]) -> None:
        self.tail = EventTail(events)
        self.view = RunView.new()
        self.problem = ""
        self.seen: object = None  # the file as it was when its end was reached
        self.kept_offset = 0
        if (found := cache.find(events)) is not None:
            self.view, self.tail.offset, self.tail.damaged = found
            self.kept_offset = self.tail.offset
        elif earlier:
            before = _Followed(earlier[-1].events, cache, earlier[:-1])
            told = fold(before.view, before.tail.read_all())
            self.view = RunView(curves=told.curves, points=told.points, started_at=told.started_at)
        self.untold = bool(self.view.points)  # whether there is something to tell before anything was read


class Follower:
    """Follows the newest attempt of every run it is asked about; its curves go on from where it was taken up.

    Not safe for several threads at once: one worker polls. The views it hands out are frozen, their
    curves grow in place.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = HistoryCache(root / "cache")
        self._followed: dict[int, _Followed] = {}
        self._cleaned = False
        self._to_keep: list[_Followed] = []  # read to their ends; kept at the next poll, so that they are shown first

    def poll(self, records: Iterable[RunRecord]) -> Poll:
        """Read on in every run's events, most urgent first, at most `CHUNKS_A_POLL` chunks; of a new run a little."""
        self._keep_read()
        changed: dict[int, RunView] = {}
        problems: dict[int, str] = {}
        left = CHUNKS_A_POLL * CHUNK_BYTES
        behind = False
        wanted = 0
        for record in records:
            followed = self._follow(record)
            if followed is None:
                continue
            wanted += 1
            if followed.untold:
                changed[record.id], followed.untold = followed.view, False
            while left > 0:
                size = CHUNK_BYTES if followed.tail.offset else FIRST_BYTES
                progress, problem = self._read(followed, size)
                left -= progress
                if problem:
                    problems[record.id] = problem
                if progress:
                    changed[record.id] = followed.view
                if progress < size // 2:  # the end of the file
                    self._to_keep.append(followed)
                    break
                if size < CHUNK_BYTES:  # let it be drawn before the rest is read
                    behind = True
                    break
            else:
                behind = True
        self._forget(wanted)
        if self.cache.problem:
            problems.setdefault(0, self.cache.problem)
            self.cache.problem = ""
        return Poll(changed=changed, behind=behind, problems=problems)

    def _follow(self, record: RunRecord) -> _Followed | None:
        """Return what is known of a run, begun anew where it was started again; None where it never was."""
        folder = RunDir(self.root / record.folder)
        attempt = folder.attempt(record.attempt) if record.attempt else folder.latest()
        if not record.folder or attempt is None:
            return None
        followed = self._followed.pop(record.id, None)
        if followed is None or followed.tail.path != attempt.events:
            earlier = [one for one in folder.attempts() if one.number < attempt.number] if attempt.number > 1 else []
            followed = _Followed(attempt.events, self.cache, earlier)
        self._followed[record.id] = followed  # the newest last
        return followed

    def _read(self, followed: _Followed, size: int) -> tuple[int, str]:
        """Read a chunk; returns the bytes gone on and a problem that was not told before."""
        before, damaged = followed.tail.offset, followed.tail.damaged
        try:
            status = os.stat(followed.tail.path)
            now = (status.st_size, status.st_mtime_ns, status.st_ino)
            if now == followed.seen:  # hundreds of finished runs cost a stat each
                return 0, ""
            events = followed.tail.read(size)
        except FileNotFoundError:
            return 0, ""
        except OSError as error:
            new = str(error) != followed.problem
            followed.problem = str(error)
            return 0, str(error) if new else ""
        followed.problem = ""
        if events:
            followed.view = fold(followed.view, events)
        if followed.tail.damaged != damaged:
            lines = followed.view.damaged_lines + followed.tail.damaged - damaged
            followed.view = msgspec.structs.replace(followed.view, damaged_lines=lines)
        progress = followed.tail.offset - before
        followed.seen = now if progress < size // 2 else None
        return progress, ""

    def _keep_read(self) -> None:
        """Keep long histories whose end was reached, and again when they have grown by as much."""
        for followed in self._to_keep:
            if followed.tail.offset - followed.kept_offset < WORTH_BYTES:
                continue
            if not self._cleaned:
                self._cleaned = True
                self.cache.clean(self.root / "runs")
            self.cache.keep(followed.tail.path, followed.view, followed.tail.offset, followed.tail.damaged)
            followed.kept_offset = followed.tail.offset
        self._to_keep.clear()

    def _forget(self, wanted: int) -> None:
        """Let go of the runs that were asked for longest ago; never of one that is asked for now."""
        for run_id in list(self._followed)[: -(KEPT_VIEWS + wanted)]:
            del self._followed[run_id]
