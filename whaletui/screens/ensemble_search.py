"""Searches among the candidates of an ensemble, and how they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whaletui.screens.ensemble_actions import EnsembleActions

if TYPE_CHECKING:
    from whaletui.ensemble.select import Found, Method


class EnsembleSearch(EnsembleActions):
    """Keys that look for better members, or at how they differ."""

    def action_search(self, method: Method) -> None:
        """Search members and weights among all candidates, or weights alone, and find out what the gain is worth."""
        lab = self.loaded.lab if self.loaded else None
        if lab is None:
            self.warn("nothing is read yet that could be searched")
            return
        blend = self.blend
        start = self.numbered() if method == "weights" else None

        def tell(done: int, total: int) -> None:
            self.post_message(self.Done(self.tell, f"{method} search: {done} of {total}"))

        def look() -> Found:
            from whaletui.ensemble.select import search

            return search(lab, blend, method, start, tell)

        self.tell(f"{method} search …")
        self.work(f"{method} search", look, self._searched, group="search")

    def _searched(self, found: Found) -> None:
        if self.loaded is None:
            return
        keys = [voice.key for voice in self.loaded.voices]
        self.weights = {keys[number]: weight for number, weight in found.weights.items()}
        self.found = found
        self.tell("")
        self.changed()

    def action_diversity(self) -> None:
        """Show how the voting members differ, or all candidates where fewer than two vote."""
        if self.loaded is None or self.loaded.lab is None:
            return
        from whaletui.screens.diversity import DiversityScreen

        numbers = sorted(self.numbered()) if len(self.weights) > 1 else list(range(len(self.loaded.voices)))
        self.app.push_screen(
            DiversityScreen(self.loaded.lab, [(number, self.loaded.voices[number]) for number in numbers])
        )

    def numbered(self) -> dict[int, float]:
        """Return the weights by place in the lab."""
        voices = self.loaded.voices if self.loaded else ()
        return {number: self.weights[voice.key] for number, voice in enumerate(voices) if voice.key in self.weights}
