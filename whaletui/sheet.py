"""Sheet: what the table of runs shows, read from the records in one go. For a worker; knows no Textual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from whaletui.records.model import Page, RunRecord
from whaletui.view.remembered import View
from whaletui.view.spread import differing

if TYPE_CHECKING:
    from whaletui.records.records import Records


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs, the pinned baseline, and the settings in which the runs of the page differ, by path."""

    page: Page = Page(rows=(), matching=0, total=0)
    baseline: RunRecord | None = None
    paths: tuple[str, ...] = ()

    @property
    def families(self) -> list[tuple[RunRecord, ...]]:
        """The runs of the page as they are folded, in order; each alone where they are not."""
        rows, found, start = self.page.rows, [], 0
        for size in self.page.groups or [1] * len(rows):
            found.append(rows[start : start + size])
            start += size
        return found

    @property
    def matching(self) -> int:
        """How many rows there are over all pages."""
        return self.page.families if self.page.groups else self.page.matching


def read_sheet(records: Records, view: View, baseline: int | None, limit: int, offset: int) -> Sheet:
    """Read a page of the table.

    Raises:
        QueryError: the filter cannot be read.
        RecordsError: there is no such column to sort by, or the records cannot be read.
    """
    read = records.folded if view.folded else records.page
    page = read(view.filter, sort=view.sort, descending=view.descending, limit=limit, offset=offset)
    sheet = Sheet(page=page, baseline=_pinned(records, page, baseline))
    told_apart = [members[0] for members in sheet.families]  # the settings of a family are the same
    return msgspec.structs.replace(sheet, paths=differing(told_apart))


def _pinned(records: Records, page: Page, run_id: int | None) -> RunRecord | None:
    """Return the pinned run, None where none is pinned or it was deleted since."""
    if run_id is None:
        return None
    for row in page.rows:
        if row.id == run_id:
            return row
    return records.found(run_id)
