"""The axes of a chart: which stretch of values it shows, and the round numbers written beside it. Pure."""

from __future__ import annotations

import math

import msgspec


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """The stretch of values that a chart shows; of a logarithmic one `low` and `high` are exponents."""

    left: float
    right: float
    low: float
    high: float
    log: bool


def axis_labels(frame: Frame, rows: int) -> dict[int, str]:
    """Return row -> label for round values of the vertical axis; row 0 is the top one."""
    wanted = max(2, min(6, rows // 3 + 1))
    ticks = _log_ticks(frame, wanted) if frame.log else _round_ticks(frame.low, frame.high, wanted)
    labels: dict[int, str] = {}
    for height, value in ticks:
        row = int((frame.high - height) / (frame.high - frame.low) * (rows * 4 - 1)) // 4
        if 0 <= row < rows:
            labels.setdefault(row, short_number(value))
    if not labels:  # a stretch too narrow for round values
        labels = {0: short_number(10**frame.high if frame.log else frame.high)}
    return labels


def short_number(value: float) -> str:
    """Return a number in at most seven characters: "2.5", "0.001", "1e-05"."""
    if value == 0 or 0.001 <= abs(value) < 1000:
        return f"{value:.4g}"
    if 1000 <= abs(value) < 1_000_000:
        return f"{value:.0f}"
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")


def _round_ticks(low: float, high: float, wanted: int) -> list[tuple[float, float]]:
    """Return (height, value) of steps of 1, 2, 2.5 or 5 times a power of ten."""
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = min(int((high - first * step) / step + 1e-9) + 1, 20)
    return [((first + number) * step, (first + number) * step) for number in range(count)]


def _log_ticks(frame: Frame, wanted: int) -> list[tuple[float, float]]:
    """Return (exponent, value) of powers of ten, of 1, 2 and 5 times them, or of round values, as fits."""
    whole = range(math.floor(frame.low), math.ceil(frame.high) + 1)
    factors = (1, 2, 5) if len(whole) <= 4 else (1,)
    values = [factor * 10.0**power for power in whole for factor in factors]
    inside = [value for value in values if frame.low <= math.log10(value) <= frame.high]
    if len(inside) < 2:
        inside = [value for value, _ in _round_ticks(10**frame.low, 10**frame.high, wanted) if value > 0]
    return [(math.log10(value), value) for value in inside[:: math.ceil(len(inside) / wanted)]]
