"""`ensemble` and `export`: from finished runs to a submission."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.contract.errors import WhaleError
from engine.contract.ranking import Score
from whaletui.cli.common import open_records
from whaletui.cli.output import DONE, as_json, say, table
from whaletui.ensemble.blend import BLEND_WORDS, Blend
from whaletui.ensemble.evaluate import Evaluation, evaluate_voices
from whaletui.ensemble.export import Export, export_voices, record_ensemble
from whaletui.ensemble.voices import Voice, blend_of, open_table, voices
from whaletui.records.model import EnsembleRecord
from whaletui.records.records import Records
from whaletui.view.formats import interval, score
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.ensemble.select import Found


class Plan(msgspec.Struct, kw_only=True):
    """What is asked for: members with weights, and how they are blended."""

    members: list[Voice]
    weights: list[float] | None
    blend: Blend
    name: str
    opened: EnsembleRecord | None = None  # the ensemble that was named alone
    found: Found | None = None  # the search, where there was one


def ensemble(options: Namespace) -> int:
    """Score an ensemble beside its members and the baselines; search, compare, record and export it where asked."""
    from whaletui.cli import ensembles

    if options.list or options.rebuild or options.delete or options.compare:
        return ensembles.manage(options)
    workspace, records = open_records(options)
    plan = _plan(records, options)
    told: dict[str, Any] = {}
    if options.select or options.diversity:
        _search(workspace, plan, options, told)
    if len(plan.members) == 1 and plan.weights:
        plan.weights = None
    scored = evaluate_voices(workspace, plan.members, plan.blend, plan.weights)
    kept = _keep(records, plan, scored, options)
    written = None
    if options.export is not None or options.kaggle is not None:
        path = Path(options.export) if options.export else None
        written = export_voices(
            records, workspace, plan.members, plan.blend, plan.weights, path=path, name=plan.name,
            duplicates=options.duplicates, found=plan.found,
        )  # fmt: skip
        kept = written.ensemble or kept
    pseudo = _pseudo(workspace, plan, options)
    sent = None
    if options.kaggle is not None and written:
        sent = ensembles.send(records, workspace, written.submission, options)
    told |= {
        "members": [member.key for member in plan.members], "names": [member.name for member in plan.members],
        "blend": plan.blend, "weights": plan.weights or [1.0] * len(plan.members), "score": scored.score,
        "singles": scored.singles, "best_single": scored.best_single, "gain": scored.gain,
        "gain_interval": scored.gain_interval, "gain_real": scored.gain_interval.real,
        "calibration": {key: one.whole for key, one in scored.calibrations.items()},
        "baseline_constant": scored.constant, "baseline_duplicates": scored.duplicates,
        "ensemble": kept and kept.id, "name": kept and kept.name, "duplicates": options.duplicates,
        "copies": written and written.copies, "export": written and str(written.path),
        "provenance": written and str(written.provenance), "sha256": written and written.submission.sha256,
        "submission": written and written.submission.id, "pseudo_labels": pseudo, "kaggle": sent,
    }  # fmt: skip
    if options.json:
        as_json(told)
    else:
        _say_all(plan, scored, told, written, kept)
    return DONE


def _plan(records: Records, options: Namespace) -> Plan:
    """Return who votes; an ensemble that is named alone stands for its members, weights and blend."""
    if not options.runs:
        raise WhaleError("no run is named", "whaletui ensemble RUN RUN..., or --list for those written down")
    members = voices(records, options.runs)
    blend, weights, opened = options.blend, options.weights, None
    if len(members) == 1 and members[0].ensemble is not None:
        opened = members[0].ensemble
        blend, weights = blend or opened.blend, weights or [member.weight for member in opened.members]
        members = list(members[0].members)
    if weights and len(weights) != len(members):
        from whaletui.ensemble.blend import check_weights

        check_weights(weights, len(members))
    return Plan(
        members=members, weights=weights, blend=blend_of(blend or "logits"), opened=opened,
        name=options.name or (opened.name if opened and not options.select else ""),
    )  # fmt: skip


def _search(workspace: Workspace, plan: Plan, options: Namespace, told: dict[str, Any]) -> None:
    """Let a search choose members and weights, or measure how the members differ."""
    from whaletui.ensemble.diversity import diversity
    from whaletui.ensemble.lab import Lab
    from whaletui.ensemble.select import search

    lab = Lab([open_table(member, workspace, "valid") for member in plan.members])
    keys = [member.key for member in plan.members]
    if options.select:
        start = dict(enumerate(plan.weights)) if plan.weights else None
        found = search(lab, plan.blend, options.select, start)
        told["search"] = {
            "method": found.method, "weights": {keys[number]: weight for number, weight in found.weights.items()},
            "steps": found.steps, "map5_chosen_on": found.map5, "held_out": found.held_out,
            "held_out_single": found.held_out_single, "gain": found.gain, "real": found.gain.real,
            "splits": found.splits,
        }  # fmt: skip
        plan.found = found
        plan.members = [plan.members[number] for number in found.weights]
        plan.weights = list(found.weights.values())
    if options.diversity:
        measured = diversity(lab, range(len(keys)))
        told["diversity"] = {
            "members": keys, "agreement": measured.agreement.tolist(), "shared_errors": measured.shared_errors.tolist(),
            "oracle": measured.oracle.tolist(), "only": list(measured.only), "oracle_of_all": measured.oracle_of_all,
        }  # fmt: skip


def _keep(records: Records, plan: Plan, scored: Evaluation, options: Namespace) -> EnsembleRecord | None:
    """Write the ensemble down where it is named, and put tags and note on it."""
    kept = plan.opened if plan.opened and not (options.name or options.select) else None
    if options.name:
        shares = plan.weights or [1.0] * len(plan.members)
        kept = record_ensemble(records, plan.members, plan.blend, shares, scored, options.name, plan.found)
    if options.tag or options.note is not None:
        if kept is None:
            raise WhaleError("only an ensemble that is written down can be tagged or noted on", "give it a --name")
        tags = [tag for tag in kept.tags if f"-{tag}" not in options.tag]
        tags += [tag for tag in options.tag if not tag.startswith("-") and tag not in tags]
        note = kept.note if options.note is None else options.note
        kept = records.change_ensemble(kept.id, tags=tuple(tags), note=note)
    return kept


def _pseudo(workspace: Workspace, plan: Plan, options: Namespace) -> dict[str, Any] | None:
    if not options.pseudo_labels:
        return None
    from whaletui.ensemble.pseudo import write_pseudo_labels

    made = write_pseudo_labels(
        workspace, plan.members, plan.blend, plan.weights, Path(options.pseudo_labels), options.confidence
    )
    return {"file": str(made.path), "rows": made.rows, "photos": made.photos, "expected_right": made.expected}


def _say_all(
    plan: Plan, scored: Evaluation, told: dict[str, Any], written: Export | None, kept: EnsembleRecord | None
) -> None:
    print_evaluation(plan.members, scored, plan.weights)
    say(f"{BLEND_WORDS[plan.blend]} on {scored.score.photos:,} validation photos")
    if plan.found is not None:
        say_search(plan.found)
    if "diversity" in told:
        from whaletui.cli.ensembles import print_diversity

        print_diversity(told["diversity"])
    if kept is not None:
        say(f"written down as e{kept.id} {kept.name}")
    if written:
        say(f"wrote {written.path}: {written.submission.rows:,} rows, sha256 {written.submission.sha256[:12]}")
        say(f"made of {written.provenance}")
    if written and written.copies is not None:
        say(
            f"duplicates on: {written.copies:,} test photos take the label of the training photo they copy; "
            "validation has no such photos, so its score does not tell what that is worth"
        )
    if told["pseudo_labels"]:
        made = told["pseudo_labels"]
        right = made["expected_right"]
        share = "none on validation is so sure" if right is None else f"on validation {right:.0%} of such are right"
        say(f"pseudo-labels: {made['rows']:,} of {made['photos']:,} test photos in {made['file']}; {share}")
        say(f"train on them: whaletui run PRESET --set data.extra={made['file']}")
    if told["kaggle"]:
        say(f"Kaggle: public {score(told['kaggle'].public)}, private {score(told['kaggle'].private)}")


def say_search(found: Found) -> None:
    """Say what a search is worth on photos that it did not choose by."""
    say(
        f"{found.method} search: held out {found.held_out:.3f} against {found.held_out_single:.3f} of the best single, "
        f"gain {found.gain.mean:+.3f} {interval(found.gain.low, found.gain.high)}: {found.gain.verdict} "
        f"({found.splits} splits by id, chosen on one half, measured on the other)"
    )


def print_evaluation(members: list[Voice], found: Evaluation, weights: list[float] | None = None) -> None:
    """Print an ensemble's MAP@5 on validation under its members' and the baselines'."""
    shares = weights or [1.0] * len(members)
    rows = [
        ["constant answer", "", score(found.constant), "", "", ""],
        ["duplicates first", "", score(found.duplicates), "", "", ""],
        *(
            _row(f"{member.title} {member.name}", f"{share:g}", found.singles[member.key])
            for member, share in zip(members, shares, strict=True)
        ),
        _row(f"soft vote of {len(members)}", "", found.score),
    ]
    headings = ["on validation", "weight", "MAP@5", "interval", "known", "new"]
    table(headings, rows, right=["weight", "MAP@5", "known", "new"])
    gain = found.gain_interval
    say(f"gain over the best member {found.gain:+.3f} {interval(gain.low, gain.high)}: {gain.verdict}")


def _row(name: str, weight: str, found: Score) -> list[str]:
    return [name, weight, score(found.map5), interval(found.low, found.high), score(found.known), score(found.new)]


def export(options: Namespace) -> int:
    """Write the submission of one run."""
    workspace, records = open_records(options)
    written = export_voices(records, workspace, voices(records, [options.run]), "logits", path=Path(options.file))
    say(f"wrote {written.path}: {written.submission.rows:,} rows, sha256 {written.submission.sha256[:12]}")
    return DONE
