"""Submissions and the leaderboard: sent with the user's own Kaggle client, and what came back noted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contract.errors import WhaleError
from whaletui.ensemble.errors import EnsembleError
from whaletui.records.model import SubmissionRecord
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.exchange.kaggle import Scores
    from whaletui.records.records import Records

SETTING = "competition"


def competition_of(records: Records, named: str = "") -> str:
    """Return the competition that submissions go to, and remember one that was named."""
    from whaletui.exchange.kaggle import COMPETITION

    if named:
        records.set_setting(SETTING, named)
    return named or records.setting(SETTING) or COMPETITION


def send(
    records: Records,
    workspace: Workspace,
    submission: SubmissionRecord,
    competition: str,
    tell: Callable[[str], None] = lambda words: None,
) -> Scores:
    """Send a submission to Kaggle, wait for its score, and note it. One that was sent before is not sent again.

    Raises:
        EnsembleError: its file is gone or was changed since it was written.
        KaggleError: the client or Kaggle refused, in plain words.
    """
    import hashlib

    from whaletui.exchange import kaggle

    path = workspace.root / submission.path
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise EnsembleError(f"{path} cannot be read: {error.strerror}", "export it again") from error
    if found != submission.sha256:
        raise EnsembleError(f"{path} was changed since it was written", "export it again")
    message = kaggle.message_of(submission.sha256, Path(submission.path).stem)
    scores = None
    if submission.public is None and submission.private is None:
        scores = _sent_before(competition, message)
    scores = scores or kaggle.submit_and_wait(path, competition, message, tell)
    records.note_score(submission.id, scores.public, scores.private)
    return scores


def _sent_before(competition: str, message: str) -> Scores | None:
    from whaletui.exchange import kaggle

    try:
        found = kaggle.fetch(competition, message)
    except kaggle.KaggleError:
        return None  # sending will say what is wrong
    return found if found is not None and (found.public is not None or found.private is not None) else None


def newest(records: Records, ensemble_id: int | None, run_id: int | None) -> SubmissionRecord:
    """Return the newest submission of an ensemble or a run; raises `WhaleError` where there is none."""
    for entry in reversed(records.submissions()):
        if (ensemble_id is not None and entry.ensemble_id == ensemble_id) or (
            ensemble_id is None and entry.run_id == run_id
        ):
            return entry
    raise WhaleError("nothing of it was exported yet", "E writes the submission")
