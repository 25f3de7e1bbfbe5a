"""Who knows what the others do not: agreement, shared errors and what the best choice per photo would reach."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from whaletui.ensemble.lab import Lab


class Diversity(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates against one another on the validation photos. Matrices are (candidates, candidates), from 0 to 1.

    agreement: share of photos for which both guess the same whale first.
    shared_errors: of the photos that either has not among its five guesses, the share that both have not.
    oracle: share of photos that at least one of both has among its five guesses; on the diagonal, one alone.
    only: photos that a candidate alone among all has among its five guesses.
    oracle_of_all: share of photos that any of them has among its five guesses.
    """

    agreement: NDArray[np.float64]
    shared_errors: NDArray[np.float64]
    oracle: NDArray[np.float64]
    only: tuple[int, ...]
    oracle_of_all: float


def diversity(lab: Lab, members: Sequence[int]) -> Diversity:
    """Compare some candidates of a lab, in this order."""
    firsts = np.stack([lab.top[number][:, 0] for number in members])
    return compare(firsts, lab.knows[list(members)])


def compare(firsts: NDArray[np.integer], knows: NDArray[np.bool_]) -> Diversity:
    """Compare candidates by their guesses.

    Args:
        firsts: (candidates, photos) each one's first guess.
        knows: (candidates, photos) whether the truth is among its five.
    """
    photos = max(knows.shape[1], 1)
    wrong = ~knows
    either = knows[:, None] | knows[None, :]
    both_wrong = (wrong[:, None] & wrong[None, :]).sum(axis=2)
    any_wrong = (wrong[:, None] | wrong[None, :]).sum(axis=2)
    told = knows.sum(axis=0)
    return Diversity(
        agreement=(firsts[:, None] == firsts[None, :]).sum(axis=2) / photos,
        shared_errors=np.where(any_wrong > 0, both_wrong / np.maximum(any_wrong, 1), 1.0),
        oracle=either.sum(axis=2) / photos,
        only=tuple(int((own & (told == 1)).sum()) for own in knows),
        oracle_of_all=float((told > 0).mean()) if knows.shape[1] else float("nan"),
    )
