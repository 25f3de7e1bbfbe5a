"""Ways through the photos of a data set: all of them, or those with something odd about them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.contract.photo_facts import DataFacts, PhotoFacts
from whaletui.safe import safe


class Walk(NamedTuple):
    """A selection of photos: its name, and what it shows in the order in which it is walked."""

    name: str
    photos: tuple[PhotoFacts, ...]


def walks(facts: DataFacts) -> list[Walk]:
    """Return the ways through a data set, those without a photo left out; all photos come first."""
    photos = facts.photos
    found = [
        Walk("all photos", photos),
        Walk("two labels", _together(facts.contradictions())),
        Walk("duplicates", _together(facts.groups())),
        Walk("copied in test", facts.copied_test()),
        Walk("mostly background", facts.background()),
        Walk("least certain", _least_certain(photos)),
        Walk("left whole", _those(photos, lambda photo: photo.whole)),
        Walk("without a box", _those(photos, lambda photo: photo.box is None) if facts.boxes else ()),
        Walk("with a box", _those(photos, lambda photo: photo.box is not None)),
        Walk("grey", _those(photos, lambda photo: photo.grey)),
        Walk("unreadable", _those(photos, lambda photo: bool(photo.trouble))),
    ]
    return [found[0], *(walk for walk in found[1:] if walk.photos)]


def caption(photo: PhotoFacts) -> str:
    """Return what is written under a photo: its label, or where it is from, and how certain its box is."""
    words = [safe(photo.label or "test", 20)]
    if photo.confidence is not None:
        words.append(f"{photo.confidence:.2f}")
    return " ".join(words)


def photo_lines(photo: PhotoFacts) -> list[tuple[str, str]]:
    """Return names and values of what is known of one photo."""
    found = [("photo", f"{photo.part}/{safe(photo.name, 60)}"), ("label", safe(photo.label, 40) or "not told")]
    if photo.trouble:
        return [*found, ("trouble", safe(photo.trouble, 200))]
    grey = ", grey" if photo.grey else ""
    found.append(("size", f"{photo.width} x {photo.height}{grey}"))
    if photo.box is not None:
        edges = " ".join(f"{edge:g}" for edge in photo.box)
        covered = photo.covered or 0.0
        found.append(("box", "the whole photo" if photo.whole else f"{edges}, {covered:.0%} of it"))
    if photo.confidence is not None:
        found.append(("certain", f"{photo.confidence:.3f}"))
    return found


def _together(groups: dict[int, tuple[PhotoFacts, ...]]) -> tuple[PhotoFacts, ...]:
    return tuple(photo for photos in groups.values() for photo in photos)


def _those(photos: tuple[PhotoFacts, ...], wanted: Callable[[PhotoFacts], bool]) -> tuple[PhotoFacts, ...]:
    return tuple(photo for photo in photos if wanted(photo))


def _least_certain(photos: tuple[PhotoFacts, ...]) -> tuple[PhotoFacts, ...]:
    told = [(photo.confidence, photo) for photo in photos if photo.confidence is not None]
    return tuple(photo for _, photo in sorted(told, key=lambda pair: pair[0]))
