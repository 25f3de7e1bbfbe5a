"""`predictions/new_whale.json`: how a run weighs "never seen before" against the whales it knows."""

from __future__ import annotations

import msgspec

from engine.contract.rundir import RunDir, read_json
from engine.contract.summary import Figures


class SweepPoint(msgspec.Struct, frozen=True, kw_only=True):
    """MAP@5 with `new_whale` pushed up or down the list by so much; None where there was no such photo."""

    offset: float  # added to the log-odds that a whale is new; 0: as calibrated
    first_share: float  # of the photos, answered with new_whale first
    map5: float | None  # at the stated share of new whales
    known: float | None
    new: float | None


class NewWhale(msgspec.Struct, frozen=True, kw_only=True):
    """The calibration of a run. All figures are crosswise: no photo was judged by what it helped to fit."""

    temperature: float  # scores are divided by it
    fitted_share: float  # of new whales among the validation photos
    stated_share: float  # that answers are made for: `prediction.new_share`
    before: Figures  # of the scores as they came
    after: Figures
    sweep: tuple[SweepPoint, ...]


def read_new_whale(run_dir: RunDir) -> NewWhale | None:
    """Return the calibration of a run, None where it has none; raises `RunFolderError` where it is damaged."""
    return read_json(run_dir.predictions / "new_whale.json", NewWhale)
