"""Workspace: the folder that holds a lab book, and where everything in it lies."""

from __future__ import annotations

from pathlib import Path

from engine.contract.errors import RunFolderError
from engine.contract.rundir import RunDir


class Workspace:
    """Paths of one workspace; making one touches nothing on disk."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().resolve()
        self.database = self.root / "experiments.db"
        self.database_owner = self.root / "experiments.owner"  # where the records are on a server: whose they are
        self.runs = self.root / "runs"
        self.ensembles = self.root / "ensembles"
        self.submissions = self.root / "submissions"
        self.cache = self.root / "cache"  # may be deleted at any time
        self.keeper_lock = self.root / "keeper.lock"
        self.keeper_starts = self.root / "keeper.starts"  # those since one last worked
        self.keeper_log = self.root / "keeper.log"

    def prepare(self) -> None:
        """Make the folders, open to their owner only; existing ones stay as they are."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.runs, self.ensembles, self.submissions):
            folder.mkdir(mode=0o700, exist_ok=True)

    def run_dir(self, folder: str) -> RunDir:
        """Return the run folder that a record names.

        Raises:
            RunFolderError: it lies outside of `runs/`, as only a record that somebody forged can say.
        """
        path = self.root / folder
        if folder and (path.parent != self.runs or path.name in ("", ".", "..")):
            raise RunFolderError(f"a record names the folder {folder!r}, which is not in {self.runs}", "rebuild them")
        return RunDir(path)
