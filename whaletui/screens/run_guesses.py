"""What a run guessed, as the gallery walks through it."""

from __future__ import annotations

from pathlib import Path

from whaletui.desk import Desk
from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.view.looked import Looked


class RunGuesses:
    """A run as a source of guesses; its folder is read when it is asked."""

    def __init__(self, run: RunRecord, desk: Desk) -> None:
        spec = run.spec
        self._folder = desk.workspace.run_dir(run.folder)
        self.title = f"run {run.id} {safe(run.name, 60)}"
        self.data_folder = Path(spec.data.folder)
        self.boxes = Path(spec.crop.source) if spec.crop.enabled and spec.crop.source else None
        embeddings = self._folder.path / "embeddings"
        self.embeddings = embeddings if embeddings.is_dir() else None

    def read(self) -> list[Looked]:
        """Return what the run guessed for its validation photos."""
        from whaletui.view.guesses import read_guesses

        return read_guesses(self._folder.predictions)
