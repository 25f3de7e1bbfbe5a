"""RunView: everything a screen shows of one run, folded from its events. Pure: no file, no clock, no Textual."""

from __future__ import annotations

import math
from array import array
from typing import Literal

import msgspec

from engine.contract import events as e

LATEST_WARNINGS = 20


class Series:
    """A curve that only grows: x and y of one metric. Views share it; a drawn length tells what is new."""

    __slots__ = ("x", "y")

    def __init__(self) -> None:
        self.x = array("d")
        self.y = array("d")

    def __len__(self) -> int:
        return len(self.y)

    def cut(self, end: float) -> None:
        """Forget the points behind `end`, which an attempt that went on from before them told anew."""
        while self.x and self.x[-1] > end:
            self.x.pop()
            self.y.pop()

    def append(self, x: float, y: float) -> None:
        """Add a point; x is in epochs."""
        self.x.append(x)
        self.y.append(y)


class Curves(msgspec.Struct, frozen=True, kw_only=True):
    """The curves of a run, x in epochs."""

    train_loss: Series
    valid_loss: Series
    map5: Series
    learning_rate: Series
    images_per_second: Series
    mean_iou: Series  # of a detector
    map50: Series  # of a detector

    def cut(self, end: float, looks: float) -> None:
        """Forget what training told beyond an epoch, and validation beyond another."""
        for series in (self.train_loss, self.learning_rate, self.images_per_second):
            series.cut(end)
        for series in (self.valid_loss, self.map5):
            series.cut(looks)

    @classmethod
    def empty(cls) -> Curves:
        """Return curves without a point."""
        return cls(
            train_loss=Series(),
            valid_loss=Series(),
            map5=Series(),
            learning_rate=Series(),
            images_per_second=Series(),
            mean_iou=Series(),
            map50=Series(),
        )


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """One run as its events tell it. `ended` is empty until its final event."""

    curves: Curves
    points: int = 0  # grows with every curve point: unequal means there is something to draw
    device: str = ""
    precision: str = ""
    phase: str = ""
    phase_done: int = 0
    phase_total: int = 0
    step: int = 0
    epoch: float = 0.0
    epochs: int = 0
    loss: float | None = None
    valid_loss: float | None = None
    learning_rate: float | None = None
    images_per_second: float | None = None
    eta_seconds: float | None = None
    map5: float | None = None
    map5_low: float | None = None
    map5_high: float | None = None
    map5_known: float | None = None
    map5_new: float | None = None
    best_map5: float | None = None
    mean_iou: float | None = None  # of a detector, as the two below
    map50: float | None = None
    missed: str = ""  # "12 of 300"
    warnings: tuple[str, ...] = ()
    damaged_lines: int = 0
    spoke_at: float | None = None  # unix seconds of the newest event
    ended: Literal["", "finished", "failed", "cancelled"] = ""
    reason: str = ""  # why it failed, with the hint

    @classmethod
    def new(cls) -> RunView:
        """Return the view of a run that has said nothing."""
        return cls(curves=Curves.empty())


def fold(view: RunView, events: list[e.AnyEvent]) -> RunView:
    """Return the view after more events. The curves are shared with the old view and grow in place."""
    changes: dict[str, object] = {}
    points = view.points
    for event in events:
        changes["spoke_at"] = event.unix_seconds
        match event:
            case e.Started():
                view.curves.cut(event.resumed_epoch, event.resumed_looks)
                best_so_far = max(view.curves.map5.y, default=None)
                changes.update(
                    device=event.device, precision=event.precision, epochs=event.epochs, ended="", reason="",
                    step=event.resumed_step, epoch=event.resumed_epoch, best_map5=best_so_far,
                )  # fmt: skip
            case e.Phase():
                changes.update(phase=event.name, phase_done=event.done, phase_total=event.total)
            case e.Step():
                view.curves.train_loss.append(event.epoch, event.loss)
                view.curves.learning_rate.append(event.epoch, event.learning_rate)
                view.curves.images_per_second.append(event.epoch, event.images_per_second)
                points += 1
                changes.update(
                    step=event.step, epoch=event.epoch, loss=event.loss, learning_rate=event.learning_rate,
                    images_per_second=event.images_per_second, eta_seconds=event.eta_seconds,
                )  # fmt: skip
            case e.Epoch():
                changes.update(epoch=float(event.epoch), epochs=event.epochs)
            case e.Evaluated():
                view.curves.valid_loss.append(event.epoch, event.loss)
                view.curves.map5.append(event.epoch, event.map5)
                points += 1
                best = changes.get("best_map5", view.best_map5)
                assert best is None or isinstance(best, float)
                changes.update(
                    valid_loss=event.loss, map5=event.map5, map5_low=event.map5_low, map5_high=event.map5_high,
                    map5_known=event.map5_known, map5_new=event.map5_new,
                    best_map5=event.map5 if best is None else max(best, event.map5),
                )  # fmt: skip
            case e.BoxesEvaluated():
                view.curves.mean_iou.append(event.epoch, event.mean_iou)
                view.curves.map50.append(event.epoch, event.map50)
                points += 1
                changes.update(
                    mean_iou=event.mean_iou, map50=event.map50, missed=f"{event.missed:,} of {event.photos:,}"
                )
            case e.Warned():
                held = changes.get("warnings", view.warnings)
                assert isinstance(held, tuple)
                changes["warnings"] = (*held, event.message)[-LATEST_WARNINGS:]
            case e.Finished():
                changes.update(ended="finished", eta_seconds=0.0)
                if not math.isnan(event.map5):  # a detector has none
                    changes["map5"] = event.map5
            case e.Failed():
                told = f"{event.message} ({event.hint})" if event.hint else event.message
                changes.update(ended="failed", reason=told)
            case e.Cancelled():
                changes.update(ended="cancelled", reason=f"stopped at epoch {event.epoch:.1f}")
    return msgspec.structs.replace(view, points=points, **changes)
