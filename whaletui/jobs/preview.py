"""Has the engine draw training photos as a spec would augment them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from engine.contract.preview import Preview
from engine.contract.spec import RunSpec
from whaletui.jobs.asking import Progress, ask
from whaletui.workspace import Workspace

Place = tuple[int, int]
"""Which photo of train.csv, counted from 0, and which set of draws."""


def draw_previews(
    workspace: Workspace,
    spec: RunSpec,
    places: Sequence[Place],
    sheet: Path | None = None,
    hear: Callable[[Progress], object] = lambda progress: None,
) -> tuple[Preview, ...]:
    """Return pictures of photos, which lie in the workspace's cache; takes some seconds, mostly to load libraries.

    Args:
        workspace: holds the cache.
        spec: as it would be recorded, with its data folder.
        places: which photos and draws.
        sheet: a picture to be made of the first of them.
        hear: called when it tells how far it is; may raise to have it stop.

    Raises:
        WhaleError: the data, the boxes or the augmentation are refused. A single photo that cannot be read is
            told in its `Preview`.
    """
    words = [spec.to_json(), *(f"{row}:{turn}" for row, turn in places), "--cache", str(workspace.cache)]
    if sheet is not None:
        words += ["--sheet", str(sheet)]
    return msgspec.convert(ask("engine.preview", words, hear), tuple[Preview, ...])
