"""The curves of long runs, kept in a cache beside the workspace's records, so that no start reads them twice.

The cache is the app's own: nothing is ever written into a run folder. A file holds what was folded from the first
`offset` bytes of one events file; one that does not belong to that file any more is passed over and made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from pathlib import Path

import msgspec

from whaletui.view.runview import RunFacts, RunView
from whaletui.view.series import Axes, Curves

VERSION = 1
WORTH_BYTES = 1 << 20
"""Events that are fewer are folded faster than a second file is opened."""
CHECKED_BYTES = 4096


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a file of the cache. Columns are float64 in this machine's order of bytes."""

    version: int
    order: str
    inode: int
    offset: int
    digest: str  # of the bytes before `offset`
    damaged: int
    facts: RunFacts
    columns: dict[str, bytes]


class HistoryCache:
    """Keeps and finds histories; a cache that cannot be read or written costs time and nothing else.

    Args:
        folder: where the files lie; made at the first one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problem = ""  # why nothing can be kept, in words, until somebody told it
        self._told = False

    def find(self, events: Path) -> tuple[RunView, int, int] | None:
        """Return the view kept of an events file, the bytes it covers and how many lines were damaged."""
        try:
            kept = msgspec.msgpack.decode(self._path(events).read_bytes(), type=Kept)
            with open(events, "rb") as file:
                status = os.fstat(file.fileno())
                fits = (VERSION, sys.byteorder, status.st_ino) == (kept.version, kept.order, kept.inode)
                if not fits or kept.offset > status.st_size or kept.digest != _digest(file.fileno(), kept.offset):
                    return None
        except (OSError, msgspec.DecodeError):
            return None  # none yet, or cut short by a crash: the events tell it all again
        view = _restored(kept)
        return None if view is None else (view, kept.offset, kept.damaged)

    def keep(self, events: Path, view: RunView, offset: int, damaged: int) -> None:
        """Keep a view of the first `offset` bytes of an events file, the whole file or nothing of it."""
        facts = RunFacts(**{name: getattr(view, name) for name in RunFacts.__struct_fields__})
        path = self._path(events)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            with open(events, "rb") as file:
                inode, digest = os.fstat(file.fileno()).st_ino, _digest(file.fileno(), offset)
            kept = Kept(
                version=VERSION, order=sys.byteorder, inode=inode, offset=offset, digest=digest, damaged=damaged,
                facts=facts, columns={name: column.tobytes() for name, column in view.curves.columns().items()},
            )  # fmt: skip
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_bytes(msgspec.msgpack.encode(kept))
            os.replace(temporary, path)
        except OSError as error:
            if not self._told:
                self.problem = f"curves are read anew at every start: {path} cannot be written: {error.strerror}"
            self._told = True
            with contextlib.suppress(OSError):  # the same disk that refused to be written to
                temporary.unlink(missing_ok=True)

    def clean(self, runs: Path) -> None:
        """Delete what is kept of runs whose folder is gone."""
        with contextlib.suppress(OSError):  # none yet; or one that cannot be written either, which `keep` tells
            for path in self.folder.iterdir():
                if not (runs / path.name.partition("@")[0].lstrip(".")).is_dir():
                    path.unlink(missing_ok=True)

    def _path(self, events: Path) -> Path:
        attempt = events.parent
        return self.folder / f"{attempt.parent.name}@{attempt.name}.msgpack"


def _digest(handle: int, offset: int) -> str:
    """Return a digest of the last bytes before an offset: a file made anew under the same inode has others."""
    start = max(offset - CHECKED_BYTES, 0)
    return hashlib.sha256(os.pread(handle, offset - start, start)).hexdigest()


def _restored(kept: Kept) -> RunView | None:
    """Return the view of a cache file, or None where its columns do not fit together."""
    curves = Curves.empty()
    for name, column in curves.columns().items():
        data = kept.columns.get(name, b"")
        if len(data) % column.itemsize:
            return None
        column.frombytes(data)
    for _, axes, values in curves.kinds():
        lengths = {*map(len, values.values()), *(len(getattr(axes, name)) for name in Axes.__slots__)}
        if len(lengths) != 1:
            return None
    return RunView(curves=curves, **msgspec.structs.asdict(kept.facts))
