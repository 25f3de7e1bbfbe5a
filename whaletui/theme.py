"""The colours of the app: a night sea, a day's, and none. Blue and orange carry meaning: every eye tells them apart."""

from __future__ import annotations

from textual.theme import Theme

DEFAULTS = {"live": "#5cc8f2"}
"""Variables of our own, for themes that do not know them: what is being trained right now."""

WHALE = Theme(
    name="whale",
    primary="#4aa3c7",
    secondary="#7f9fd6",
    accent="#f0a63c",
    foreground="#d5e2ea",
    background="#0a151e",
    surface="#0f1e29",
    panel="#16293a",
    boost="#1d3446",
    success="#58c9ad",
    warning="#f0c05a",
    error="#f0805e",
    dark=True,
    variables={
        "live": "#5cc8f2",
        "border": "#2b485c",
        "border-blurred": "#1d3446",
        "block-cursor-background": "#1f4a63",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#173445",
        "footer-background": "#0f1e29",
        "footer-key-foreground": "#f0a63c",
        "footer-description-foreground": "#9db6c4",
        "input-selection-background": "#4aa3c7 40%",
        "scrollbar": "#1d3446",
        "scrollbar-hover": "#2b485c",
        "scrollbar-active": "#4aa3c7",
        "scrollbar-background": "#0a151e",
        "scrollbar-background-hover": "#0a151e",
        "scrollbar-background-active": "#0a151e",
    },
)

WHALE_LIGHT = Theme(
    name="whale-light",
    primary="#1d6f93",
    secondary="#3f5fa0",
    accent="#a85f00",
    foreground="#12242f",
    background="#f4f8fa",
    surface="#e8eff3",
    panel="#dbe6ec",
    boost="#cfdde5",
    success="#146c58",
    warning="#8a5a00",
    error="#a83a17",
    dark=False,
    variables={
        "live": "#0b6da0",
        "border": "#a9bfcb",
        "border-blurred": "#c6d5dd",
        "block-cursor-background": "#b9d9e8",
        "block-cursor-foreground": "#0a1a24",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#d3e4ec",
        "footer-background": "#dbe6ec",
        "footer-key-foreground": "#8f4f00",
        "footer-description-foreground": "#41586a",
        "input-selection-background": "#1d6f93 30%",
        "scrollbar": "#bcd0da",
        "scrollbar-hover": "#a9bfcb",
        "scrollbar-active": "#1d6f93",
        "scrollbar-background": "#f4f8fa",
        "scrollbar-background-hover": "#f4f8fa",
        "scrollbar-background-active": "#f4f8fa",
    },
)

WHALE_PLAIN = Theme(
    name="whale-plain",
    primary="#ffffff",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    boost="#000000",
    dark=True,
    variables={
        "live": "#ffffff",
        "block-cursor-text-style": "reverse",
        "input-cursor-text-style": "reverse",
        "button-focus-text-style": "bold reverse",
    },
)
"""No colour at all: the terminal's own two, bold and reversed. NO_COLOR asks for it."""

THEMES = (WHALE, WHALE_LIGHT, WHALE_PLAIN)
