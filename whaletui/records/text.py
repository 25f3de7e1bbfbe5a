"""What may enter the database: text that every database can hold, and floats that are numbers."""

from __future__ import annotations

import math
import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """Return a text without NUL and lone surrogates, which neither SQLite nor PostgreSQL takes."""
    return _UNSTORABLE.sub("", text)


def finite(number: float | None) -> float | None:
    """Return the number, or None for NaN and infinity: the index holds figures that can be ordered."""
    return number if number is not None and math.isfinite(number) else None
