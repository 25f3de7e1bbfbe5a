"""`ensemble --list`, `--rebuild`, `--compare`, `--delete`: the ensembles that were written down."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from engine.contract.errors import WhaleError
from engine.contract.ranking import average_precision, top_five
from whaletui.cli.common import open_records
from whaletui.cli.output import DONE, as_json, say, table
from whaletui.ensemble.leaderboard import competition_of
from whaletui.ensemble.leaderboard import send as send_submission
from whaletui.ensemble.renew import news_of, renew
from whaletui.ensemble.significance import Clusters, Interval
from whaletui.ensemble.tables import common_photos, refuse_other_classes, truth_numbers
from whaletui.ensemble.voices import open_table, voices
from whaletui.exchange.kaggle import Scores
from whaletui.records.model import EnsembleRecord, SubmissionRecord
from whaletui.records.records import Records
from whaletui.view import formats
from whaletui.workspace import Workspace


def manage(options: Namespace) -> int:
    """List, compare, rebuild or delete ensembles."""
    workspace, records = open_records(options)
    chosen = [records.find_ensemble(name) for name in options.runs] if options.runs else records.ensembles()
    if options.delete:
        if not options.runs:
            raise WhaleError("no ensemble is named", "whaletui ensemble NAME --delete")
        for record in chosen:
            records.delete_ensemble(record.id)
            say(f"deleted e{record.id} {record.name}; its submissions stay")
        return DONE
    if options.rebuild:
        stale = news_of(records, chosen)
        chosen = [renew(records, workspace, record) for record in chosen if record.id in stale or options.runs]
        if not chosen:
            say("every ensemble is made of the newest runs of its members")
    told = [listed(records, record) for record in chosen]
    if options.compare and len(chosen) > 1:
        for one, against in zip(told, compared(records, workspace, chosen), strict=True):
            one["against_first"] = against
    if options.json:
        as_json(told)
    else:
        _print(told)
    return DONE


def compared(records: Records, workspace: Workspace, chosen: list[EnsembleRecord]) -> list[Interval]:
    """Return the MAP@5 of each ensemble above the first one's, on the photos that all scored, paired by photo."""
    tables = [open_table(voices(records, [f"e{record.id}"])[0], workspace, "valid") for record in chosen]
    photos, classes = common_photos(tables), tables[0].classes
    refuse_other_classes(tables)
    truth = truth_numbers(tables[0], photos, classes)
    worths = [average_precision(top_five(table.reader(photos, classes)(0, len(photos))), truth) for table in tables]
    clusters = Clusters(truth, classes.new_class)
    return [clusters.interval(worth - worths[0]) for worth in worths]


def listed(records: Records, record: EnsembleRecord) -> dict[str, Any]:
    """Return what is told of an ensemble."""
    sent = [entry for entry in records.submissions() if entry.ensemble_id == record.id]
    return {
        "id": record.id, "name": record.name, "blend": record.blend, "map5": record.map5, "map5_low": record.map5_low,
        "map5_high": record.map5_high, "map5_known": record.map5_known, "map5_new": record.map5_new,
        "best_single": record.best_single, "gain": record.gain, "gain_low": record.gain_low,
        "gain_high": record.gain_high, "held_out": record.held_out,
        "members": [{"key": member.key, "weight": member.weight} for member in record.members],
        "public": sent[-1].public if sent else None, "private": sent[-1].private if sent else None,
        "submissions": [entry.path for entry in sent], "tags": record.tags, "note": record.note, "star": record.star,
        "created_at": record.created_at, "stale": news_of(records, [record]).get(record.id, ""),
    }  # fmt: skip


def _print(told: list[dict[str, Any]]) -> None:
    rows = [
        [
            f"e{one['id']}", one["name"], " ".join(_member(member) for member in one["members"]), one["blend"],
            formats.score(one["map5"]), formats.interval(one["map5_low"], one["map5_high"]),
            "" if one["gain"] is None else f"{one['gain']:+.3f}{' held out' if one['held_out'] else ''}",
            formats.score(one["public"]), formats.score(one["private"]), " ".join(one["tags"]), one["stale"],
        ]
        for one in told
    ]  # fmt: skip
    headings = ["id", "name", "members", "blend", "MAP@5", "interval", "gain", "public", "private", "tags", "news"]
    table(headings, rows, right=["MAP@5", "public", "private"])
    for one in told[1:]:
        if "against_first" in one:
            gain = one["against_first"]
            above = f"{gain.mean:+.3f} {formats.interval(gain.low, gain.high)}"
            say(f"e{one['id']} above e{told[0]['id']} on the same photos: {above}: {gain.verdict}")


def _member(member: dict[str, Any]) -> str:
    return member["key"] if member["weight"] == 1 else f"{member['key']}x{member['weight']:g}"


def print_diversity(told: dict[str, Any]) -> None:
    """Print the matrices of agreement, shared errors and the oracle."""
    keys = told["members"]
    for name, title in (
        ("agreement", "same first guess"), ("shared_errors", "errors in common"), ("oracle", "oracle at 5"),
    ):  # fmt: skip
        rows = [[key, *(f"{value:.2f}" for value in row)] for key, row in zip(keys, told[name], strict=True)]
        say(title)
        table(["", *keys], rows, right=keys)
    only = ", ".join(f"{key}: {count}" for key, count in zip(keys, told["only"], strict=True))
    say(f"photos that one alone has among its five: {only}; oracle at 5 of all: {told['oracle_of_all']:.3f}")


def send(records: Records, workspace: Workspace, submission: SubmissionRecord, options: Namespace) -> Scores:
    """Send a submission to Kaggle and wait for its score."""
    competition = competition_of(records, options.kaggle or "")
    return send_submission(records, workspace, submission, competition, lambda words: None)
