"""RunView: everything a screen shows of one run, folded from its events. Pure: no file, no clock, no Textual."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Literal

import msgspec

from engine.contract import events as e
from whaletui.view.series import Axes, Curves, Series

__all__ = ["Curves", "RunFacts", "RunView", "Series", "fold"]

LATEST_WARNINGS = 20


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One run as its events tell it, less its curves. `ended` is empty until its final event."""

    points: int = 0  # grows with every curve point: unequal means there is something to draw
    started_at: float | None = None  # unix seconds of its first event
    device: str = ""
    host: str = ""
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


class RunView(RunFacts, frozen=True, kw_only=True):
    """The facts with the curves."""

    curves: Curves

    @classmethod
    def new(cls) -> RunView:
        """Return the view of a run that has said nothing."""
        return cls(curves=Curves.empty())


def fold(view: RunView, events: Sequence[e.AnyEvent]) -> RunView:
    """Return the view after more events. The curves are shared with the old view and grow in place.

    Where an attempt begins, what an earlier one told beyond the point it goes on from is forgotten.
    """
    newest = next((event for event in reversed(events) if type(event) is e.Step), None)
    # of steps only the newest says how the run stands; a long history is hardly anything else
    told = [event for event in events if event is newest or type(event) is not e.Step]
    if any(type(event) is e.Started and event is not events[0] for event in told):
        begun = next(place for place, event in enumerate(events) if place and type(event) is e.Started)
        return fold(fold(view, events[:begun]), events[begun:])
    if not events:
        return view
    if isinstance(first := events[0], e.Started):
        view.curves.cut(first.resumed_step, first.resumed_looks)
    steps = [event for event in events if type(event) is e.Step]
    evaluations = [event for event in told if type(event) is e.Evaluated]
    boxes = [event for event in told if type(event) is e.BoxesEvaluated]
    _add_steps(view.curves, steps)
    _add_evaluations(view.curves, evaluations)
    _add_boxes(view.curves, boxes)
    changes: dict[str, object] = {
        "points": view.points + len(steps) + len(evaluations) + len(boxes), "spoke_at": events[-1].unix_seconds,
        "started_at": events[0].unix_seconds if view.started_at is None else view.started_at,
    }  # fmt: skip
    for event in told:
        _take(view, changes, event)
    return msgspec.structs.replace(view, **changes)


def _add(column: array[float], values: list[float] | list[int]) -> None:
    """Append many values. An array is made of a list, and joined to another, in half the time of appending each."""
    column.extend(array("d", values))


def _add_axes(axes: Axes, events: Sequence[e.Step] | Sequence[e.Evaluated] | Sequence[e.BoxesEvaluated]) -> None:
    _add(axes.epoch, [event.epoch for event in events])
    _add(axes.step, [event.step for event in events])
    _add(axes.time, [event.unix_seconds for event in events])
    _add(axes.log_bytes, [event.log_bytes for event in events])


def _add_steps(curves: Curves, steps: Sequence[e.Step]) -> None:
    """Add many points at once: one pass a column is half the price of one pass a point."""
    _add_axes(curves.train_loss.axes, steps)
    _add(curves.train_loss.y, [step.loss for step in steps])
    _add(curves.learning_rate.y, [step.learning_rate for step in steps])
    _add(curves.images_per_second.y, [step.images_per_second for step in steps])
    _add(curves.eta_seconds.y, [step.eta_seconds for step in steps])


def _add_evaluations(curves: Curves, evaluations: Sequence[e.Evaluated]) -> None:
    _add_axes(curves.valid_loss.axes, evaluations)
    _add(curves.valid_loss.y, [one.loss for one in evaluations])
    _add(curves.map5.y, [one.map5 for one in evaluations])


def _add_boxes(curves: Curves, boxes: Sequence[e.BoxesEvaluated]) -> None:
    _add_axes(curves.mean_iou.axes, boxes)
    _add(curves.mean_iou.y, [one.mean_iou for one in boxes])
    _add(curves.map50.y, [one.map50 for one in boxes])


def _take(view: RunView, changes: dict[str, object], event: e.AnyEvent) -> None:
    """Take over what an event says of how the run stands."""
    match event:
        case e.Started():
            changes.update(
                device=event.device, precision=event.precision, epochs=event.epochs, host=event.host, ended="",
                reason="", step=event.resumed_step, epoch=event.resumed_epoch,
                best_map5=max(view.curves.map5.y, default=None),
            )  # fmt: skip
        case e.Phase():
            changes.update(phase=event.name, phase_done=event.done, phase_total=event.total)
        case e.Step():
            changes.update(
                step=event.step, epoch=event.epoch, loss=event.loss, learning_rate=event.learning_rate,
                images_per_second=event.images_per_second, eta_seconds=event.eta_seconds,
            )  # fmt: skip
        case e.Epoch():
            changes.update(epoch=float(event.epoch), epochs=event.epochs)
        case e.Evaluated():
            best = changes.get("best_map5", view.best_map5)
            assert best is None or isinstance(best, float)
            changes.update(
                valid_loss=event.loss, map5=event.map5, map5_low=event.map5_low, map5_high=event.map5_high,
                map5_known=event.map5_known, map5_new=event.map5_new,
                best_map5=event.map5 if best is None else max(best, event.map5),
            )  # fmt: skip
        case e.BoxesEvaluated():
            changes.update(
                mean_iou=event.mean_iou, map50=event.map50, missed=f"{event.missed:,} of {event.photos:,}"
            )  # fmt: skip
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
