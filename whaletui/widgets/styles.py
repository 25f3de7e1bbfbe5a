"""The names of styles that pure code uses ("good", "bad", "quiet"), as colours of the theme."""

from __future__ import annotations

_STYLES = {
    "": "$foreground", "name": "bold $foreground", "strong": "bold $foreground", "quiet": "$foreground-muted",
    "dim": "$foreground-muted", "live": "$text-primary", "good": "$text-success", "warn": "$text-warning",
    "bad": "$text-error",
}  # fmt: skip


def named_style(name: str) -> str:
    """Return the style of a name, for `Content`."""
    return _STYLES[name]
