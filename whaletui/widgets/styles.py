"""The names of styles that pure code uses ("good", "bad", "quiet"), as colours of the theme."""

from __future__ import annotations

from rich.style import Style
from textual.color import Color
from textual.widget import Widget

_STYLES = {
    "": "$foreground", "name": "bold $foreground", "strong": "bold $foreground", "quiet": "$foreground-muted",
    "dim": "$foreground-muted", "live": "$text-primary", "good": "$text-success", "warn": "$text-warning",
    "bad": "$text-error",
}  # fmt: skip


def named_style(name: str) -> str:
    """Return the style of a name, for `Content`."""
    return _STYLES[name]


CURVES_DARK = ("#5cc8f2", "#f0a63c", "#4fd6a8", "#eadb61", "#ef7d57", "#cf9bd8", "#7f9cf5", "#d8dee9")
CURVES_LIGHT = ("#0b6da0", "#a85f00", "#0c7a58", "#7a6a00", "#b0451d", "#8a4796", "#3d55b5", "#3b4650")
"""Colours of curves, as many as `PALETTE_SIZE`; on a light ground the same hues, darker."""
FAINT_SHARE = 0.4


def curve_style(widget: Widget, number: int, faint: bool = False) -> Style:
    """Return the colour of a curve on a widget's ground.

    Not a component class: Textual styles each of those anew for every widget that has it whenever one is styled, which
    for eight colours and their faint ones took a tenth of a start.
    """
    colour = Color.parse((CURVES_DARK if widget.app.current_theme.dark else CURVES_LIGHT)[number])
    return _on_ground(widget, colour.with_alpha(FAINT_SHARE) if faint else colour)


def theme_style(widget: Widget, variable: str) -> Style:
    """Return a colour of the theme on a widget's ground, by its variable: "foreground-muted"."""
    return _on_ground(widget, Color.parse(widget.app.theme_variables[variable]))


def _on_ground(widget: Widget, colour: Color) -> Style:
    return Style(color=(widget.background_colors[1] + colour).rich_color)
