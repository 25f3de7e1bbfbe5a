"""Who may vote: finished runs, folds of one spec joined to one voice, and ensembles; from records to scores tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from whaletui.ensemble.blend import BLENDS, CALIBRATED, Blend, BlendedTable, calibrate_tables
from whaletui.ensemble.calibration import Calibration
from whaletui.ensemble.errors import EnsembleError
from whaletui.ensemble.tables import AveragedTable, JoinedTable, Part, RunTable, Table
from whaletui.records.errors import RecordsError
from whaletui.records.model import EnsembleRecord, MemberRecord, RunRecord, SourceRecord
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.records.records import Records


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate or member: a run, several folds of one spec, or an ensemble of voices."""

    name: str
    runs: tuple[RunRecord, ...] = ()
    ensemble: EnsembleRecord | None = None
    members: tuple[Voice, ...] = ()  # of the ensemble

    @property
    def key(self) -> str:
        """What a person types to name it: "7", "7+8+9", "e3"."""
        return self.record(1.0).key

    @property
    def title(self) -> str:
        """What messages call it: "run 7", "runs 7+8+9", "ensemble e3"."""
        if self.ensemble is not None:
            return f"ensemble e{self.ensemble.id}"
        return f"run {self.key}" if len(self.runs) == 1 else f"runs {self.key}"

    def record(self, weight: float) -> MemberRecord:
        """Return it as the member of an ensemble's record."""
        if self.ensemble is not None:
            return MemberRecord(ensemble_id=self.ensemble.id, weight=weight)
        return MemberRecord(runs=tuple(run.id for run in self.runs), weight=weight)

    def leaves(self) -> list[RunRecord]:
        """Return every run that is in it, each once."""
        runs = {run.id: run for run in self.runs}
        for member in self.members:
            runs.update({run.id: run for run in member.leaves()})
        return [runs[run_id] for run_id in sorted(runs)]

    def sources(self) -> tuple[SourceRecord, ...]:
        """Return its runs as they are now, to find out later which were trained again."""
        return tuple(
            SourceRecord(run_id=run.id, digest=run.digest, seed=run.seed, attempt=run.attempt) for run in self.leaves()
        )


def voices(records: Records, names: Sequence[str]) -> list[Voice]:
    """Return the voices that names stand for: ids or names of runs, "e3" or the name of an ensemble.

    Runs of one spec and seed on different folds become one voice, at the place of the first.

    Raises:
        EnsembleError: nothing is named, something twice, or a run is not finished.
        RecordsError: a name is unknown.
    """
    if not names:
        raise EnsembleError("no run is selected", "select finished runs with space, or name their ids")
    found = [_find(records, name) for name in names]
    keys = [one.key for one in found]
    twice = next((one for one in found if keys.count(one.key) > 1), None)
    if twice is not None:
        what = f"{twice.title[0].lower()}{twice.title[1:]}"
        raise EnsembleError(f"a run is named twice: {what}", "name each once, and give it a weight instead")
    return joined(found)


def run_voices(records: Records, run_ids: Sequence[int]) -> list[Voice]:
    """Return the voices of runs by id; see `voices`."""
    return voices(records, [str(run_id) for run_id in run_ids])


def member_voice(records: Records, member: MemberRecord, above: tuple[int, ...] = ()) -> Voice:
    """Return the voice of a recorded member.

    Args:
        above: ids of the ensembles that it stands in, to find circles.
    """
    if member.ensemble_id is not None:
        return _ensemble_voice(records, records.ensemble(member.ensemble_id), above)
    runs = tuple(_finished(records.run(run_id)) for run_id in member.runs)
    return Voice(name=runs[0].name, runs=runs)


def joined(found: Sequence[Voice]) -> list[Voice]:
    """Return voices with the folds of one spec and seed joined."""
    groups: dict[object, list[RunRecord]] = defaultdict(list)
    for voice in found:
        if len(voice.runs) == 1:
            groups[_fold_free(voice.runs[0])].append(voice.runs[0])
    made: list[Voice] = []
    done: set[object] = set()
    for voice in found:
        group = _fold_free(voice.runs[0]) if len(voice.runs) == 1 else None
        runs = groups.get(group, [])
        if len({run.fold for run in runs}) < 2:
            made.append(voice)
        elif group not in done:
            done.add(group)
            made.append(_fold_voice(runs))
    return made


