"""What a chart is asked to draw, as plain data: curves, levels and how the axes run. Pure and light."""

from __future__ import annotations

import msgspec

from whaletui.view.runview import RunView, Series

PALETTE_SIZE = 8
"""Colours that a chart tells apart; more curves begin again."""


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a chart. `dash` 0 is solid, 1 dashed, 2 dotted: distinct without any colour too."""

    label: str
    series: Series
    colour: int = 0
    dash: int = 0
    points: int = 0  # how many the series had when this was made: unequal means there is something to draw

    @property
    def latest(self) -> float | None:
        """The newest value, or None of an empty curve."""
        return self.series.y[-1] if len(self.series) else None


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """A horizontal line that curves are measured against."""

    label: str
    value: float


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """A chart: its title, its curves over epochs and its levels."""

    title: str
    curves: tuple[Curve, ...] = ()
    levels: tuple[Level, ...] = ()
    log: bool = False
    x_label: str = "epoch"
    empty: str = "nothing yet"  # said where no curve has a point


def curve(label: str, series: Series, colour: int = 0, dash: int = 0) -> Curve:
    """Return a curve of what a series holds now."""
    return Curve(label=label, series=series, colour=colour % PALETTE_SIZE, dash=dash, points=len(series))


def loss_plot(view: RunView, log: bool = False) -> Plot:
    """Return training and validation loss of one run."""
    curves = (curve("train", view.curves.train_loss, 0), curve("valid", view.curves.valid_loss, 1, dash=1))
    return Plot(title="loss", curves=curves, log=log, empty=waiting_words(view))


def map5_plot(view: RunView, constant: float | None, duplicates: float | None) -> Plot:
    """Return validation MAP@5 of one run against the two baselines that need no training."""
    if len(view.curves.mean_iou):  # a detector
        overlaps = (curve("mean IoU", view.curves.mean_iou, 2), curve("mAP50", view.curves.map50, 1, dash=1))
        return Plot(title="held-out boxes", curves=overlaps)
    known = (("constant", constant), ("duplicates", duplicates))
    levels = tuple(Level(label=label, value=value) for label, value in known if value is not None)
    curves = (curve("valid", view.curves.map5, 2),)
    return Plot(title="MAP@5", curves=curves, levels=levels, empty="comes after the first epoch")


def rate_plot(view: RunView) -> Plot:
    """Return the learning rate of one run."""
    return Plot(title="learning rate", curves=(curve("", view.curves.learning_rate, 3),))


def speed_plot(view: RunView) -> Plot:
    """Return photos a second of one run."""
    return Plot(title="photos/s", curves=(curve("", view.curves.images_per_second, 4),))


def waiting_words(view: RunView) -> str:
    """Return why there is no curve yet."""
    return f"{view.phase} …" if view.phase and not view.ended else "nothing yet"
