"""How the runs are looked at: columns, order, folding, baseline, saved views, the table as a file. Without the runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from textual.binding import Binding

from engine.contract.fields import spec_fields
from engine.contract.rundir import write_atomic
from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.actions import RunActions
from whaletui.screens.choose import Choice, Choose
from whaletui.screens.columns import Columns
from whaletui.screens.confirm import Confirm
from whaletui.screens.edits import named
from whaletui.screens.inplace import InPlace
from whaletui.screens.prompt import Prompt
from whaletui.sheet import Sheet, read_sheet
from whaletui.view import formats, sheetfile
from whaletui.view.columns import COLUMNS, Column, RowFacts, column, default_keys
from whaletui.view.query import kinds
from whaletui.view.remembered import Remembered, View
from whaletui.view.rows import family_id
from whaletui.view.spread import HELD, UNTOLD
from whaletui.widgets.run_table import RunTable

TABLE_KEYS = [
    Binding("f", "fold", "fold seeds and folds", show=False),
    Binding("right", "unfold(True)", "open a folded row", show=False, key_display="→"),
    Binding("left", "unfold(False)", "close a folded row", show=False, key_display="←"),
    Binding("p", "pin", "pin or unpin the baseline", show=False),
    Binding("o", "columns", "choose the columns", show=False),
    Binding("w", "views", "saved views", show=False),
    Binding("R", "rename", "rename in place", show=False),
    Binding("T", "write_table", "write the table to a file", show=False),
]
TOLD = {*HELD, *UNTOLD}
"""Settings that a column of the records stands for, or that are the same for all."""

SAVE, FORGET = "\0save", "\0forget"  # no view can be called so: names are typed


class TableActions(RunActions):
    """The view of the table and what changes it."""

    def __init__(self) -> None:
        super().__init__()
        self.view = View()
        self.sheet = Sheet()
        self.columns: tuple[Column, ...] = COLUMNS
        self.opened: set[int] = set()  # families whose runs are listed

    def reload(self) -> None:
        """Read the page anew."""
        raise NotImplementedError

    def show_rows(self) -> None:
        """Draw the rows."""
        raise NotImplementedError

    # what is shown

    def rows(self, sheet: Sheet | None = None) -> list[RowFacts]:
        """Return the rows of a sheet, or of the one in sight, as they stand now, folded ones opened where they were."""
        sheet = sheet or self.sheet
        found: list[RowFacts] = []
        for members in sheet.families:
            if len(members) == 1:
                found.append(self.row(members[0], sheet))
                continue
            opened = family_id(members) in self.opened
            found.append(self._folded(members, sheet, opened))
            found += [self.row(run, sheet, inside=True) for run in members if opened]
        return found

    def row(self, record: RunRecord, sheet: Sheet, inside: bool = False) -> RowFacts:
        """Return one run's row."""
        desk, base = self.desk, sheet.baseline
        return RowFacts(
            record=record, view=desk.views.get(record.id), now=desk.now(), selected=record.id in desk.selected,
            inside=inside, pinned=base is not None and base.id == record.id, against=base.map5 if base else None,
        )  # fmt: skip

    def _folded(self, members: tuple[RunRecord, ...], sheet: Sheet, opened: bool) -> RowFacts:
        base = sheet.baseline
        return RowFacts(
            record=members[0], view=None, now=self.desk.now(), members=members, opened=opened,
            selected=all(run.id in self.desk.selected for run in members), against=base.map5 if base else None,
        )  # fmt: skip

    def chosen_columns(self, sheet: Sheet) -> tuple[Column, ...]:
        """Return the columns that were chosen, or those that differ among the rows; asks every row, in a worker."""
        keys = self.view.columns or default_keys(self.rows(sheet), sheet.paths)
        return tuple(found for key in keys if (found := column(key)) is not None)

    def look_through(self, view: View) -> None:
        """Look at the runs so, and remember it; the filter is not remembered, it would hide runs at the next start."""
        self.view = view
        table = self.query_one(RunTable)
        table.sort = (view.sort, view.descending)
        self.remember(view=msgspec.structs.replace(view, filter=""))
        self.reload()

    def change_view(self, **changes: Any) -> None:
        """Change the way of looking."""
        self.look_through(msgspec.structs.replace(self.view, **changes))

    def remember(self, **changes: Any) -> None:
        """Keep something for the next visit."""
        self._keep(msgspec.structs.replace(self.desk.remembered, **changes))

    def _keep(self, remembered: Remembered) -> None:
        if remembered != self.desk.remembered:
            self.desk.remembered = remembered
            self.work("remembering the view", self.desk.keep)

    # what a person does

    def action_fold(self) -> None:
        """Fold runs that differ only in seed and fold into one row each, or list every run again."""
        self.opened.clear()
        self.change_view(folded=not self.view.folded)

    def action_unfold(self, opened: bool) -> None:
        """Open or close the folded row under the cursor, or the one that the run belongs to."""
        current = self.query_one(RunTable).current
        if current is None or not (current.members or current.inside):
            return
        family = next(family_id(members) for members in self.sheet.families if current.record in members)
        (self.opened.add if opened else self.opened.discard)(family)
        self.show_rows()
        self.query_one(RunTable).go_to_key(f"family {family}")

    def action_pin(self) -> None:
        """Pin the run under the cursor as the baseline that differences are against; again: let it go."""
        current = self.query_one(RunTable).current
        if current is None:
            return
        if current.members:
            self.warn("a baseline is one run: → opens the row")
            return
        pinned = self.sheet.baseline is not None and self.sheet.baseline.id == current.record.id
        self.remember(baseline=None if pinned else current.record.id)
        if pinned:
            self.say("differences are above constant again")
        elif current.record.map5 is None:
            self.say(f"{named(current.runs)} has no MAP@5 yet: differences are above constant until it has")
        else:
            self.say(f"differences are above {named(current.runs)}")
        self.reload()

    def action_columns(self) -> None:
        """Choose the columns and their order."""

        def keep(keys: tuple[str, ...] | None) -> None:
            if keys is not None:
                self.change_view(columns=keys)

        self.app.push_screen(Columns([one.key for one in self.columns]), keep)

    def action_sort(self) -> None:
        """Choose what to sort by: a column, or any setting of the spec."""
        choices = [Choice(one.sort, one.title, one.about) for one in COLUMNS if one.sort]
        choices += [Choice(field.path, field.path, field.help) for field in spec_fields() if field.path not in TOLD]
        self.app.push_screen(Choose("sort by", choices, self.view.sort), self.sort_by)

    def sort_by(self, wanted: str | None) -> None:
        """Sort by a column: figures from the best down, words from a to z; asked again, the other way."""
        if wanted is None:
            return
        words = kinds().get(wanted, "number") in ("text", "choice") or wanted == "loss"
        descending = not self.view.descending if wanted == self.view.sort else not words
        self.to_first_page()
        self.change_view(sort=wanted, descending=descending)

    def to_first_page(self) -> None:
        """Begin at the first page again."""

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.sort_by(self.view.sort)

    def action_rename(self) -> None:
        """Type over the name of the run under the cursor, where it stands."""
        current = self.query_one(RunTable).current
        if current is None:
            return
        if current.members:
            self.warn("folded runs have a name each: → opens the row")
            return
        run, over = current.record, self.query_one(RunTable).cell_region("name")

        def keep(name: str | None) -> None:
            if name is not None and name.strip() != safe(run.name, 200):
                rename = self.desk.records.rename
                self.edit("renaming", [run], lambda run: rename(run.id, name), lambda run: rename(run.id, run.name))

        if over is None:
            self.app.push_screen(Prompt(f"name of {named([run])}", run.name), keep)
        else:
            self.app.push_screen(InPlace(over, run.name, 200), keep)

    # saved views

    def action_views(self) -> None:
        """Go to a saved view, save this one, or forget one."""
        views = self.desk.remembered.views
        choices = [Choice(name, name, view_words(view)) for name, view in views.items()]
        choices.append(Choice(SAVE, "save this view …", view_words(self.view)))
        if views:
            choices.append(Choice(FORGET, "forget a view …"))
        self.app.push_screen(Choose("saved views", choices), self._go_to_view)

    def _go_to_view(self, name: str | None) -> None:
        views = self.desk.remembered.views
        if name == SAVE:
            self.app.push_screen(Prompt("save this view as", "", f"{view_words(self.view)}; "), self._save_view)
        elif name == FORGET:
            choices = [Choice(known, known, view_words(view)) for known, view in views.items()]
            self.app.push_screen(Choose("forget which view?", choices), self._forget_view)
        elif name is not None and name in views:
            self.opened.clear()
            self.to_first_page()
            self.show_filter(views[name].filter)
            self.look_through(views[name])

    def show_filter(self, text: str) -> None:
        """Show a filter as if it had been typed."""

    def _save_view(self, name: str | None) -> None:
        if name is not None and (name := name.strip()):
            self.remember(views={**self.desk.remembered.views, name: self.view})
            self.say(f"saved as {name}: w goes there")

    def _forget_view(self, name: str | None) -> None:
        if name is not None:
            self.remember(views={known: view for known, view in self.desk.remembered.views.items() if known != name})

    # the table as a file

    def action_write_table(self) -> None:
        """Write the rows of all pages, in the columns that are shown, as CSV or Markdown by the file's ending."""

        def asked(name: str | None) -> None:
            if name is None or not name.strip():
                return
            path = self.desk.workspace.root / Path(name.strip()).expanduser()
            if path.suffix.lower() not in sheetfile.ENDINGS:
                self.warn(f"{path.name} ends in neither .csv nor .md: the ending says which is written")
            elif path.exists():
                self._ask_over(path)
            else:
                self._write_table(path)

        self.app.push_screen(
            Prompt("write this table to", "runs.csv", "CSV, or Markdown where it ends in .md; "), asked
        )

    def _ask_over(self, path: Path) -> None:
        def answer(sure: bool | None) -> None:
            if sure:
                self._write_table(path)

        self.app.push_screen(Confirm(f"Write over {path.name}?", str(path), "write over it", "leave it"), answer)

    def _write_table(self, path: Path) -> None:
        view, columns = self.view, self.columns
        baseline = self.desk.remembered.baseline

        def write() -> int:
            sheet = read_sheet(self.desk.records, view, baseline, limit=1_000_000, offset=0)
            lines = sheetfile.table(columns, self._closed_rows(sheet))
            told = sheetfile.as_markdown if path.suffix.lower() == ".md" else sheetfile.as_csv
            write_atomic(path, told(lines).encode())
            return len(lines) - 1

        self.work(
            f"writing {safe(path, 200)}", write,
            lambda rows: self.say(f"{formats.count(rows, 'row')} written to {path}", "table"),
        )  # fmt: skip

    def _closed_rows(self, sheet: Sheet) -> list[RowFacts]:
        """Return the rows of a sheet, none of them opened."""
        return [
            self.row(members[0], sheet) if len(members) == 1 else self._folded(members, sheet, False)
            for members in sheet.families
        ]


def view_words(view: View) -> str:
    """Return a view in a line: its filter, its order, and whether it is folded."""
    parts = [view.filter or "all runs", f"by {view.sort} {'▼' if view.descending else '▲'}"]
    parts += ["seeds and folds folded"] if view.folded else []
    parts += [f"{len(view.columns) - 1} columns"] if view.columns else []
    return safe("   ".join(parts), 120)
