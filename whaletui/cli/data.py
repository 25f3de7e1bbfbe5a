"""`data`: what the photos are like, as a table and a histogram."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from engine.contract.dataset import read_dataset
from engine.contract.errors import DataError, SpecError, WhaleError, nearest
from engine.contract.photo_facts import DataFacts, PhotoFacts
from whaletui.cli.common import open_records
from whaletui.cli.output import DONE, as_json, say
from whaletui.cli.progress import Shown
from whaletui.jobs.crop import boxes_of
from whaletui.jobs.data import look_at_data
from whaletui.jobs.preview import draw_previews
from whaletui.launch import completed
from whaletui.presets import grid, read_spec
from whaletui.records.errors import RecordsError
from whaletui.records.records import Records
from whaletui.view.data_lines import figures, histogram
from whaletui.view.formats import bar
from whaletui.workspace import Workspace

BAR_CELLS = 40
MOST_LISTED = 10


def data(options: Namespace) -> int:
    """Look at every photo and say what there is, or draw one as a spec would augment it."""
    workspace, records = open_records(options)
    if options.preview:
        return preview(options, workspace, records)
    if options.out or options.photo or options.settings:
        raise WhaleError("--out, --photo and --set belong to --preview", "whaletui data --preview SPEC --out FILE")
    folder = records.setting("data")
    if not folder:
        raise DataError("this workspace has no data yet", "whaletui init --data DIR")
    show = Shown(quiet=options.json)
    facts = look_at_data(workspace, folder, _boxes(options.boxes, folder, records, workspace), show)
    show.end()
    if options.json:
        as_json(_values(facts))
        return DONE
    _print(facts)
    return DONE


def preview(options: Namespace, workspace: Workspace, records: Records) -> int:
    """Write a training photo and a dozen draws of a spec's augmentation as one picture."""
    specs = grid(read_spec(options.preview), options.settings)
    if len(specs) > 1:
        raise SpecError(f"the lists make {len(specs)} runs, but one is drawn", "give each --set one value")
    spec = completed(specs[0], records, workspace)
    row = 0
    if options.photo:
        photos = read_dataset(Path(spec.data.folder)).train
        if options.photo not in photos:
            raise DataError(f"train.csv names no photo {options.photo!r}", nearest(options.photo, photos))
        row = photos.index(options.photo)
    out = Path(options.out or f"{Path(options.preview).stem}.png")
    drawn = draw_previews(workspace, spec, [(row, 0)], out.absolute())[0]
    if options.json:
        as_json({"path": str(out), "photo": drawn.photo, "label": drawn.label, "boxed": drawn.boxed,
                 "draws": [draw.applied for draw in drawn.draws]})  # fmt: skip
    else:
        say(f"{drawn.photo} ({drawn.label}) and {len(drawn.draws)} draws of {specs[0].name} written to {out}")
    return DONE


def _boxes(named: str | None, folder: str, records: Records, workspace: Workspace) -> str:
    """Return the table that is meant: a path, or what a finished detector found; else the data's own boxes.tsv."""
    if not named:
        return "boxes.tsv" if (Path(folder) / "boxes.tsv").is_file() else ""
    if (Path(folder) / named).exists() or Path(named).exists():
        return named
    try:
        return str(boxes_of(records.find(named), workspace))
    except RecordsError as error:
        raise WhaleError(f"{named} is neither a table of boxes nor a run", error.hint) from error


def _print(facts: DataFacts) -> None:
    say(facts.folder)
    if facts.boxes:
        say(f"boxes of {facts.boxes}")
    for name, words in figures(facts):
        say(f"{name:<12} {words}")
    say("photos of an id")
    bars = histogram(facts)
    most = max((one.ids for one in bars), default=0)
    for one in bars:
        say(f"{one.photos:>8}  {bar(one.ids / most if most else 0.0, BAR_CELLS)} {one.ids:,}")
    for title, photos in _odd(facts).items():
        if photos:
            say(title)
            for photo in photos[:MOST_LISTED]:
                say(f"  {photo.part}/{photo.name}  {photo.trouble or photo.label}".rstrip())
            if len(photos) > MOST_LISTED:
                say(f"  and {len(photos) - MOST_LISTED:,} more; --json lists them all, `whaletui` and b show them")


def _odd(facts: DataFacts) -> dict[str, list[PhotoFacts]]:
    return {
        "cannot be read": [photo for photo in facts.photos if photo.trouble],
        "one photo under two labels": [photo for group in facts.contradictions().values() for photo in group],
    }


def _values(facts: DataFacts) -> dict[str, Any]:
    """Return what scripts may rely on."""
    sizes: dict[str, int] = {}
    for photo in facts.photos:
        if not photo.trouble:
            sizes[f"{photo.width}x{photo.height}"] = sizes.get(f"{photo.width}x{photo.height}", 0) + 1
    per_id = facts.photos_per_id()
    single = sum(count == 1 for count in per_id.values())
    return {
        "folder": facts.folder, "digest": facts.digest, "train_photos": len(facts.train),
        "test_photos": len(facts.test), "ids": len(per_id), "ids_with_one_photo": single,
        "one_photo_share": single / len(per_id) if per_id else None,
        "photos_per_id": {one.photos: one.ids for one in histogram(facts)}, "sizes": sizes,
        "grey_train": sum(photo.grey for photo in facts.train), "grey_test": sum(photo.grey for photo in facts.test),
        "duplicates": [[_path(photo) for photo in group] for group in facts.groups().values()],
        "contradictions": [
            {_path(photo): photo.label for photo in group} for group in facts.contradictions().values()
        ],
        "test_copies": [_path(photo) for photo in facts.copied_test()],
        "unreadable": {_path(photo): photo.trouble for photo in facts.photos if photo.trouble},
        "boxes": facts.boxes, "boxed_photos": sum(photo.box is not None for photo in facts.photos),
        "whole_photos": sum(photo.whole for photo in facts.photos),
        "mostly_background": {_path(photo): photo.covered for photo in facts.background()},
    }  # fmt: skip


def _path(photo: PhotoFacts) -> str:
    return f"{photo.part}/{photo.name}"