def open_table(voice: Voice, workspace: Workspace, part: Part) -> Table:
    """Open the scores of a voice.

    Raises:
        RunFolderError: scores are missing or damaged.
        EnsembleError: the parts of the voice do not fit together.
    """
    if voice.ensemble is not None:
        record, blend = voice.ensemble, blend_of(voice.ensemble.blend)
        tables = [open_table(member, workspace, part) for member in voice.members]
        weights = [member.weight for member in record.members]
        return BlendedTable(voice.title, tables, weights, blend, calibrations(voice.members, workspace, blend))
    runs = [RunTable.open(f"run {run.id}", workspace.run_dir(run.folder).predictions, part) for run in voice.runs]
    if len(runs) == 1:
        return runs[0]
    return JoinedTable(voice.title, runs) if part == "valid" else AveragedTable(voice.title, runs)


def calibrations(members: Sequence[Voice], workspace: Workspace, blend: Blend) -> list[Calibration]:
    """Fit the temperatures of members on their validation photos, where the blend asks for them."""
    if blend not in CALIBRATED:
        return []
    return calibrate_tables([open_table(member, workspace, "valid") for member in members])


def blend_of(name: str) -> Blend:
    """Return a blend by its recorded name; raises `EnsembleError` where there is none such."""
    for blend in BLENDS:
        if blend == name:
            return blend
    raise EnsembleError(f"there is no blend {name!r}", f"it is one of {', '.join(BLENDS)}")


def _find(records: Records, name: str) -> Voice:
    try:
        if name[:1] != "e" or not name[1:].isdigit():
            if "+" in name:
                return _fold_voice([_finished(records.find(part)) for part in name.split("+")])
            run = _finished(records.find(name))
            return Voice(name=run.name, runs=(run,))
    except RecordsError:
        if not any(record.name == name for record in records.ensembles()):
            raise
    return _ensemble_voice(records, records.find_ensemble(name), ())


def _ensemble_voice(records: Records, record: EnsembleRecord, above: tuple[int, ...]) -> Voice:
    if record.id in above:
        circle = " in ".join(f"e{number}" for number in (record.id, *reversed(above)))
        raise EnsembleError(f"an ensemble votes in itself: {circle}", "take one of them out of the other")
    if not record.members:
        raise EnsembleError(f"ensemble e{record.id} has no members", "its file was edited by hand: delete it")
    members = tuple(member_voice(records, member, (*above, record.id)) for member in record.members)
    return Voice(name=record.name, ensemble=record, members=members)


def _fold_voice(runs: Sequence[RunRecord]) -> Voice:
    """Return one voice of several folds; two runs of one fold are one too many."""
    by_fold: dict[int, RunRecord] = {}
    for run in runs:
        if run.fold in by_fold:
            raise EnsembleError(
                f"runs {by_fold[run.fold].id} and {run.id} are both fold {run.fold} of the same spec and seed",
                "leave one of them out",
            )
        by_fold[run.fold] = run
    if len({_fold_free(run) for run in runs}) > 1:
        listed = "+".join(str(run.id) for run in runs)
        raise EnsembleError(f"{listed} are not folds of one spec and seed", "join runs that differ in data.fold alone")
    ordered = tuple(by_fold[fold] for fold in sorted(by_fold))
    return Voice(name=f"{ordered[0].name} ({len(ordered)} folds)", runs=ordered)


def _fold_free(run: RunRecord) -> tuple[str, int]:
    """Return what folds of one spec have in common."""
    return run.spec.with_values({"data.fold": 0}).digest, run.seed


def _finished(run: RunRecord) -> RunRecord:
    if not run.can_vote:
        raise EnsembleError(
            f"run {run.id} ({run.name}) is {run.state.value}", "only finished runs can vote or be exported"
        )
    return run
