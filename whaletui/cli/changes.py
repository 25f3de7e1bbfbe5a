"""`cancel`, `resume`, `note`, `tag`, `star`, `score`, `delete`: what a person changes about runs."""

from __future__ import annotations

from argparse import Namespace

from engine.contract.errors import WhaleError
from whaletui.cli.common import find_runs, open_records
from whaletui.cli.output import DONE, FAILED, say, table
from whaletui.jobs.local import cancel as cancel_run
from whaletui.jobs.local import resume as resume_run
from whaletui.records.model import SubmissionRecord
from whaletui.records.records import Records
from whaletui.view import formats


def cancel(options: Namespace) -> int:
    """Stop runs gently; those that were asked before, at once."""
    workspace, records = open_records(options)
    for run in find_runs(records, options.runs):
        say(f"{run.id}  {cancel_run(records, workspace, run, now=options.now)}")
    return DONE


def resume(options: Namespace) -> int:
    """Queue runs again that ended before they were done; each goes on from its newest checkpoint."""
    workspace, records = open_records(options)
    runs = find_runs(records, options.runs)
    for run in runs:
        say(f"{run.id}  {resume_run(records, workspace, run)}")
    return DONE


def note(options: Namespace) -> int:
    """Write a note on a run."""
    _, records = open_records(options)
    run = records.find(options.run)
    records.note(run.id, options.text)
    say(f"{run.id}  {options.text or 'no note'}")
    return DONE


def tag(options: Namespace) -> int:
    """Put tags on a run, or take them off."""
    _, records = open_records(options)
    run = records.find(options.run)
    for word in options.tags:
        if word.startswith("-"):
            records.untag(run.id, word[1:])
        else:
            records.tag(run.id, word)
    say(f"{run.id}  {' '.join(records.run(run.id).tags) or 'no tags'}")
    return DONE


def star(options: Namespace) -> int:
    """Star a run, or take its star off."""
    _, records = open_records(options)
    run = records.find(options.run)
    records.star(run.id, not run.star)
    say(f"{run.id}  {'no star' if run.star else 'starred'}")
    return DONE


def score(options: Namespace) -> int:
    """Note leaderboard scores on a submission; without one, list the submissions."""
    _, records = open_records(options)
    if options.submission is None:
        _list(records.submissions())
        return DONE
    found = _submission(records, options.submission)
    if options.public is None and options.private is None:
        raise WhaleError("no score is given", "--public 0.62 or --private 0.61 or both")
    records.note_score(found.id, options.public, options.private)
    _list([entry for entry in records.submissions() if entry.id == found.id])
    return DONE


def _submission(records: Records, name: str) -> SubmissionRecord:
    matching = [entry for entry in records.submissions() if str(entry.id) == name or entry.path.endswith(name)]
    if not matching:
        raise WhaleError(f"there is no submission {name!r}", "`whaletui score` lists them")
    return matching[-1]


def _list(submissions: list[SubmissionRecord]) -> None:
    rows = [[one.id, one.path, one.rows, formats.score(one.public), formats.score(one.private)] for one in submissions]
    table(["id", "file", "rows", "public", "private"], rows, right=["id", "rows", "public", "private"])


def delete(options: Namespace) -> int:
    """Delete runs after asking, and say how much disk that freed."""
    _, records = open_records(options)
    runs = find_runs(records, options.runs)
    names = ", ".join(f"{run.id} {run.name}" for run in runs)
    if not options.yes and input(f"delete {names}? [y/N] ").strip().lower() not in ("y", "yes"):
        say("nothing was deleted")
        return FAILED
    for run in runs:
        freed = records.delete(run.id)
        say(f"deleted {run.id}  {run.name}: {freed / 1e6:.1f} MB freed")
    return DONE
