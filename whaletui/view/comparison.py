"""Runs side by side: figures first, then only the settings in which they differ. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from engine.contract.errors import SpecError
from engine.contract.fields import get_value, spec_fields
from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.explain import UNTOLD
from whaletui.view.plots import Level, Plot, curve
from whaletui.view.runview import RunView

if TYPE_CHECKING:  # needs numpy, which a first paint does not wait for
    from whaletui.view.answers import Standing


class ComparedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the comparison: what it is of, one text a run, and which of them is best (-1: none is)."""

    title: str
    cells: tuple[str, ...]
    best: int = -1


def figure_rows(records: Sequence[RunRecord]) -> list[ComparedRow]:
    """Return how the runs did; differences are against the first of them."""
    first = records[0]
    rows = [
        _row("state", records, lambda run: str(run.state)),
        _row("MAP@5", records, lambda run: formats.score(run.map5), _best([run.map5 for run in records])),
        _row("95 % interval", records, lambda run: formats.interval(run.map5_low, run.map5_high)),
        _row(
            f"against {first.id}", records, lambda run: formats.delta(run.map5, first.map5) if run is not first else ""
        ),
        _row("over constant", records, lambda run: formats.delta(run.map5, run.baseline_constant)),
        _row("over duplicates", records, lambda run: formats.delta(run.map5, run.baseline_duplicates)),
        _row("known", records, lambda run: formats.score(run.map5_known), _best([run.map5_known for run in records])),
        _row("new", records, lambda run: formats.score(run.map5_new), _best([run.map5_new for run in records])),
        _row("epochs", records, lambda run: f"{int(run.epoch)}/{run.epochs}"),
        _row("loss", records, lambda run: formats.loss(run.loss)),
        _row("took", records, lambda run: formats.span(run.seconds)),
    ]
    return [row for row in rows if any(row.cells)]


def standing_rows(records: Sequence[RunRecord], standings: Sequence[Standing]) -> list[ComparedRow]:
    """Return whether differences are real, then MAP@5 by how many photos of its whale training saw."""
    told = {standing.run_id: standing for standing in standings}
    first = next((one.run_id for one in standings if one.slices or not one.problem), None)
    rows = [
        _row(f"paired with {first}", records, lambda run: _paired_words(told.get(run.id))),
        _row("is it real?", records, lambda run: _verdict(told.get(run.id))),
    ]
    rows += _slice_rows(records, told)
    problems = [f"{one.run_id}: {safe(one.problem)}" for one in standings if one.problem]
    rows += [ComparedRow(title="not told", cells=(words,)) for words in dict.fromkeys(problems)]
    return [row for row in rows if any(row.cells)]


def _slice_rows(records: Sequence[RunRecord], told: Mapping[int, Standing]) -> list[ComparedRow]:
    """Return a row for each slice that has photos; counts that are the same for all stand in its title."""
    names = next(([one.name for one in standing.slices] for standing in told.values() if standing.slices), [])
    rows = []
    for place, name in enumerate(names):
        parts = [told[run.id].slices[place] if run.id in told and told[run.id].slices else None for run in records]
        counts = {part.photos for part in parts if part is not None}
        many = f" ({max(counts):,})" if len(counts) == 1 else ""
        values = [part.map5 if part is not None and part.photos else None for part in parts]
        cells = tuple(
            "" if part is None else formats.score(part.map5) + ("" if many else f" ({part.photos:,})") for part in parts
        )
        if max(counts):
            rows.append(ComparedRow(title=f"{SLICE_TITLES[name]}{many}", cells=cells, best=_best(values)))
    return rows


SLICE_TITLES = {"known": "known whales", "1": "  1 training photo", "new": "new whales",
                **{name: f"  {name} training photos" for name in ("2", "3", "4", "5+")}}  # fmt: skip


def _paired_words(standing: Standing | None) -> str:
    if standing is None or standing.paired is None:
        return ""
    paired = standing.paired
    return f"{paired.delta:+.3f} [{paired.low:+.3f} {paired.high:+.3f}]"


def _verdict(standing: Standing | None) -> str:
    if standing is None or standing.paired is None:
        return ""
    if not standing.paired.is_real:
        return "may be chance"
    return "yes, better" if standing.paired.delta > 0 else "yes, worse"


def setting_rows(records: Sequence[RunRecord]) -> list[ComparedRow]:
    """Return the settings that are not the same in all of them; those of a spec that cannot be read are "?"."""
    values = [_values(record) for record in records]
    rows = []
    for field in spec_fields():
        cells = tuple("?" if one is None else safe(formats.plain(get_value(one, field.path))) for one in values)
        if len(set(cells)) > 1 and field.path not in UNTOLD:
            rows.append(ComparedRow(title=field.path, cells=cells))
    return rows


def overlaid(records: Sequence[RunRecord], views: Mapping[int, RunView]) -> tuple[Plot, Plot]:
    """Return validation loss and MAP@5 of all runs, each in its own colour and stroke."""
    known = [(number, record, views.get(record.id) or RunView.new()) for number, record in enumerate(records)]
    losses = [curve(str(run.id), view.curves.valid_loss, number, number % 3) for number, run, view in known]
    scores = [curve(str(run.id), view.curves.map5, number, number % 3) for number, run, view in known]
    constants = {run.baseline_constant for run in records if run.baseline_constant is not None}
    levels = tuple(Level(label="constant", value=value) for value in constants) if len(constants) == 1 else ()
    return (
        Plot(title="validation loss", curves=tuple(losses)),
        Plot(title="MAP@5", curves=tuple(scores), levels=levels),
    )


def _row(title: str, records: Sequence[RunRecord], words: Callable[[RunRecord], str], best: int = -1) -> ComparedRow:
    return ComparedRow(title=title, cells=tuple(words(record) for record in records), best=best)


def _best(values: Sequence[float | None]) -> int:
    known = [(value, -place) for place, value in enumerate(values) if value is not None]
    return -max(known)[1] if len(known) > 1 else -1


def _values(record: RunRecord) -> dict[str, object] | None:
    try:
        return record.spec.to_values()
    except SpecError:
        return None
