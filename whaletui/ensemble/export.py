"""From members to a submission with its provenance, and to the records of both: what app and command line call."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.contract.dataset import read_dataset
from whaletui.ensemble.blend import Blend
from whaletui.ensemble.copies import with_copies
from whaletui.ensemble.evaluate import Evaluation, blended, evaluate_voices
from whaletui.ensemble.provenance import Provenance, command_of, figures, members_of, words_of
from whaletui.ensemble.select import Found
from whaletui.ensemble.submission import submission_text, write_together
from whaletui.ensemble.voices import Voice, run_voices
from whaletui.records.model import EnsembleRecord, SubmissionRecord
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.records.records import Records


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """A submission on disk and the records that tell of it."""

    path: Path
    provenance: Path
    submission: SubmissionRecord
    ensemble: EnsembleRecord | None  # None for a single run
    copies: int | None  # test photos that took the label of the training photo they copy; None: the switch was off


def export(
    records: Records,
    workspace: Workspace,
    run_ids: Sequence[int],
    blend: Blend,
    weights: Sequence[float] | None = None,
    path: Path | None = None,
    now: float | None = None,
) -> Export:
    """Write the checked submission of one run or of a soft vote of runs; see `export_voices`."""
    return export_voices(records, workspace, run_voices(records, run_ids), blend, weights, path=path, now=now)


def export_voices(
    records: Records,
    workspace: Workspace,
    members: Sequence[Voice],
    blend: Blend,
    weights: Sequence[float] | None = None,
    *,
    path: Path | None = None,
    name: str = "",
    duplicates: bool = False,
    found: Found | None = None,
    now: float | None = None,
) -> Export:
    """Write the checked submission of members and its provenance beside it, and note both in the records.

    Args:
        path: the CSV file to write, over an old one; by default one in `submissions/` named for what is in it,
            beside which other contents of that name are left alone.
        name: of the ensemble; by default the file's.
        duplicates: whether test photos that copy a training photo take its label.
        found: the search that chose the members, for its held-out gain.

    Raises:
        EnsembleError, RunFolderError, DataError: the members cannot vote together, or the submission would not be
            right, or cannot be written; nothing is left behind.
    """
    scored = evaluate_voices(workspace, members, blend, weights)
    shares = [float(weight) for weight in weights or [1.0] * len(members)]
    fitted = list(scored.calibrations.values())
    answers = blended(workspace, members, shares, blend, "test", fitted).vote()
    copies = None
    if duplicates:
        answers, copies = with_copies(answers, members, workspace)
    dataset = read_dataset(Path(members[0].leaves()[0].spec.data.folder))
    text = submission_text(dataset, answers.photos, answers.guesses, answers.classes)
    target = path or _free(workspace, (_slug(name) or default_stem(members, weights, blend, duplicates)), text)
    told = Provenance(
        csv=target.name, sha256=hashlib.sha256(text).hexdigest(), rows=len(dataset.test), whaletui=_version(),
        blend=blend, blend_words=words_of(blend), members=members_of(members, shares, fitted),
        labels_digest=answers.classes.digest, labels=len(answers.classes.names), validation=figures(scored.score),
        best_single=scored.best_single, gain=scored.gain_interval.mean, gain_low=scored.gain_interval.low,
        gain_high=scored.gain_interval.high, copies=copies,
        command=command_of(members, shares, blend, duplicates, _within(workspace, target)),
    )  # fmt: skip
    beside = target.with_suffix(".json")
    write_together({target: text, beside: msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"})
    ensemble = None
    if len(members) > 1:
        ensemble = record_ensemble(records, members, blend, shares, scored, name or target.stem, found, now)
    elif members[0].ensemble is not None:
        ensemble = members[0].ensemble
    submission = records.add_submission(
        path=_within(workspace, target), sha256=told.sha256, rows=told.rows, score=scored.score,
        run_id=members[0].runs[0].id if ensemble is None else None, ensemble_id=ensemble.id if ensemble else None,
        now=now,
    )  # fmt: skip
    return Export(path=target, provenance=beside, submission=submission, ensemble=ensemble, copies=copies)


def record_ensemble(
    records: Records,
    members: Sequence[Voice],
    blend: Blend,
    weights: Sequence[float],
    scored: Evaluation,
    name: str,
    found: Found | None = None,
    now: float | None = None,
) -> EnsembleRecord:
    """Write an ensemble down; one of the same members, weights and blend is brought up to date instead."""
    parts = tuple(member.record(weight) for member, weight in zip(members, weights, strict=True))
    told = gains(scored, found) | {"sources": _sources(members)}
    for known in records.ensembles():
        if known.blend == blend and known.members == parts:
            if known.held_out and found is None:
                told = {field: value for field, value in told.items() if field not in GAINS}
            return records.change_ensemble(known.id, **told, **_figures(scored))
    return records.add_ensemble(name, blend, parts, scored.score, now=now, **told)


GAINS = ("gain", "gain_low", "gain_high", "held_out")


def gains(scored: Evaluation, found: Found | None) -> dict[str, Any]:
    """Return the fields of a record that tell what voting adds to the best member; held out where that is known."""
    gain = found.gain if found else scored.gain_interval
    return {
        "best_single": scored.best_single, "gain": gain.mean, "gain_low": gain.low, "gain_high": gain.high,
        "held_out": found is not None,
    }  # fmt: skip


def _figures(scored: Evaluation) -> dict[str, Any]:
    told = figures(scored.score)
    return {
        "map5": told.map5, "map5_low": told.low, "map5_high": told.high, "map5_known": told.known, "map5_new": told.new
    }  # fmt: skip


def _sources(members: Sequence[Voice]) -> tuple[Any, ...]:
    found = {source.run_id: source for member in members for source in member.sources()}
    return tuple(found[run_id] for run_id in sorted(found))


def default_stem(
    members: Sequence[Voice], weights: Sequence[float] | None, blend: Blend, duplicates: bool = False
) -> str:
    """Return a file name that tells what is in it: other members, weights or blend, another name."""
    if len(members) == 1:
        lone = members[0]
        stem = lone.name if lone.ensemble else f"run-{lone.key.replace('+', '-')}"
        return (_slug(stem) or lone.key) + ("-duplicates" if duplicates else "")
    shares = weights or [1.0] * len(members)
    keys = [member.key.replace("+", "_") for member in members]
    told = [f"{key}x{share:g}" if share != 1 else key for key, share in zip(keys, shares, strict=True)]
    if len(told) > 12:
        told = [*told[:12], f"and-{len(told) - 12}-more"]
    suffix = ("" if blend == "logits" else f"-{blend}") + ("-duplicates" if duplicates else "")
    return f"vote-{'-'.join(told)}{suffix}"


def _slug(name: str) -> str:
    """Return a name as a file may be called."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80]


def _free(workspace: Workspace, stem: str, text: bytes) -> Path:
    """Return the first path of that name that is free, or that holds these very bytes."""
    number, path = 2, workspace.submissions / f"{stem}.csv"
    while path.exists() and path.read_bytes() != text:
        path, number = workspace.submissions / f"{stem}-{number}.csv", number + 1
    return path


def _within(workspace: Workspace, path: Path) -> str:
    """Return a path relative to the workspace where it lies inside, so that the workspace can be moved."""
    path = path.resolve()
    return str(path.relative_to(workspace.root)) if path.is_relative_to(workspace.root) else str(path)


def _version() -> str:
    from whaletui import __version__

    return __version__
