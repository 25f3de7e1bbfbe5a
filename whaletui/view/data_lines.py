"""What a data set is like, in figures and bars: the same for the command line and the app. Pure."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from engine.contract.dataset import NEW_WHALE
from engine.contract.photo_facts import DataFacts
from whaletui.view import formats

STEPS = (1, 2, 3, 4, 5, 6, 8, 11, 16, 21, 31, 51, 101)
"""Where the bars of the histogram begin, in photos of an id."""


class Bar(NamedTuple):
    """A bar of the histogram: "6-7" photos, and how many ids have so many."""

    photos: str
    ids: int


def histogram(facts: DataFacts) -> list[Bar]:
    """Return how many ids have one photo, two, three and so on, larger numbers together."""
    counts = facts.photos_per_id().values()
    bars = []
    for low, high in zip(STEPS, (*(step - 1 for step in STEPS[1:]), None), strict=True):
        ids = sum(low <= count and (high is None or count <= high) for count in counts)
        name = f"{low}+" if high is None else str(low) if high == low else f"{low}-{high}"
        bars.append(Bar(name, ids))
    while bars and not bars[-1].ids:
        bars.pop()
    return bars


def figures(facts: DataFacts) -> list[tuple[str, str]]:
    """Return names and figures of a data set, in the order in which a person asks."""
    train, test, per_id = facts.train, facts.test, facts.photos_per_id()
    single = sum(count == 1 for count in per_id.values())
    new = sum(photo.label == NEW_WHALE for photo in train)
    groups, contradictions = facts.groups(), facts.contradictions()
    copied = facts.copied_test()
    unreadable = sum(bool(photo.trouble) for photo in facts.photos)
    found = [
        ("photos", f"{len(train):,} training, {len(test):,} test"),
        ("ids", f"{len(per_id):,}, and {formats.count(new, 'photo')} of {NEW_WHALE}"),
        ("one photo", f"{single:,} ids, {_share(single, len(per_id))}"),
        ("sizes", _sizes(facts)),
        ("grey", _grey(facts)),
        ("duplicates", f"{formats.count(len(groups), 'photo')} saved {sum(map(len, groups.values())):,} times"),
        ("", f"{len(copied):,} test photos copy a training photo, {_share(len(copied), len(test))}"),
        ("two labels", f"{formats.count(len(contradictions), 'photo')} saved under more than one id"),
        ("unreadable", f"{unreadable:,}" if unreadable else "none"),
    ]
    return [*found, *_box_figures(facts)]


def _box_figures(facts: DataFacts) -> list[tuple[str, str]]:
    if not facts.boxes:
        return []
    boxed = [photo for photo in facts.photos if photo.box is not None]
    whole, small = sum(photo.whole for photo in boxed), facts.background()
    covered = [photo.covered or 0.0 for photo in boxed]
    mean = sum(covered) / len(covered) if covered else 0.0
    found = [
        ("boxes", f"{len(boxed):,} of {len(facts.photos):,} photos, {whole:,} of them whole"),
        ("covered", f"{mean:.0%} of a photo on average"),
        ("background", f"most of {formats.count(len(small), 'photo')}, {_share(len(small), len(boxed))}"),
    ]
    if facts.mended:
        found.append(("put right", formats.count(len(facts.mended), "line") + " of the boxes"))
    return found


def _sizes(facts: DataFacts) -> str:
    sizes = Counter((photo.height, photo.width) for photo in facts.photos if not photo.trouble)
    if not sizes:
        return "none could be read"
    (height, width), count = sizes.most_common(1)[0]
    if len(sizes) == 1:
        return f"all {width} x {height}"
    return f"{len(sizes):,} different, most often {width} x {height} ({_share(count, sizes.total())})"


def _grey(facts: DataFacts) -> str:
    parts = []
    for name, photos in (("training", facts.train), ("test", facts.test)):
        grey = sum(photo.grey for photo in photos)
        parts.append(f"{grey:,} {name} ({_share(grey, len(photos))})")
    return ", ".join(parts)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "none"
