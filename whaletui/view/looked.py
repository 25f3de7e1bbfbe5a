"""Photos with what was guessed for them, and the ways to sift them. Pure and light.

Whoever guesses can be looked through in the gallery: a run, an ensemble, or two of them against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from engine.contract.dataset import NEW_WHALE


class Guess(msgspec.Struct, frozen=True):
    """One of the five: the whale, and its share of the scores (softmax, 0 to 1)."""

    whale: str
    share: float


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A validation photo with its truth, its guesses best first, and what they are worth (1/rank, or 0)."""

    photo: str
    truth: str
    guesses: tuple[Guess, ...]
    worth: float

    @property
    def first(self) -> Guess:
        """The best guess."""
        return self.guesses[0]


class GuessSource(Protocol):
    """What the gallery walks through; `read` and `neighbours` are called in a worker."""

    @property
    def title(self) -> str:
        """What guessed, in a few words: "run 7 resnet50"."""

    @property
    def data_folder(self) -> Path:
        """Where `train/` and `train.csv` lie."""

    @property
    def embeddings(self) -> Path | None:
        """The folder of embeddings by which the nearest photo of a whale is told; None: the first one is shown."""

    @property
    def boxes(self) -> Path | None:
        """The table of boxes that photos were cropped to; None: they were not."""

    def read(self) -> list[Looked]:
        """Return every photo with its guesses; raises `WhaleError` where there are none."""


class Way(NamedTuple):
    """A way to sift: its name, whether it needs another source, which photos it keeps, and their order."""

    words: str
    needs_other: bool
    keeps: Callable[[Looked, Looked | None], bool]
    order: Callable[[Looked], float] | None = None


def _mixes_up_new(one: Looked, _: Looked | None) -> bool:
    return (one.truth == NEW_WHALE) != (one.first.whale == NEW_WHALE)


WAYS: dict[str, Way] = {
    "all": Way("validation photos", False, lambda one, other: True),
    "wrong": Way("first guess wrong", False, lambda one, other: one.worth < 1),
    "missed": Way("not among the five", False, lambda one, other: not one.worth),
    "surest": Way("surest mistakes first", False, lambda one, other: one.worth < 1, lambda one: -one.first.share),
    "unsure": Way("least sure first", False, lambda one, other: True, lambda one: one.first.share),
    "new": Way(f"{NEW_WHALE} mixed up with a known one", False, _mixes_up_new),
    "here": Way(
        "right here, wrong there", True, lambda one, other: other is not None and one.worth == 1 and other.worth < 1
    ),
    "there": Way(
        "wrong here, right there", True, lambda one, other: other is not None and one.worth < 1 and other.worth == 1
    ),
}
"""Every way to sift, by its key; a right first guess is one that is worth 1."""


def sifted(everything: Sequence[Looked], way: str, others: Mapping[str, Looked]) -> list[Looked]:
    """Return the photos that a way keeps; `others` are the other source's, by photo."""
    chosen = WAYS[way]
    kept = [one for one in everything if chosen.keeps(one, others.get(one.photo))]
    return sorted(kept, key=chosen.order) if chosen.order else kept
