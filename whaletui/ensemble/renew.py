"""Ensembles whose members were trained again: found out, and made again with the new runs in place of the old."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from whaletui.ensemble.errors import EnsembleError
from whaletui.ensemble.evaluate import evaluate_voices
from whaletui.ensemble.export import _figures, _sources, gains
from whaletui.ensemble.voices import blend_of, member_voice
from whaletui.records.model import EnsembleRecord, MemberRecord
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.records.records import Records


def news_of(records: Records, ensembles: Sequence[EnsembleRecord]) -> dict[int, str]:
    """Return, for each ensemble that is out of date, why: a member was trained again, or is gone."""
    runs = {source.run_id for record in ensembles for source in record.sources}
    replaced = records.retrained(sorted(runs))
    attempts = {run.id: run.attempt for run in records.known_runs(sorted(runs))}
    found: dict[int, str] = {}
    for record in ensembles:
        own = {source.run_id for source in record.sources}
        for source in record.sources:
            newer = replaced.get(source.run_id)
            if newer is not None and newer not in own:
                found[record.id] = f"run {source.run_id} was trained again as run {newer}"
            elif source.run_id not in attempts:
                found[record.id] = f"run {source.run_id} was deleted"
            elif attempts[source.run_id] != source.attempt:
                found[record.id] = f"run {source.run_id} was trained again"
            if record.id in found:
                break
    return found


def renew(records: Records, workspace: Workspace, record: EnsembleRecord) -> EnsembleRecord:
    """Make an ensemble again: newer runs of the same spec and seed take the places of their elders.

    Id, name, weights and blend stay; what its members come to now is written over its figures.

    Raises:
        EnsembleError, RunFolderError: the new members cannot vote together.
        RecordsError: a member is gone and nothing took its place.
    """
    own = {source.run_id for source in record.sources}
    replaced = {old: new for old, new in records.retrained(sorted(own)).items() if new not in own}
    members = tuple(_renewed(member, replaced) for member in record.members)
    voices = [member_voice(records, member, (record.id,)) for member in members]
    if not voices:
        raise EnsembleError(f"ensemble e{record.id} has no members", "delete it and make another")
    scored = evaluate_voices(workspace, voices, blend_of(record.blend), [member.weight for member in members])
    return records.change_ensemble(
        record.id, members=members, sources=_sources(voices), **_figures(scored), **gains(scored, None)
    )


def _renewed(member: MemberRecord, replaced: dict[int, int]) -> MemberRecord:
    return msgspec.structs.replace(member, runs=tuple(replaced.get(run, run) for run in member.runs))
