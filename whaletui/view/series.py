"""Series: a curve that only grows, and the measures that its points can be drawn over."""

from __future__ import annotations

from array import array
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
    """The curves of a run: those of its steps, and those of its evaluations."""

    STEP = ("train_loss", "learning_rate", "images_per_second", "eta_seconds")
    EVALUATION = ("valid_loss", "map5")

    def __init__(self) -> None:
        steps, evaluations = Axes(), Axes()
        self.train_loss = Series(steps)
        self.learning_rate = Series(steps)
        self.images_per_second = Series(steps)
        self.eta_seconds = Series(steps)
        self.valid_loss = Series(evaluations)
        self.map5 = Series(evaluations)

    @classmethod
    def empty(cls) -> Curves:
        """Return curves without a point."""
        return cls()

    def columns(self) -> dict[str, array[float]]:
        """Return every column by a name of its own, axes before the values that use them."""
        held: dict[str, array[float]] = {}
        for kind, axes in (("step", self.train_loss.axes), ("evaluation", self.valid_loss.axes)):
            held.update({f"{kind}.{name}": getattr(axes, name) for name in sorted(Axes.__slots__)})
        held.update({name: getattr(self, name).y for name in (*self.STEP, *self.EVALUATION)})
        return held

    def cut(self, step: float) -> None:
        """Forget every point from a step on: a run that was taken up again from before it tells them anew."""
        for group in (self.STEP, self.EVALUATION):
            axes = getattr(self, group[0]).axes
            kept = next((place for place, said in enumerate(axes.step) if said >= step), len(axes.step))
            for name in group:
                del getattr(self, name).y[kept:]
            for name in Axes.__slots__:
                del getattr(axes, name)[kept:]
