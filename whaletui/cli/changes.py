"""`cancel`, `resume`, `note`, `tag`, `star`, `delete`: what a person changes about runs."""

from __future__ import annotations

from argparse import Namespace

from whaletui.cli.common import find_runs, open_records
from whaletui.cli.output import DONE, FAILED, say
from whaletui.jobs.local import cancel as cancel_run
from whaletui.jobs.local import resume as resume_run


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
