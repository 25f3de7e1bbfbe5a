"""The colours of the app: a night sea. Blue and orange carry meaning, so that every eye tells them apart."""

from __future__ import annotations

from textual.theme import Theme

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
