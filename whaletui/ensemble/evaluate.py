"""An ensemble on its validation photos: its score beside each member alone, both baselines and the noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from engine.contract.ranking import Score, average_precision
from whaletui.ensemble.blend import Blend, BlendedTable, Vote
from whaletui.ensemble.calibration import Calibration
from whaletui.ensemble.significance import Clusters, Interval
from whaletui.ensemble.tables import Part
from whaletui.ensemble.voices import Voice, calibrations, open_table, run_voices
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.records.records import Records


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """An ensemble on the validation photos that all its members scored."""

    score: Score
    singles: dict[str, Score]  # by the key of each member
    constant: float | None
    duplicates: float | None
    gain_interval: Interval  # over the best member, paired photo by photo, clustered by id
    calibrations: dict[str, Calibration]

    @property
    def best_single(self) -> float:
        """The highest MAP@5 of a member alone."""
        return max(single.map5 for single in self.singles.values())

    @property
    def gain(self) -> float:
        """What voting adds to the best member."""
        return self.score.map5 - self.best_single


def evaluate(
    records: Records, workspace: Workspace, run_ids: Sequence[int], blend: Blend, weights: Sequence[float] | None = None
) -> Evaluation:
    """Score a soft vote of finished runs on their common validation photos; see `evaluate_voices`."""
    return evaluate_voices(workspace, run_voices(records, run_ids), blend, weights)


def evaluate_voices(
    workspace: Workspace, members: Sequence[Voice], blend: Blend, weights: Sequence[float] | None = None
) -> Evaluation:
    """Score an ensemble on the validation photos that all members scored.

    Raises:
        EnsembleError: the members cannot vote together.
        RunFolderError: scores are missing or damaged.
    """
    fitted = calibrations(members, workspace, blend)
    together = blended(workspace, members, weights, blend, "valid", fitted).vote()
    photos = {photo: row for row, photo in enumerate(together.photos)}
    singles, worths = {}, []
    for member in members:
        alone = blended(workspace, [member], None, "logits", "valid").vote()
        rows = np.array([row for row, photo in enumerate(alone.photos) if photo in photos])
        order = np.argsort([photos[alone.photos[row]] for row in rows], kind="stable")
        alone = _picked(alone, rows[order])
        singles[member.key] = alone.score()
        worths.append(average_precision(alone.guesses, alone.truth))
    best = worths[int(np.argmax([worth.mean() for worth in worths]))]
    clusters = Clusters(together.truth, together.classes.new_class)
    first = members[0].leaves()[0]
    return Evaluation(
        score=together.score(), singles=singles, constant=first.baseline_constant, duplicates=first.baseline_duplicates,
        gain_interval=clusters.interval(average_precision(together.guesses, together.truth) - best),
        calibrations={member.key: one for member, one in zip(members, fitted, strict=False)},
    )  # fmt: skip


def blended(
    workspace: Workspace,
    members: Sequence[Voice],
    weights: Sequence[float] | None,
    blend: Blend,
    part: Part,
    fitted: Sequence[Calibration] = (),
) -> BlendedTable:
    """Return members as one table; weights of None are equal ones."""
    tables = [open_table(member, workspace, part) for member in members]
    return BlendedTable("the vote", tables, weights or [1.0] * len(members), blend, fitted)


def _picked(vote: Vote, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Vote:
    return Vote(
        photos=tuple(vote.photos[row] for row in rows), truth=vote.truth[rows], guesses=vote.guesses[rows],
        classes=vote.classes,
    )  # fmt: skip
