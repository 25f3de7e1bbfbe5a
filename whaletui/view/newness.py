"""How a run weighs "never seen before", in words and bars: what the run screen shows of `new_whale.json`. Pure."""

from __future__ import annotations

from engine.contract.newness import NewWhale, SweepPoint
from whaletui.view import formats

LEVELS = " ▁▂▃▄▅▆▇█"


def calibration_lines(told: NewWhale | None) -> list[str]:
    """Return the calibration as lines of text: figures, then MAP@5 over the push that new_whale is given."""
    if told is None:
        return ["new_whale was not calibrated: prediction.calibrate=true does it"]
    before, after = formats.score(told.before.map5), formats.score(told.after.map5)
    lines = [
        f"MAP@5 {before} before, {after} calibrated (crosswise: no photo judged by what it helped to fit)",
        f"temperature {told.temperature:.3g}   new whales: {told.fitted_share:.1%} of the validation photos, "
        f"{told.stated_share:.1%} stated",
    ]
    known = [point for point in told.sweep if point.map5 is not None]
    if not known:
        return lines
    best = max(known, key=_worth)
    zero = min(known, key=lambda point: abs(point.offset))
    return [
        *lines,
        "",
        f"MAP@5 at the stated share, new_whale pushed from {known[0].offset:+g} to {known[-1].offset:+g} in log-odds",
        *_bars(known),
        "".join("^" if point is zero else "*" if point is best else " " for point in known),
        f"^ as calibrated: {_words(zero)}",
        f"* at its best: {_words(best)}",
    ]


def _worth(point: SweepPoint) -> float:
    return point.map5 if point.map5 is not None else -1.0


def _words(point: SweepPoint) -> str:
    told = (("", point.map5), ("known ", point.known), ("new ", point.new))
    figures = [f"{name}{formats.score(value)}" for name, value in told if value is not None]
    return ", ".join([*figures, f"new_whale first for {point.first_share:.0%} of the photos"])


def _bars(points: list[SweepPoint], rows: int = 4) -> list[str]:
    """Return a column a point, `rows` lines high, from the lowest MAP@5 to the highest."""
    low, high = min(map(_worth, points)), max(map(_worth, points))
    steps = rows * (len(LEVELS) - 1)
    heights = [1 + round((_worth(point) - low) / max(high - low, 1e-9) * (steps - 1)) for point in points]
    lines = []
    for row in reversed(range(rows)):
        cells = (min(max(height - row * (len(LEVELS) - 1), 0), len(LEVELS) - 1) for height in heights)
        lines.append("".join(LEVELS[cell] for cell in cells))
    lines[0] += f" {formats.score(high)}"
    lines[-1] += f" {formats.score(low)}"
    return lines
