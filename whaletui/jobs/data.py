"""Has the engine look at the photos of a data set, and reads what it found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.contract.errors import DataError
from engine.contract.photo_facts import DataFacts
from whaletui.jobs.asking import Progress, ask
from whaletui.workspace import Workspace


def look_at_data(
    workspace: Workspace, folder: str, boxes: str = "", hear: Callable[[Progress], object] = lambda progress: None
) -> DataFacts:
    """Return what the photos of a folder are like; takes seconds, at the first time a minute or two.

    Raises:
        WhaleError: the tables cannot be used, or the table of boxes cannot.
    """
    words = [folder, "--cache", str(workspace.cache), *(["--boxes", boxes] if boxes else [])]
    path = Path(ask("engine.data", words, hear)["path"])
    try:
        return msgspec.json.decode(path.read_bytes(), type=DataFacts)
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", f"delete {workspace.cache} and try again") from error
