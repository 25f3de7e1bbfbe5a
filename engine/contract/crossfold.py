"""The folds of one cross-validation joined: every photo scored by a run that never learnt from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.errors import RunFolderError
from engine.contract.predictions import ClassList, Predictions
from engine.contract.spec import RunSpec


class OutOfFold(msgspec.Struct, frozen=True):
    """Out-of-fold scores, the folds one below the other in the order they were given. Nothing is read until asked for.

    A photo may be of a new whale in one run's eyes only: `truth` is what its own fold says.
    """

    parts: tuple[Predictions, ...]
    classes: ClassList

    @property
    def photos(self) -> tuple[str, ...]:
        """File names in row order."""
        return tuple(photo for part in self.parts for photo in part.photos)

    @property
    def truth(self) -> tuple[str, ...]:
        """The right label of each photo."""
        return tuple(label for part in self.parts for label in part.truth)

    def truth_numbers(self) -> NDArray[np.int64]:
        """Return the truth as class numbers."""
        return np.concatenate([part.truth_numbers() for part in self.parts])

    def blocks(self, rows: int) -> Iterator[NDArray[np.float32]]:
        """Yield the scores in row order, (up to `rows`, classes) at a time."""
        for part in self.parts:
            for start in range(0, len(part.photos), rows):
                yield part.rows(start, start + rows)


def join_folds(parts: Sequence[Predictions]) -> OutOfFold:
    """Join the validation scores of several folds.

    Raises:
        RunFolderError: none is given, one has no truth, their class lists differ, or two hold the same photo.
    """
    if not parts:
        raise RunFolderError("no fold is given to join", "name the runs of one cross-validation")
    seen: dict[str, Predictions] = {}
    for part in parts:
        if len(part.truth) != len(part.photos):
            raise RunFolderError(
                f"{part.path} has no truth beside its scores", "join validation scores, not test scores"
            )
        if part.classes.digest != parts[0].classes.digest:
            raise RunFolderError(
                f"{part.path} has another class list than {parts[0].path}", "join folds of the same data"
            )
        for photo in part.photos:
            if photo in seen:
                raise RunFolderError(
                    f"{photo} was held back by {seen[photo].path} and by {part.path}",
                    "join different folds of one split",
                )
            seen[photo] = part
    return OutOfFold(tuple(parts), parts[0].classes)


def same_but_for_fold(specs: Sequence[RunSpec]) -> bool:
    """Tell whether specs are different folds of one cross-validation: all else equal, the seed too."""
    alike = len({(spec.digest_over_folds, spec.seed) for spec in specs}) == 1
    return alike and len({spec.data.fold for spec in specs}) == len(specs)
