"""What an ensemble guessed for its validation photos, in the form that the gallery shows."""

from __future__ import annotations

import numpy as np

from engine.contract.ranking import average_precision, top_five
from whaletui.ensemble.blend import ROWS_AT_ONCE, BlendedTable, softmax
from whaletui.view.looked import Guess, Looked


def read_vote_guesses(table: BlendedTable) -> list[Looked]:
    """Return every validation photo of an ensemble, in its order; shares are the softmax of what was blended."""
    read, names = table.reader(table.photos, table.classes), table.classes.names
    found: list[Looked] = []
    for start in range(0, len(table.photos), ROWS_AT_ONCE):
        scores = read(start, min(start + ROWS_AT_ONCE, len(table.photos)))
        best = top_five(scores)
        softmax(scores)
        shares = np.take_along_axis(scores, best, axis=1)
        worth = average_precision(best, table.numbers[start : start + len(scores)])
        for row in range(len(scores)):
            told = [Guess(names[whale], float(share)) for whale, share in zip(best[row], shares[row], strict=True)]
            photo = start + row
            found.append(
                Looked(
                    photo=table.photos[photo], truth=table.truth[photo], guesses=tuple(told), worth=float(worth[row])
                )
            )
    return found
