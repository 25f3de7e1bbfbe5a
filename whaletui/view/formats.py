"""Numbers and times as a person reads them in a narrow column. Pure; None and NaN have their own words."""

from __future__ import annotations

import math


def score(value: float | None) -> str:
    """Return MAP@5 with three decimals: "0.544"."""
    if value is None:
        return ""
    return f"{value:.3f}" if math.isfinite(value) else "–"


def interval(low: float | None, high: float | None) -> str:
    """Return the 95 % interval: "[0.519 0.571]"."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"[{low:.3f} {high:.3f}]"


def delta(value: float | None, against: float | None) -> str:
    """Return a difference with its sign: "+0.106"."""
    if value is None or against is None or not math.isfinite(value - against):
        return ""
    return f"{value - against:+.3f}"


def loss(value: float | None) -> str:
    """Return a loss in at most six characters; one that is no number says so."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}" if abs(value) < 1e6 else f"{value:.0e}"


def span(seconds: float | None) -> str:
    """Return a length of time in one or two units: "42s", "7m", "2h 05m", "3d 4h"."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def age(seconds: float) -> str:
    """Return how long ago in one unit, at most four characters: "42s", "7m", "2h", "3d", "26w"."""
    whole = max(int(seconds), 0)
    for size, unit in ((86400 * 14, ""), (86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if whole >= size and unit:
            return f"{whole // size}{unit}"
        if whole >= size:
            return f"{whole // 604800}w" if whole < 604800 * 999 else ""
    return "0s"


def rate(per_second: float | None) -> str:
    """Return a speed: "418 photos/s"."""
    if per_second is None or not math.isfinite(per_second):
        return ""
    return f"{per_second:,.0f} photos/s" if per_second >= 10 else f"{per_second:.1f} photos/s"


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it must be: "1 run", "2,610 photos"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def gibibytes(size: int | None) -> str:
    """Return bytes as whole GiB (2^30), tenths below ten."""
    if size is None:
        return "?"
    value = size / (1 << 30)
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def plain(value: object) -> str:
    """Return a spec's value as TOML writes it, texts without quotes: "true", "0.001", "none"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def bar(share: float, width: int) -> str:
    """Return a bar of `width` cells, a share of it full, in eighths of a cell."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    partial = " ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else ""
    return ("█" * (eighths // 8) + partial).ljust(width)
