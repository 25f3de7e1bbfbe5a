"""Series: a curve that only grows, and the measures that its points can be drawn over."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import Literal

XAxis = Literal["epoch", "step", "time"]
X_AXES: tuple[XAxis, ...] = ("epoch", "step", "time")


class Axes:
    """Where and when the points of one kind of event were said; the curves of that kind share it.

    `time` is unix seconds. `log_bytes` is how long the log was by then, 0 where nobody knew.
    """

    __slots__ = ("epoch", "log_bytes", "step", "time")

    def __init__(self) -> None:
        self.epoch = array("d")
        self.step = array("d")
        self.time = array("d")
        self.log_bytes = array("d")


class Series:
    """The values of one metric, in the order they were said. Views share it; a drawn length tells what is new.

    Its axes are appended to first, so a reader in another thread takes as many points as there are values.
    """

    __slots__ = ("__weakref__", "axes", "y")

    def __init__(self, axes: Axes | None = None) -> None:
        self.axes = axes or Axes()
        self.y = array("d")

    def __len__(self) -> int:
        return len(self.y)

    @property
    def x(self) -> array[float]:
        """The epochs of the points."""
        return self.axes.epoch

    def along(self, axis: XAxis) -> array[float]:
        """Return the points' places on an axis."""
        held: array[float] = getattr(self.axes, axis)
        return held

    def append(self, x: float, y: float) -> None:
        """Add a point to a series that shares its axes with no other; x is in epochs."""
        self.axes.epoch.append(x)
        self.axes.step.append(x)
        self.axes.time.append(x)
        self.axes.log_bytes.append(0.0)
        self.y.append(y)


class Curves:
    """The curves of a run, by the kind of event that tells them; those of one kind share their axes."""

    KINDS = {
        "step": ("train_loss", "learning_rate", "images_per_second", "eta_seconds"),
        "evaluation": ("valid_loss", "map5"),
        "boxes": ("mean_iou", "map50"),  # of a detector
    }
    train_loss: Series
    learning_rate: Series
    images_per_second: Series
    eta_seconds: Series
    valid_loss: Series
    map5: Series
    mean_iou: Series
    map50: Series

    def __init__(self) -> None:
        for names in self.KINDS.values():
            axes = Axes()
            for name in names:
                setattr(self, name, Series(axes))

    @classmethod
    def empty(cls) -> Curves:
        """Return curves without a point."""
        return cls()

    def kinds(self) -> list[tuple[str, Axes, dict[str, array[float]]]]:
        """Return each kind with its axes and the values of its curves, by name."""
        found = []
        for kind, names in self.KINDS.items():
            series = {name: getattr(self, name) for name in names}
            found.append((kind, series[names[0]].axes, {name: one.y for name, one in series.items()}))
        return found

    def columns(self) -> dict[str, array[float]]:
        """Return every column by a name of its own, axes before the values that use them."""
        held: dict[str, array[float]] = {}
        for kind, axes, values in self.kinds():
            held.update({f"{kind}.{name}": getattr(axes, name) for name in sorted(Axes.__slots__)})
            held.update(values)
        return held

    def cut(self, step: float, looks: float) -> None:
        """Forget what was told beyond a step, and of validation beyond an epoch.

        An attempt that goes on from there tells it anew; one that begins anew goes on from 0.
        """
        for kind, axes, values in self.kinds():
            kept = bisect_right(axes.epoch, looks) if kind == "evaluation" else bisect_right(axes.step, step)
            for column in values.values():
                del column[kept:]
            for name in Axes.__slots__:
                del getattr(axes, name)[kept:]
