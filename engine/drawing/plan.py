"""Who is on which photo: the tables of a drawn data set before a single pixel is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.contract.dataset import NEW_WHALE
from engine.contract.errors import DataError

Part = Literal["train", "test"]

TEST_SHARE = 0.25
NEW_IN_TRAIN, NEW_IN_TEST = 0.08, 0.16
SINGLETON_SHARE = 0.25
PHOTOS_PER_COPY = 80


@dataclass(frozen=True)
class Shot:
    """One photo to take.

    Attributes:
        photo: its file name.
        part: "train" or "test".
        whale: number of the animal; those from `whales` on have no name.
        label: what the table says of it.
        source: photo of which this is a copy, or empty.
        reencoded: whether the copy was saved anew and so has other bytes.
    """

    photo: str
    part: Part
    whale: int
    label: str
    source: str = ""
    reencoded: bool = False


def plan_shots(random: np.random.Generator, whales: int, photos: int) -> list[Shot]:
    """Deal photos to whales as the real data do: few whales with many, many with one, some without a name.

    Every named whale has a training photo, about a quarter of them just one. A few photos are copies
    of others under another name, two of them test photos copied from training.

    Raises:
        DataError: too few photos for so many whales, or fewer than two whales.
    """
    test = round(photos * TEST_SHARE)
    new_test, new_train = round(test * NEW_IN_TEST), round((photos - test) * NEW_IN_TRAIN)
    named = photos - test - new_train
    if whales < 2:
        raise DataError(f"{whales} whales cannot be told apart", "ask for two or more")
    if named < 2 * whales:
        raise DataError(f"{photos} photos are too few for {whales} whales", f"ask for {3 * whales} photos or more")
    in_train = _dealt(random, whales, named)
    in_test = random.multinomial(test - new_test, np.sqrt(in_train) / np.sqrt(in_train).sum())
    names = [f"{digits}.jpg" for digits in _hexadecimal(random, photos, 8)]
    labels = [f"w_{digits}" for digits in _hexadecimal(random, whales, 7)]
    known = [whale for counts in (in_train, in_test) for whale in np.repeat(np.arange(whales), counts).tolist()]
    unknown = list(range(whales, whales + new_train + new_test))  # each another animal
    animals = known[:named] + unknown[:new_train] + known[named:] + unknown[new_train:]
    labels += [NEW_WHALE] * len(unknown)
    parts: list[Part] = ["train" if row < photos - test else "test" for row in range(photos)]
    rows = zip(names, parts, animals, strict=True)
    shots = [Shot(photo, part, whale, labels[whale]) for photo, part, whale in rows]
    return _with_copies(random, shots)


def _dealt(random: np.random.Generator, whales: int, photos: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return how many training photos each whale has: singletons, and a long tail of the others."""
    singletons = round(whales * SINGLETON_SHARE)
    counts = np.ones(whales, np.int64)
    counts[singletons:] += 1
    weights = np.zeros(whales)
    weights[singletons:] = 1.0 / (np.arange(whales - singletons) + 4.0) ** 0.8
    counts += random.multinomial(photos - counts.sum(), weights / weights.sum())
    return random.permutation(counts)


def _hexadecimal(random: np.random.Generator, count: int, digits: int) -> list[str]:
    """Return different numbers of so many hexadecimal digits, as Kaggle names photos and whales."""
    numbers: list[int] = []
    while len(numbers) < count:
        numbers = list(dict.fromkeys([*numbers, *random.integers(0, 16**digits, count).tolist()]))
    return [f"{number:0{digits}x}" for number in numbers[:count]]


def _with_copies(random: np.random.Generator, shots: list[Shot]) -> list[Shot]:
    """Turn a few photos, at most one of a whale, into copies of a training photo; every second one is saved anew."""
    copies = max(2, len(shots) // PHOTOS_PER_COPY)
    changed, whales = list(shots), set[int]()
    for row in random.permutation(len(shots)).tolist():
        shot, made = changed[row], len(whales)
        wanted = "test" if made < 2 else "train"
        originals = [
            other.photo for other in changed
            if other.whale == shot.whale and other.part == "train" and not other.source and other.photo != shot.photo
        ]  # fmt: skip
        if shot.part != wanted or shot.whale in whales or not originals or made == copies:
            continue
        changed[row] = replace(shot, source=originals[0], reencoded=made % 2 == 1)
        whales.add(shot.whale)
    return changed
