"""KeyLine: the keys of the screen in its last line. One widget where Textual's footer makes one a key.

That footer is built anew at every change of focus, which costs more than all the rest of a key press.
"""

from __future__ import annotations

from typing import NamedTuple

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

KEPT = "app.help"
"""The action whose key is shown however narrow the line is: it leads to all others."""


class Key(NamedTuple):
    """A key as it is shown, what it does in a word, and how it is pressed."""

    shown: str
    words: str
    key: str
    action: str

    @property
    def cells(self) -> int:
        """How wide it is, the gap after it included."""
        return len(self.shown) + 1 + len(self.words) + 2


class KeyLine(Widget):
    """Shows as many keys as fit, in the order of the bindings; a click presses one."""

    DEFAULT_CSS = """
    KeyLine { dock: bottom; height: 1; width: 1fr; background: $footer-background; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: tuple[Key, ...] = ()

    def on_mount(self) -> None:
        """Follow what can be pressed."""
        self.screen.bindings_updated_signal.subscribe(self, self._update)
        self._update(self.screen)

    def _update(self, screen: Screen[object]) -> None:
        found: dict[str, Key] = {}
        for _, binding, enabled, _ in screen.active_bindings.values():
            if binding.show and enabled and binding.action not in found:  # of several keys for one thing, the first
                shown = self.app.get_key_display(binding)
                found[binding.action] = Key(shown, binding.description, binding.key, binding.action)
        keys = tuple(found.values())
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    def _fitting(self) -> list[Key]:
        """Return the keys that fit; help is among them."""
        room = self.content_size.width + 2 - sum(key.cells for key in self._keys if key.action == KEPT)
        fitting: list[Key] = []
        full = False
        for key in self._keys:
            if key.action == KEPT:
                fitting.append(key)
            elif not full:
                room -= key.cells
                full = room < 0
                if not full:
                    fitting.append(key)
        return fitting

    def render(self) -> Content:
        """Return the line."""
        key_style, words_style = "bold $footer-key-foreground", "$footer-description-foreground"
        parts = [Content.assemble((key.shown, key_style), (f" {key.words}", words_style)) for key in self._fitting()]
        return Content("  ").join(parts)

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        start = 1
        for key in self._fitting():
            if start <= event.x < start + key.cells - 2:
                self.app.simulate_key(key.key)
            start += key.cells
