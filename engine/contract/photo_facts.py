"""What the photos of a data set are like: the figures, and every photo with what is odd about it."""

from __future__ import annotations

from collections import Counter

import msgspec

from engine.contract.dataset import NEW_WHALE

MOSTLY_BACKGROUND = 0.5
"""A box that covers a smaller share of its photo leaves most of the frame to the background."""


class PhotoFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One photo. `label` is empty for a test photo; `height` and `width` are 0 where it cannot be read."""

    name: str
    part: str  # "train" or "test"
    label: str = ""
    height: int = 0
    width: int = 0
    grey: bool = False  # not one pixel has a colour
    group: int = -1  # photos of one number are one photo, saved more than once; -1: there is no other
    trouble: str = ""  # why it cannot be read
    box: tuple[float, float, float, float] | None = None  # top, left, bottom, right in pixels
    confidence: float | None = None  # of a detector

    @property
    def covered(self) -> float | None:
        """The share of the photo within its box; None where it has none."""
        if self.box is None or not self.height or not self.width:
            return None
        top, left, bottom, right = self.box
        return (bottom - top) * (right - left) / (self.height * self.width)

    @property
    def whole(self) -> bool:
        """Whether its box is the whole photo: what a detector leaves where it is unsure."""
        return self.box == (0.0, 0.0, float(self.height), float(self.width))


class DataFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A data set, photo by photo, in the order of its tables; training photos first."""

    folder: str
    digest: str
    photos: tuple[PhotoFacts, ...]
    boxes: str = ""  # the table that boxes are from
    mended: tuple[str, ...] = ()  # what was put right in it

    @property
    def train(self) -> tuple[PhotoFacts, ...]:
        """The training photos."""
        return tuple(photo for photo in self.photos if photo.part == "train")

    @property
    def test(self) -> tuple[PhotoFacts, ...]:
        """The test photos."""
        return tuple(photo for photo in self.photos if photo.part == "test")

    def photos_per_id(self) -> Counter[str]:
        """Return how many training photos each id has, `new_whale` left out: it is no animal."""
        return Counter(photo.label for photo in self.train if photo.label != NEW_WHALE)

    def groups(self) -> dict[int, tuple[PhotoFacts, ...]]:
        """Return the photos that were saved more than once, by group."""
        found: dict[int, list[PhotoFacts]] = {}
        for photo in self.photos:
            if photo.group >= 0:
                found.setdefault(photo.group, []).append(photo)
        return {group: tuple(photos) for group, photos in found.items()}

    def contradictions(self) -> dict[int, tuple[PhotoFacts, ...]]:
        """Return the groups whose training photos carry more than one label: one of them is wrong."""
        return {
            group: photos
            for group, photos in self.groups().items()
            if len({photo.label for photo in photos if photo.part == "train"}) > 1
        }

    def copied_test(self) -> tuple[PhotoFacts, ...]:
        """Return the test photos that copy a training photo."""
        copied = {photo.group for photo in self.train if photo.group >= 0}
        return tuple(photo for photo in self.test if photo.group in copied)

    def background(self) -> tuple[PhotoFacts, ...]:
        """Return the photos whose box leaves most of the frame to the background, the smallest box first."""
        small = [(photo.covered, photo) for photo in self.photos if photo.covered is not None]
        ordered = sorted((pair for pair in small if pair[0] < MOSTLY_BACKGROUND), key=lambda pair: pair[0])
        return tuple(photo for _, photo in ordered)
