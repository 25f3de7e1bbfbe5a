"""Look: how curves are looked at: along which axis, how near, how smooth, and the place that is marked. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from whaletui.view.axes import short_number
from whaletui.view.plots import Plot
from whaletui.view.runview import RunView
from whaletui.view.series import X_AXES, Series, XAxis

SMOOTHS = (0.0, 0.6, 0.9, 0.97, 0.99)
NEAREST = 1e-6
"""The narrowest stretch that can be zoomed to, as a share of the whole axis."""
UNITS = {"epoch": "epoch", "step": "step", "time": "hours"}

Stretch = tuple[float, float]


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """A way to look; every action returns another one."""

    axis: XAxis = "epoch"
    window: Stretch | None = None
    smooth: float = 0.0
    clip: bool = True
    cross: float | None = None
    log: frozenset[str] = frozenset()  # keys of the metrics on a logarithmic axis

    def at(self, plot: Plot, key: str) -> Plot:
        """Return a plot of the metric `key`, looked at in this way."""
        return msgspec.structs.replace(
            plot, axis=self.axis, window=self.window, smooth=self.smooth, clip=self.clip, cross=self.cross,
            log=key in self.log,
        )  # fmt: skip

    def next_axis(self) -> Look:
        """Go on to the next axis; places on the one before mean nothing there."""
        following = X_AXES[(X_AXES.index(self.axis) + 1) % len(X_AXES)]
        return msgspec.structs.replace(self, axis=following, window=None, cross=None)

    def next_smooth(self) -> Look:
        """Smooth more; after the most, not at all."""
        return msgspec.structs.replace(self, smooth=SMOOTHS[(SMOOTHS.index(self.smooth) + 1) % len(SMOOTHS)])

    def turned(self, key: str) -> Look:
        """Put a metric on a logarithmic axis, or on a plain one again."""
        return msgspec.structs.replace(self, log=self.log ^ {key})

    def clipped(self) -> Look:
        """Leave outliers out of the vertical axis, or show all of it."""
        return msgspec.structs.replace(self, clip=not self.clip)

    def zoomed(self, factor: float, whole: Stretch, around: float | None = None) -> Look:
        """Come nearer (factor below 1) or go further, the place `around` staying where it is on screen."""
        left, right = self.window or whole
        if around is None:
            around = self.cross if self.cross is not None and left <= self.cross <= right else (left + right) / 2
        width = max((right - left) * factor, (whole[1] - whole[0]) * NEAREST)
        share = (around - left) / (right - left) if right > left else 0.5
        return self._within(around - width * share, width, whole)

    def panned(self, share: float, whole: Stretch) -> Look:
        """Move the window by a share of its width."""
        left, right = self.window or whole
        return self._within(left + (right - left) * share, right - left, whole)

    def _within(self, left: float, width: float, whole: Stretch) -> Look:
        """Return the look at a stretch, kept inside the whole; as wide as that, it is the whole."""
        if not width < (whole[1] - whole[0]) * 0.999:
            return msgspec.structs.replace(self, window=None)
        left = min(max(left, whole[0]), whole[1] - width)
        return msgspec.structs.replace(self, window=(left, left + width))

    def marked(self, place: float | None, whole: Stretch) -> Look:
        """Mark a place, moving the window so that it is in sight."""
        if place is None:
            return msgspec.structs.replace(self, cross=None)
        place = min(max(place, whole[0]), whole[1])
        moved = msgspec.structs.replace(self, cross=place)
        if self.window is None or self.window[0] <= place <= self.window[1]:
            return moved
        width = self.window[1] - self.window[0]
        return moved._within(place - width / 2, width, whole)

    def stepped(self, cells: int, of: int, whole: Stretch) -> Look:
        """Move the mark by cells of a chart that is `of` cells wide; without a mark, begin at the newest point."""
        left, right = self.window or whole
        if self.cross is None:
            return self.marked(right, whole)
        return self.marked(self.cross + (right - left) * cells / max(of, 1), whole)

    def words(self) -> str:
        """Return it in words, for a title."""
        unit = UNITS[self.axis]
        parts = [f"by {self.axis}"]
        if self.window is not None:
            parts.append(f"{unit} {short_number(self.window[0])} to {short_number(self.window[1])}")
        if self.smooth:
            parts.append(f"smoothed {self.smooth:g}")
        if not self.clip:
            parts.append("outliers shown")
        if self.cross is not None:
            parts.append(f"values at {unit} {short_number(self.cross)}")
        return "   ".join(parts)


def whole_of(views: Iterable[RunView], keys: Iterable[str], axis: XAxis) -> Stretch:
    """Return the stretch of an axis that holds all points of some metrics, by their first and newest ones."""
    names = tuple(keys)
    left, right = 0.0, 0.0
    for view in views:
        for name in names:
            series: Series = getattr(view.curves, name)
            along = series.along(axis)
            if not len(along):
                continue
            ends = (along[0], along[-1])
            if axis == "time":
                ends = tuple((end - (view.started_at or 0.0)) / 3600 for end in ends)  # type: ignore[assignment]
            finite = [end for end in ends if math.isfinite(end)]
            left, right = min([left, *finite]), max([right, *finite])
    return (left, right) if right > left else (left, left + 1.0)
