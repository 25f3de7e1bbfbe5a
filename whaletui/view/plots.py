"""What a chart is asked to draw, as plain data: curves, levels and how the axes run. Pure and light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from whaletui.view.runview import RunView
from whaletui.view.series import Series, XAxis

PALETTE_SIZE = 8
"""Colours that a chart tells apart; more curves begin again."""

FAINT = 100
"""Added to a curve's colour where its raw line stands behind the smoothed one."""


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a chart. `dash` 0 is solid, 1 dashed, 2 dotted: distinct without any colour too."""

    label: str
    series: Series
    colour: int = 0
    dash: int = 0
    points: int = 0  # how many the series had when this was made: unequal means there is something to draw
    origin: float = 0.0  # unix seconds at which its run began: where an axis of time starts
    top: bool = False  # drawn over all others, alone in the cells it touches

    @property
    def latest(self) -> float | None:
        """The newest value, or None of an empty curve."""
        return self.series.y[-1] if len(self.series) else None


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """A horizontal line that curves are measured against."""

    label: str
    value: float


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """A chart: its title, its curves over epochs, steps or hours, and its levels."""

    title: str
    curves: tuple[Curve, ...] = ()
    levels: tuple[Level, ...] = ()
    log: bool = False
    axis: XAxis = "epoch"
    window: tuple[float, float] | None = None  # the stretch of the axis to show; None: all of it
    smooth: float = 0.0  # weight of what came before, 0 to below 1; above 0 the raw line is faint
    clip: bool = False  # whether the vertical axis leaves outliers out
    cross: float | None = None  # a place on the axis that is marked
    empty: str = "nothing yet"  # said where no curve has a point


class Metric(NamedTuple):
    """Something a run measures: its name in `Curves`, and its title."""

    key: str
    title: str


METRICS = (
    Metric("train_loss", "training loss"), Metric("valid_loss", "validation loss"), Metric("map5", "MAP@5"),
    Metric("learning_rate", "learning rate"), Metric("images_per_second", "photos/s"),
    Metric("eta_seconds", "seconds left"), Metric("mean_iou", "mean IoU of boxes"), Metric("map50", "mAP50 of boxes"),
)  # fmt: skip


def curve(
    label: str, series: Series, colour: int = 0, dash: int = 0, *, origin: float = 0.0, top: bool = False
) -> Curve:
    """Return a curve of what a series holds now."""
    return Curve(
        label=label, series=series, colour=colour % PALETTE_SIZE, dash=dash, points=len(series), origin=origin, top=top
    )


def colours_of(run_ids: Sequence[int], held: Mapping[int, int]) -> dict[int, int]:
    """Return a number of each run from which its colour and stroke follow: the one it holds, or a free one.

    A run keeps its colour whatever else is shown; a new one takes the colour that fewest of the others have.
    """
    given = {run_id: held[run_id] for run_id in run_ids if run_id in held}
    used = [0] * PALETTE_SIZE
    for number in given.values():
        used[number % PALETTE_SIZE] += 1
    for run_id in run_ids:
        if run_id not in given:
            order = sorted(range(PALETTE_SIZE), key=lambda colour: (used[colour], (colour - run_id) % PALETTE_SIZE))
            given[run_id] = order[0] + PALETTE_SIZE * used[order[0]]  # the second of a colour is dashed
            used[order[0]] += 1
    return given


def metric_plot(
    metric: Metric, runs: Sequence[tuple[int, RunView]], colours: Mapping[int, int], top: int | None
) -> Plot:
    """Return one metric of many runs over one another, the run `top` over all others."""
    curves = []
    for run_id, view in runs:
        number = colours[run_id]
        series: Series = getattr(view.curves, metric.key)
        curves.append(
            curve(
                str(run_id), series, number % PALETTE_SIZE, number // PALETTE_SIZE, origin=view.started_at or 0.0,
                top=run_id == top,
            )
        )  # fmt: skip
    return Plot(title=metric.title, curves=tuple(curves), empty="none of them has told of it")


def loss_plot(view: RunView, log: bool = False) -> Plot:
    """Return training and validation loss of one run."""
    curves = (_own(view, "train", "train_loss", 0), _own(view, "valid", "valid_loss", 1, dash=1))
    return Plot(title="loss", curves=curves, log=log, empty=waiting_words(view))


def map5_plot(view: RunView, constant: float | None, duplicates: float | None) -> Plot:
    """Return validation MAP@5 of one run against the two baselines that need no training."""
    if len(view.curves.mean_iou):  # a detector
        overlaps = (_own(view, "mean IoU", "mean_iou", 2), _own(view, "mAP50", "map50", 1, dash=1))
        return Plot(title="held-out boxes", curves=overlaps)
    known = (("constant", constant), ("duplicates", duplicates))
    levels = tuple(Level(label=label, value=value) for label, value in known if value is not None)
    return Plot(
        title="MAP@5", curves=(_own(view, "valid", "map5", 2),), levels=levels, empty="comes after the first epoch"
    )


def rate_plot(view: RunView) -> Plot:
    """Return the learning rate of one run."""
    return Plot(title="learning rate", curves=(_own(view, "", "learning_rate", 3),))


def speed_plot(view: RunView) -> Plot:
    """Return photos a second of one run."""
    return Plot(title="photos/s", curves=(_own(view, "", "images_per_second", 4),))


def waiting_words(view: RunView) -> str:
    """Return why there is no curve yet."""
    return f"{view.phase} …" if view.phase and not view.ended else "nothing yet"


def _own(view: RunView, label: str, key: str, colour: int, dash: int = 0) -> Curve:
    return curve(label, getattr(view.curves, key), colour, dash, origin=view.started_at or 0.0)
