"""The command palette's own knowledge: every run, found by a piece of its name or its number."""

from __future__ import annotations

import contextlib
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher
from textual.markup import escape
from textual.worker import WorkerFailed

from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.base import DeskApp
from whaletui.view.columns import RowFacts, state_words

OFFERED = 200


class RunCommands(Provider):
    """Opens runs by name."""

    async def startup(self) -> None:
        """Read the newest runs, off the thread that draws."""
        assert isinstance(self.app, DeskApp)
        desk = self.app.desk
        self._now = desk.now()
        self._runs: tuple[RunRecord, ...] = ()
        if desk.is_open:
            worker = self.screen.run_worker(
                lambda: desk.records.page("", limit=OFFERED).rows,
                thread=True,
                exit_on_error=False,
                name="reading the runs",
            )
            with contextlib.suppress(WorkerFailed):  # the palette still offers everything else
                self._runs = await worker.wait()

    async def discover(self) -> Hits:
        """Offer the newest few before anything is typed."""
        for run in self._runs[:5]:
            yield DiscoveryHit(Content(_title(run)), partial(self._open, run), text=_title(run), help=self._about(run))

    async def search(self, query: str) -> Hits:
        """Offer runs whose title matches."""
        matcher = self.matcher(query)
        for run in self._runs:
            if (match := matcher.match(_title(run))) > 0:
                title = _highlighted(_title(run), matcher)
                yield Hit(match, title, partial(self._open, run), text=_title(run), help=self._about(run))

    def _open(self, run: RunRecord) -> None:
        from whaletui.screens.run import RunScreen

        self.app.push_screen(RunScreen(run))

    def _about(self, run: RunRecord) -> str:
        return escape(safe(state_words(RowFacts(record=run, view=None, now=self._now))))  # the palette reads markup


def _highlighted(title: str, matcher: Matcher) -> Content:
    """Return a title with the matched letters marked; the matcher's own `highlight` would read it as markup."""
    content = Content(title)
    for offset in matcher.fuzzy_search.match(matcher.query, title)[1]:
        content = content.stylize("bold underline", offset, offset + 1)
    return content


def _title(run: RunRecord) -> str:
    return f"run {run.id}  {safe(run.name, 80)}"
