"""Kaggle, through its own official client and the user's own credentials, which are neither read nor kept here."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.contract.errors import WhaleError
from whaletui.jobs.outside import Said, ask

COMPETITION = "whale-categorization-playground"
SUBMIT_SECONDS = 300.0
LIST_SECONDS = 60.0
WAIT_SECONDS = 300.0
POLL_SECONDS = 3.0


class KaggleError(WhaleError):
    """What the client or Kaggle refused, in plain words."""

    reason = "kaggle"


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """What the leaderboard says of a submission; None: nothing yet."""

    status: str
    public: float | None
    private: float | None

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to come."""
        return "pending" not in self.status.lower()


REFUSALS = (
    (r"401|unauthorized|unauthenticated", "Kaggle does not accept the credentials",
     "make a new token at kaggle.com/settings and put it where the client looks: ~/.kaggle/kaggle.json"),
    (r"could not find kaggle\.json|missing username|no api credentials|you must authenticate|kaggle_username",
     "the kaggle client has no credentials", "make one at kaggle.com/settings and save it as ~/.kaggle/kaggle.json"),
    (r"accept the competition rules|accept.{0,20}rules", "the rules of the competition are not accepted",
     "accept them on the competition's page, then try again"),
    (r"daily limit|submission limit|limit.{0,30}(reached|exceeded)|no submissions? remaining|allowance",
     "no submission is left today", "the file is kept: send it tomorrow"),
    (r"403|forbidden|permission", "Kaggle forbids it: the competition is not joined, or its name is wrong",
     "join it and accept its rules on its page, or name another with --kaggle NAME"),
    (r"404|not found", "Kaggle knows no such competition", "name it with --kaggle NAME, as in its address"),
    (r"429|too many requests", "Kaggle asks to wait: too many requests", "try again in some minutes"),
    (r"connection|resolve|network|max retries|timed out|unreachable|ssl", "kaggle.com cannot be reached from here",
     "send the file by hand, and note its score with whaletui score"),
    (r"400|bad request", "Kaggle refused the submission without saying why",
     "the competition may not be joined, take no late submissions, or none is left today: its page tells"),
    (r"5\d\d|internal server error|bad gateway|unavailable", "Kaggle has a fault of its own", "try again later"),
)  # fmt: skip
"""Pattern of what is printed -> what it means, and what to do; the first that fits counts."""


def submit(csv_path: Path, competition: str, message: str) -> None:
    """Send a file; raises `KaggleError` in plain words."""
    said = _ask(["competitions", "submit", "-c", competition, "-f", str(csv_path), "-m", message], SUBMIT_SECONDS)
    # the client ends with 0 on some refusals too: only its thanks count
    if said.code or not re.search(r"success|submitted", said.everything, re.IGNORECASE):
        raise refusal(said)


def fetch(competition: str, message: str) -> Scores | None:
    """Return what Kaggle says of the newest submission with that message; None where it does not list it yet."""
    said = _ask(["competitions", "submissions", "-c", competition, "--csv"], LIST_SECONDS)
    if said.code:
        raise refusal(said)
    for row in _rows(said.output):
        if row.get("description", "").strip() == message:
            return Scores(
                status=row.get("status", "").rsplit(".", 1)[-1].lower(), public=_number(row.get("publicScore")),
                private=_number(row.get("privateScore")),
            )  # fmt: skip
    return None


def submit_and_wait(
    csv_path: Path,
    competition: str,
    message: str,
    tell: Callable[[str], None] = lambda words: None,
    pause: Callable[[float], None] = time.sleep,
) -> Scores:
    """Send a file and wait until Kaggle has scored it.

    Raises:
        KaggleError: it was refused, could not be scored, or has no score after `WAIT_SECONDS`; the file stays.
    """
    tell("sending …")
    submit(csv_path, competition, message)
    for _ in range(int(WAIT_SECONDS / POLL_SECONDS)):
        tell("waiting for the score …")
        found = fetch(competition, message)
        if found is not None and found.is_settled:
            if found.public is None and found.private is None:
                raise KaggleError(f"Kaggle could not score it: {found.status}", "see the competition's page for why")
            return found
        pause(POLL_SECONDS)
    raise KaggleError("Kaggle has not scored it yet", "whaletui score SUBMISSION --kaggle fetches the score later")


def message_of(sha256: str, name: str) -> str:
    """Return the message by which a submission is found again."""
    return f"whaletui {name} {sha256[:16]}"


def refusal(said: Said) -> KaggleError:
    """Return what the client printed as an error in plain words; what is not known is quoted."""
    text = said.everything.lower()
    for pattern, meaning, advice in REFUSALS:
        if re.search(pattern, text):
            return KaggleError(meaning, advice)
    last = (said.everything.splitlines() or ["nothing"])[-1]
    return KaggleError(f"the kaggle client said: {last[:200]}", "run it by hand to see more")


def _ask(words: list[str], seconds: float) -> Said:
    try:
        return ask(["kaggle", *words], seconds)
    except WhaleError as error:
        raise KaggleError(error.message, error.hint) from error


def _rows(printed: str) -> list[dict[str, str]]:
    """Return the rows of the table in what was printed; the client puts warnings before it."""
    lines = printed.splitlines()
    start = next((number for number, line in enumerate(lines) if "publicScore" in line), None)
    if start is None:
        return []
    return [
        {name: value or "" for name, value in row.items() if name is not None}
        for row in csv.DictReader(io.StringIO("\n".join(lines[start:])))
    ]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None
