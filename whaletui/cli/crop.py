"""`crop fit`, `crop apply`, `crop check`, `crop convert`: from boxes that people drew to a box for every photo."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from engine.contract.errors import DataError
from engine.contract.summary import read_summary
from whaletui.cli.common import open_records
from whaletui.cli.launch import wait_for
from whaletui.cli.output import DONE, FAILED, as_json, complain, say
from whaletui.cli.progress import Shown
from whaletui.jobs.crop import BOXES, Checked, apply_detector, check_boxes, convert_boxes
from whaletui.launch import enqueue
from whaletui.presets import grid, preset
from whaletui.records.model import RunRecord
from whaletui.records.records import Records
from whaletui.view.formats import count, score
from whaletui.workspace import Workspace

PRESET = "detector"
MOST_TOLD = 10


def crop(options: Namespace) -> int:
    """Do what the second word says."""
    return {"fit": _fit, "apply": _apply, "check": _check, "convert": _convert}[options.action](options)


def _fit(options: Namespace) -> int:
    """Queue the training of a detector; with --wait, see it through and tell what it came to."""
    workspace, records = open_records(options)
    changes: dict[str, object] = {"method.boxes": options.boxes}
    if options.holdout:
        changes["method.holdout"] = options.holdout
    if options.sort_corners:
        changes["method.sort_corners"] = True
    if options.name:
        changes["name"] = options.name
    runs = enqueue(records, workspace, grid(preset(PRESET).spec.with_values(changes), options.settings))
    for queued in runs:
        say(f"queued {queued.id}  {queued.name}  seed {queued.seed}  {queued.folder}")
    if not options.wait:
        say(f"next      whaletui logs {runs[-1].id} -f, then --set crop.enabled=true --set crop.source={runs[-1].id}")
        return DONE
    finished = wait_for(records, workspace, [queued.id for queued in runs])
    for queued in runs:
        _tell_figures(workspace, records.run(queued.id))
    return DONE if finished else FAILED


def _tell_figures(workspace: Workspace, run: RunRecord) -> None:
    summary = read_summary(workspace.run_dir(run.folder))
    if summary is None or summary.detector is None:
        return
    found = summary.detector
    say(f"run {run.id}  {run.name}  after {summary.seconds['total']:.0f} s, {count(summary.epochs, 'epoch')}")
    figures = f"mean IoU {score(found.mean_iou)}   mAP50 {score(found.map50)}"
    say(f"  {figures}   on {found.held_out:,} held-out boxes, {found.missed:,} of them missed")
    if found.photos:
        say(f"  {found.whole:,} of {found.photos:,} photos stay whole, the others are cropped by {run.folder}/{BOXES}")


def _apply(options: Namespace) -> int:
    """Write one box for every photo of training and test."""
    workspace, records = open_records(options)
    run = records.find(options.run)
    run_dir = workspace.run_dir(run.folder)
    if options.threshold is not None and not 0.0 <= options.threshold <= 1.0:
        raise DataError(f"--threshold is {options.threshold:g}", "a confidence lies between 0 and 1")
    to = Path(options.to).expanduser() if options.to else run_dir.path / BOXES
    show = Shown(quiet=options.json)
    applied = apply_detector(run_dir, _data_folder(run, records), to, options.threshold, show)
    show.end()
    if options.json:
        as_json(applied)
    else:
        how = "known already" if applied.cached else "looked at"
        cropped = applied.photos - applied.whole
        say(f"{applied.photos:,} photos {how}: {cropped:,} are cropped")
        say(f"{applied.whole:,} stay whole, their box being less certain than {applied.threshold:g}")
        say(f"wrote {applied.path}")
    if applied.whole == applied.photos:
        seen = f"the detector finds no fluke in any of {applied.photos:,} photos"
        complain(
            DataError(
                f"{seen}: its best confidence is {applied.best:.3f}",
                "train it longer or on more boxes, or lower --threshold",
            )
        )
        return FAILED
    return DONE


def _check(options: Namespace) -> int:
    """Read boxes and hold them against their photos."""
    checked = check_boxes(options.boxes, _known_data(options), sort_corners=options.sort_corners)
    if options.json:
        as_json(checked)
        return DONE
    _tell_mended(checked)
    say(f"{options.boxes}: {checked.boxes:,} of the photos have a box")
    return DONE


def _convert(options: Namespace) -> int:
    """Write boxes in another form."""
    to = Path(options.to).expanduser()
    converted = convert_boxes(options.boxes, _known_data(options), to, options.form, sort_corners=options.sort_corners)
    _tell_mended(converted)
    say(f"wrote {converted.path}: {converted.boxes:,} boxes")
    return DONE


def _tell_mended(checked: Checked) -> None:
    for words in checked.mended[:MOST_TOLD]:
        say(words)
    if len(checked.mended) > MOST_TOLD:
        say(f"and {len(checked.mended) - MOST_TOLD} more were put right in the same way")


def _known_data(options: Namespace) -> str:
    _, records = open_records(options)
    folder = records.setting("data")
    if not folder:
        raise DataError("this workspace has no data yet", "whaletui init --data DIR")
    return folder


def _data_folder(run: RunRecord, records: Records) -> str:
    """Return the data of the workspace, or where it has none, those that the detector learnt from."""
    return records.setting("data") or run.spec.data.folder
