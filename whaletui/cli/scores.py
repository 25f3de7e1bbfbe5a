"""`score`: what the leaderboard said of a submission, beside what was measured here."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from engine.contract.errors import WhaleError
from whaletui.cli.common import open_records
from whaletui.cli.output import DONE, as_json, table
from whaletui.records.model import SubmissionRecord
from whaletui.records.records import Records
from whaletui.view import formats


def score(options: Namespace) -> int:
    """Note leaderboard scores on a submission, or fetch them from Kaggle; without one, list the submissions."""
    workspace, records = open_records(options)
    if options.submission is None:
        _list(records.submissions(), options)
        return DONE
    found = _submission(records, options.submission)
    if options.kaggle is not None:
        from whaletui.cli.ensembles import send

        send(records, workspace, found, options)
    elif options.public is None and options.private is None:
        raise WhaleError("no score is given", "--public 0.62 or --private 0.61 or both, or --kaggle to fetch them")
    else:
        records.note_score(found.id, options.public, options.private)
    _list([entry for entry in records.submissions() if entry.id == found.id], options)
    return DONE


def _submission(records: Records, name: str) -> SubmissionRecord:
    matching = [entry for entry in records.submissions() if str(entry.id) == name or entry.path.endswith(name)]
    if not matching:
        raise WhaleError(f"there is no submission {name!r}", "`whaletui score` lists them")
    return matching[-1]


def _list(submissions: list[SubmissionRecord], options: Namespace) -> None:
    if options.json:
        as_json([_told(one) for one in submissions])
        return
    rows = [
        [
            one.id, one.path, one.rows, formats.score(one.map5), formats.interval(one.map5_low, one.map5_high),
            formats.score(one.public), formats.score(one.private), formats.delta(one.public, one.map5),
        ]
        for one in submissions
    ]  # fmt: skip
    headings = ["id", "file", "rows", "local", "interval", "public", "private", "public - local"]
    table(headings, rows, right=["id", "rows", "local", "public", "private", "public - local"])


def _told(one: SubmissionRecord) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}
