"""Glance: one run in the lower half of the home screen: its curves, what it changes, and why it stands as it does."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from whaletui.records.model import RunRecord, State
from whaletui.safe import safe
from whaletui.view import explain
from whaletui.view.comparison import overlaid
from whaletui.view.plots import loss_plot, map5_plot
from whaletui.view.rows import RowFacts, listed, spread_words, state_counts
from whaletui.view.runview import RunView
from whaletui.widgets.chart import Chart


class Glance(Vertical):
    """Shows one run; the list of changes stands beside the curves where there is room, else in the last line."""

    DEFAULT_CSS = """
    Glance {
        height: auto;
        #curves { height: 12; border-top: solid $border; }
        #changes { width: 2fr; height: 100%; padding: 0 1; color: $foreground; }
        Chart { width: 3fr; }
        #why { height: 1; padding: 0 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def compose(self) -> ComposeResult:
        """Lay out curves, changes and the last line."""
        with Horizontal(id="curves"):
            yield Chart("loss", id="loss")
            yield Chart("MAP@5", id="map5")
            yield Static(id="changes")
        yield Static(id="why")

    def show(self, facts: RowFacts, views: Mapping[int, RunView], log: bool) -> None:
        """Show a row as it stands; `log` draws the loss of a run on a logarithmic axis."""
        record = facts.record
        if facts.members:
            loss, map5 = overlaid(facts.members, views)
        else:
            view = views.get(record.id) or RunView.new()
            loss, map5 = loss_plot(view, log), map5_plot(view, record.baseline_constant, record.baseline_duplicates)
        self.query_one("#loss", Chart).plot = loss
        self.query_one("#map5", Chart).plot = map5
        changed = explain.from_defaults(record.spec_json)
        beside = self.query_one("#changes").display and self.query_one("#curves").display
        if beside:
            self._write("#changes", self._lines(changed))
        last = self._family_line(facts) if facts.members else self._last_line(record, () if beside else changed)
        self._write("#why", last)

    def _write(self, where: str, words: Content) -> None:
        """Show words where they are not what is there already: an update repaints, and lays out anew."""
        static = self.query_one(where, Static)
        if static.content != words:
            static.update(words)

    def _family_line(self, facts: RowFacts) -> Content:
        runs = facts.members
        ids, seeds, folds = (listed([getattr(run, name) for run in runs]) for name in ("id", "seed", "fold"))
        spread = spread_words(runs)
        words = [state_counts(runs), f"MAP@5 {spread}" if spread else "", f"seed {seeds}", f"fold {folds}", f"id {ids}"]
        return Content("   ".join(word for word in words if word))

    def _last_line(self, record: RunRecord, changed: tuple[explain.Change, ...]) -> Content:
        note = f"“{safe(record.note)}”" if record.note else ""
        tags = " ".join(f"#{safe(tag, 30)}" for tag in record.tags)
        first = "  ".join(part for part in (explain.why(record), tags, note) if part)
        room = self.size.width - len(first) - 4
        differs = explain.change_words(changed, room) if room > 12 else ""
        style = "$text-error" if record.state in (State.FAILED, State.LOST) else "$foreground"
        return Content.assemble((first, style), "  " if first else "", (differs, "$foreground-muted"))

    def _lines(self, changed: tuple[explain.Change, ...]) -> Content:
        pane = self.query_one("#changes", Static)
        room, width = max(pane.content_size.height - 1, 1), pane.content_size.width
        lines = [Content.styled("differs from the defaults" if changed else "the defaults", "bold")]
        shown = changed if len(changed) <= room else changed[: room - 1]
        for change in shown:
            line = Content.assemble((change.path, "$text-secondary"), f"  {change.was} → ", (change.now, "bold"))
            lines.append(line.truncate(max(width, 1), ellipsis=True))
        if len(changed) > len(shown):
            lines.append(Content.styled(f"and {len(changed) - len(shown)} more", "$foreground-muted"))
        return Content("\n").join(lines)
