"""Candidates of the ensemble screen: what can vote with what was selected, read into one lab; and why others cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from engine.contract.errors import SpecError, WhaleError
from whaletui.ensemble.calibration import Calibration
from whaletui.ensemble.lab import Lab, Tell
from whaletui.ensemble.tables import Table, common_photos, refuse_other_classes
from whaletui.ensemble.voices import Voice, joined, open_table
from whaletui.records.model import RunRecord
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.records.records import Records

MOST = 20
"""Candidates at a time; of all finished runs the best ones."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates that were read into a lab, in its order, and what is wrong with those that could not be."""

    voices: tuple[Voice, ...]
    lab: Lab | None  # None: there is none that could be read
    refused: dict[str, str]  # by key

    def calibrations(self) -> dict[str, Calibration]:
        """Return the temperatures that were fitted, by key."""
        if self.lab is None:
            return {}
        return {voice.key: one for voice, one in zip(self.voices, self.lab.calibrations, strict=True)}


def load(
    workspace: Workspace,
    voices: Sequence[Voice],
    known: Mapping[str, Calibration] | None = None,
    tell: Tell = lambda done, total: None,
) -> Loaded:
    """Read candidates into a lab, leaving out, with the reason, those that cannot vote with the ones before."""
    fit: list[tuple[Voice, Table]] = []
    refused: dict[str, str] = {}
    for voice in voices:
        try:
            table = open_table(voice, workspace, "valid")
            tables = [*(other for _, other in fit), table]
            refuse_other_classes(tables)
            photos = common_photos(tables)
            table.reader(photos, tables[0].classes)(0, len(photos))
        except WhaleError as error:
            refused[voice.key] = error.message
            continue
        fit.append((voice, table))
    if not fit:
        return Loaded(voices=(), lab=None, refused=refused)
    fitted = {number: (known or {})[voice.key] for number, (voice, _) in enumerate(fit) if voice.key in (known or {})}
    lab = Lab([table for _, table in fit], tell, fitted)
    return Loaded(voices=tuple(voice for voice, _ in fit), lab=lab, refused=refused)


def others(records: Records, chosen: Sequence[Voice]) -> list[Voice]:
    """Return more finished runs on the same photos, best first, with folds of one spec joined."""
    if not chosen:
        return []
    taken = {run.id for voice in chosen for run in voice.leaves()}
    split = _split(chosen[0].leaves()[0])
    found: list[RunRecord] = []
    for run in records.page("state=finished", sort="map5", limit=200).rows:
        try:
            if run.id not in taken and run.can_vote and _split(run) == split:
                found.append(run)
        except SpecError:
            continue  # a spec of a newer program: its run is shown at home, and cannot vote here
    folds = {run.fold for voice in chosen for run in voice.leaves()} if len(chosen[0].runs) == 1 else set()
    alike = joined([Voice(name=run.name, runs=(run,)) for run in found if not folds or run.fold in folds])
    return alike[: max(MOST - len(chosen), 0)]


def _split(run: RunRecord) -> tuple[object, ...]:
    data = run.spec.data
    return data.folder, data.folds, data.new_share, data.split_seed
