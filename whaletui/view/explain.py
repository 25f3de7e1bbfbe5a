"""Why a run is as it is: what its spec changes, and why it waits, failed or was lost. Pure."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

from engine.contract.errors import SpecError
from engine.contract.fields import differences, spec_fields
from engine.contract.spec import RunSpec
from whaletui.records.model import RunRecord, State
from whaletui.safe import safe
from whaletui.view import formats

UNTOLD = frozenset({"name", "data.folder"})
"""Paths that say nothing about what a run does differently."""


class Change(NamedTuple):
    """A setting that differs: its path, what it was and what it is, safe to show."""

    path: str
    was: str
    now: str


def changes(spec: RunSpec, origin: RunSpec) -> tuple[Change, ...]:
    """Return what a spec changes of another, in the order of the types."""
    found = differences(origin, spec)
    return tuple(
        Change(path, safe(formats.plain(was)) or "nothing", safe(formats.plain(now)) or "nothing")
        for path, (was, now) in found.items()
        if path not in UNTOLD
    )


@lru_cache(maxsize=512)
def from_defaults(spec_json: str) -> tuple[Change, ...]:
    """Return what a recorded spec changes of the defaults; nothing of one that can no longer be read."""
    try:
        return changes(RunSpec.from_json(spec_json), RunSpec())
    except SpecError:
        return ()


def why(record: RunRecord) -> str:
    """Return one sentence on how the run stands, empty where its state says it all."""
    reason = safe(record.reason)
    match record.state:
        case State.QUEUED:
            return f"waits: {reason}" if reason else "waits for a free slot"
        case State.FAILED:
            return f"failed: {reason}" if reason else "failed without a word: see its log"
        case State.LOST:
            return f"lost: {reason}" if reason else "lost: nothing of it runs, and it wrote no end"
        case State.CANCELLED:
            return f"cancelled: {reason}" if reason else "cancelled"
        case State.PUBLISHED:
            return reason or "published"
        case _:
            return reason


@cache
def short_names() -> dict[str, str]:
    """Return a short title for every path: its last word, or two where one would not tell it apart."""
    paths = [field.path for field in spec_fields()]
    last = [path.rpartition(".")[2] for path in paths]
    return {
        path: word if last.count(word) == 1 else ".".join(path.split(".")[-2:])
        for path, word in zip(paths, last, strict=True)
    }


def change_words(found: tuple[Change, ...], width: int) -> str:
    """Return changes as one line of at most `width` cells: "backbone resnet18, epochs 4, and 3 more"."""
    names = short_names()
    words: list[str] = []
    used = 0
    for number, change in enumerate(found):
        word = f"{names.get(change.path, change.path)} {change.now}"
        if used + len(word) + 14 > width and number:
            return ", ".join(words) + f", and {len(found) - number} more"
        words.append(word)
        used += len(word) + 2
    return ", ".join(words)[: max(width, 0)]
