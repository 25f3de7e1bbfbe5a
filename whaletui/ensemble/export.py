"""From selected runs to a score and to a submission: what the ensemble screen and the command line call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from engine.contract.dataset import read_dataset
from engine.contract.ranking import Score
from whaletui.ensemble.blend import Blend, EnsembleError, Vote, vote
from whaletui.ensemble.submission import write_submission
from whaletui.records.model import EnsembleRecord, MemberRecord, RunRecord, SubmissionRecord
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.records.records import Records


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """An ensemble on the validation photos, beside each member alone and the baselines."""

    score: Score
    singles: dict[int, Score]  # by run id
    constant: float | None
    duplicates: float | None

    @property
    def best_single(self) -> float:
        """The highest MAP@5 of a member alone."""
        return max(single.map5 for single in self.singles.values())

    @property
    def gain(self) -> float:
        """What voting adds to the best member."""
        return self.score.map5 - self.best_single


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """A submission on disk and the records that tell of it."""

    path: Path
    submission: SubmissionRecord
    ensemble: EnsembleRecord | None  # None for a single run


def evaluate(
    records: Records, workspace: Workspace, run_ids: Sequence[int], blend: Blend, weights: Sequence[float] | None = None
) -> Evaluation:
    """Score a soft vote of finished runs on their common validation photos.

    Raises:
        EnsembleError: a run is not finished, or the runs cannot vote together.
        RunFolderError: scores are missing or damaged.
    """
    members = _members(records, run_ids)
    singles = {member.id: _vote(workspace, [member], None, blend, "valid").score() for member in members}
    together = _vote(workspace, members, weights, blend, "valid").score()
    return Evaluation(
        score=together,
        singles=singles,
        constant=members[0].baseline_constant,
        duplicates=members[0].baseline_duplicates,
    )


def export(
    records: Records,
    workspace: Workspace,
    run_ids: Sequence[int],
    blend: Blend,
    weights: Sequence[float] | None = None,
    path: Path | None = None,
    now: float | None = None,
) -> Export:
    """Write the checked submission of one run or of a soft vote, and note both in the records.

    Args:
        path: the file to write; by default `submissions/run-7.csv` or `submissions/vote-7-8.csv`.

    Raises:
        EnsembleError, RunFolderError, DataError: see `evaluate` and `write_submission`; nothing is left behind.
    """
    members = _members(records, run_ids)
    together = _vote(workspace, members, weights, blend, "valid").score()
    answers = _vote(workspace, members, weights, blend, "test")
    dataset = read_dataset(Path(members[0].spec.data.folder))
    target = path or workspace.submissions / default_name(run_ids, weights, blend)
    written = write_submission(target, dataset, answers.photos, answers.guesses, answers.classes)
    ensemble = None
    if len(members) > 1:
        shares = weights or [1.0] * len(members)
        ensemble = records.add_ensemble(
            name=target.stem,
            blend=blend,
            members=[MemberRecord(run_id=run.id, weight=share) for run, share in zip(members, shares, strict=True)],
            score=together,
            now=now,
        )
    submission = records.add_submission(
        path=_within(workspace, written.path),
        sha256=written.sha256,
        rows=written.rows,
        run_id=members[0].id if ensemble is None else None,
        ensemble_id=ensemble.id if ensemble else None,
        now=now,
    )
    return Export(path=written.path, submission=submission, ensemble=ensemble)


def default_name(run_ids: Sequence[int], weights: Sequence[float] | None, blend: Blend) -> str:
    """Return a file name that tells what is in it: other members, weights or blend, another name."""
    if len(run_ids) == 1:
        return f"run-{run_ids[0]}.csv"
    shares = weights or [1.0] * len(run_ids)
    told = [f"{run}x{share:g}" if share != 1 else str(run) for run, share in zip(run_ids, shares, strict=True)]
    if len(told) > 12:
        told = [*told[:12], f"and-{len(told) - 12}-more"]
    return f"vote-{'-'.join(told)}{'' if blend == 'logits' else '-probabilities'}.csv"


def _members(records: Records, run_ids: Sequence[int]) -> list[RunRecord]:
    if not run_ids:
        raise EnsembleError("no run is selected", "select finished runs with space, or name their ids")
    if len(set(run_ids)) != len(run_ids):
        raise EnsembleError("a run is named twice", "name each run once, and give it a weight instead")
    members = [records.run(run_id) for run_id in run_ids]
    for member in members:
        if not member.can_vote:
            raise EnsembleError(
                f"run {member.id} ({member.name}) is {member.state.value}", "only finished runs can vote or be exported"
            )
    return members


def _vote(
    workspace: Workspace,
    members: Sequence[RunRecord],
    weights: Sequence[float] | None,
    blend: Blend,
    part: Literal["valid", "test"],
) -> Vote:
    folders = [(f"run {member.id}", workspace.run_dir(member.folder).predictions) for member in members]
    return vote(folders, weights or [1.0] * len(members), blend, part)


def _within(workspace: Workspace, path: Path) -> str:
    """Return a path relative to the workspace where it lies inside, so that the workspace can be moved."""
    path = path.resolve()
    return str(path.relative_to(workspace.root)) if path.is_relative_to(workspace.root) else str(path)
