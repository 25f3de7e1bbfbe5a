"""One tree of errors that a person can act on: what was wrong, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WhaleError(Exception):
    """Something a person can put right.

    Args:
        message: one sentence that names the file, line, field or value that was seen.
        hint: the next step to take; empty where the message already says it.
    """

    reason = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class SpecError(WhaleError):
    """A spec that cannot be run. `field` is the dotted path that was refused, or empty."""

    reason = "spec"

    def __init__(self, message: str, hint: str = "", field: str = "") -> None:
        super().__init__(message, hint)
        self.field = field


class DataError(WhaleError):
    """A table or a photo that cannot be used."""

    reason = "data"


class BackboneError(WhaleError):
    """A backbone that is unknown, or that refuses the photo size."""

    reason = "backbone"


class WeightsError(WhaleError):
    """Weights that cannot be had, read or fitted to the backbone."""

    reason = "weights"


class DeviceError(WhaleError):
    """A GPU or a precision that the machine does not have."""

    reason = "device"


class DiskError(WhaleError):
    """Too little room, or a folder that cannot be written."""

    reason = "disk"


class RunFolderError(WhaleError):
    """A run folder, or a file in it, that is missing, cut short or of another shape."""

    reason = "run folder"


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Return "did you mean a, b or c?" for the closest of `known`, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=count, cutoff=0.5)
    if not close:
        return ""
    listed = close[0] if len(close) == 1 else ", ".join(close[:-1]) + " or " + close[-1]
    return f"did you mean {listed}?"
