"""What opens from home: one run, selected ones as curves, comparison or ensemble, and the other screens."""

from __future__ import annotations

from whaletui.records.model import Page
from whaletui.screens.table import TableActions
from whaletui.widgets.run_table import RunTable

MOST_SELECTED = 1000
"""Runs that are marked at once: more curves over one another tell nothing any more."""


class RunsDoors(TableActions):
    """Selects runs and opens screens on them. A screen is loaded when it is first opened: a start waits for none."""

    def __init__(self) -> None:
        super().__init__()
        self._marking = self._curves_wanted = False

    def show_below(self) -> None:
        """Say below the table how much is selected, and which page this is."""
        raise NotImplementedError

    def action_open(self) -> None:
        """Open the run under the cursor, or the folded row."""
        facts = self.query_one(RunTable).current
        if facts is None:
            return
        if facts.members:
            self.action_unfold(not facts.opened)
        else:
            from whaletui.screens.run import RunScreen

            self.app.push_screen(RunScreen(facts.record))

    def action_select(self) -> None:
        """Mark the run under the cursor, or take its mark off, and go on to the next."""
        table, selected = self.query_one(RunTable), self.desk.selected
        if (facts := table.current) is None:
            return
        if facts.selected:
            for run in facts.runs:
                selected.pop(run.id, None)
        else:
            selected.update({run.id: run for run in facts.runs})
        table.action_move(1)
        self.show_rows()
        self.show_below()

    def action_new(self) -> None:
        """Choose a preset, then open the form on it."""
        from whaletui.screens.choose_preset import choose_preset

        choose_preset(self)

    def action_select_all(self) -> None:
        """Mark every run that the filter lets through, on all pages; all of them being marked, take the marks off."""
        view = self.view
        self._marking = True

        def mark(page: Page) -> None:
            self._marking = False
            chosen = {run.id: run for run in page.rows if run.folder}  # published results are no runs of ours
            if chosen.keys() <= self.desk.selected.keys():
                self.desk.selected.clear()
            else:
                self.desk.selected.update(chosen)
            self.show_rows()
            self.show_below()
            if self._curves_wanted:
                self.action_curves()

        self.work(
            "reading the runs",
            lambda: self.desk.records.page(
                view.filter, sort=view.sort, descending=view.descending, limit=MOST_SELECTED
            ),
            mark,
            group="select",
        )  # fmt: skip

    def action_curves(self) -> None:
        """Draw the selected runs over one another, or the one under the cursor."""
        self._curves_wanted = self._marking
        if self._marking:
            return  # A was pressed a moment before: its runs are meant
        runs = [run for run in self.targets() if run.folder]
        if not runs:
            self.warn("published results have no curves: select runs with space, or all with A")
            return
        from whaletui.screens.curves import CurvesScreen

        self.app.push_screen(CurvesScreen(runs))

    def action_data(self) -> None:
        """Look at the photos that everything is learnt from."""
        from whaletui.screens.data import DataScreen

        self.app.push_screen(DataScreen())

    def action_compare(self) -> None:
        """Set the selected runs side by side."""
        if len(self.desk.selected) < 2:
            self.warn("select two or more runs with space, then d sets them side by side")
            return
        from whaletui.screens.compare import Compare

        self.app.push_screen(Compare(tuple(self.desk.selected)))

    def action_ensemble(self) -> None:
        """Blend the selected finished runs; without any, list the ensembles that were written down."""
        if not self.desk.selected:
            from whaletui.screens.votes import VotesScreen

            self.app.push_screen(VotesScreen())
            return
        from whaletui.screens.ensemble import EnsembleScreen

        self.app.push_screen(EnsembleScreen(tuple(self.desk.selected)))

    def action_queue(self) -> None:
        """Look at the GPUs and at what waits for them."""
        from whaletui.screens.queue import QueueScreen

        self.app.push_screen(QueueScreen())

    def action_coverage(self) -> None:
        """Look at what was run of backbones, methods, crops and seeds, and what is missing."""
        from whaletui.screens.coverage import Coverage

        self.app.push_screen(Coverage(self.view.filter))
