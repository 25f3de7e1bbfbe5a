"""Kaggle's own client, stood in for by a program of its name that prints what the real one prints."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from engine.contract.ranking import Score
from whaletui.ensemble.errors import EnsembleError
from whaletui.ensemble.leaderboard import competition_of, send
from whaletui.exchange import kaggle
from whaletui.exchange.kaggle import KaggleError, Scores
from whaletui.jobs.outside import ask
from whaletui.records.model import SubmissionRecord
from whaletui.records.records import Records
from whaletui.workspace import Workspace

CLIENT = """#!{python}
import json, os, sys
told = json.load(open({told!r}))
with open({asked!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if told.get("key"):
    print("using", os.environ.get("KAGGLE_KEY"))
if "submit" in sys.argv:
    print(told["submit"], file=sys.stderr if told.get("code") else sys.stdout)
    sys.exit(told.get("code", 0))
rows = told["rows"].pop(0) if len(told["rows"]) > 1 else told["rows"][0]
json.dump(told, open({told!r}, "w"))
print("Warning: Looks like you're using an outdated API Version, please consider updating (server 1.7 / client 1.6)")
print("fileName,date,description,status,publicScore,privateScore")
for row in rows:
    print(",".join(row))
"""


class StandIn:
    """A `kaggle` on the path."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told, self.asked = folder / "told.json", folder / "asked.jsonl"
        program = folder / "bin" / "kaggle"
        program.parent.mkdir()
        program.write_text(CLIENT.format(python=sys.executable, told=str(self.told), asked=str(self.asked)))
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
        monkeypatch.setenv("PATH", str(program.parent))

    def says(self, submit: str = "Successfully submitted to Whale Categorization", **told: object) -> None:
        """Set what it prints: to `submit`, and rows of submissions, one list a call."""
        self.told.write_text(json.dumps({"submit": submit, "rows": [[]], **told}))

    @property
    def calls(self) -> list[list[str]]:
        """What it was asked."""
        return [json.loads(line) for line in self.asked.read_text().splitlines()] if self.asked.exists() else []


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return StandIn(tmp_path, monkeypatch)


@pytest.fixture
def lab(tmp_path: Path) -> tuple[Records, Workspace, SubmissionRecord]:
    """A workspace with one submission."""
    import hashlib

    workspace = Workspace(tmp_path / "lab")
    records = Records.open(workspace)
    path = workspace.submissions / "best3.csv"
    path.write_text("Image,Id\na.jpg,new_whale w_1 w_2 w_3 w_4\n")
    score = Score(map5=0.6, low=0.5, high=0.7, known=0.5, new=0.9, photos=3, new_photos=1)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return records, workspace, records.add_submission("submissions/best3.csv", digest, 1, run_id=7, score=score)


def row(message: str, status: str, public: str = "", private: str = "") -> list[str]:
    return ["best3.csv", "2026-11-24", message, status, public, private]


def test_one_call_submits_waits_and_notes_the_score(client, lab, monkeypatch):
    records, workspace, submission = lab
    monkeypatch.setattr(kaggle, "POLL_SECONDS", 0.001)
    message = kaggle.message_of(submission.sha256, "best3")
    ours = row(message, "SubmissionStatus.COMPLETE", "0.61234", "0.60001")
    other = row("somebody else's", "complete", "0.1", "0.1")
    client.says(rows=[[other], [other], [other, row(message, "pending")], [other, ours]])
    heard: list[str] = []
    scores = send(records, workspace, submission, competition_of(records), heard.append)
    assert scores == Scores(status="complete", public=0.61234, private=0.60001)
    noted = records.submissions()[0]
    assert (noted.public, noted.private, noted.map5) == (0.61234, 0.60001, 0.6)
    sent = [call for call in client.calls if "submit" in call]
    assert len(sent) == 1
    assert sent[0][:4] == ["competitions", "submit", "-c", "whale-categorization-playground"]
    assert heard[0] == "sending …"


def test_what_was_sent_before_is_not_sent_again(client, lab):
    records, workspace, submission = lab
    message = kaggle.message_of(submission.sha256, "best3")
    client.says(rows=[[row(message, "complete", "0.5", "0.4")]])
    assert send(records, workspace, submission, "whales").public == 0.5
    assert not [call for call in client.calls if "submit" in call]


def test_a_file_that_was_changed_since_is_not_sent(client, lab):
    records, workspace, submission = lab
    client.says()
    (workspace.root / submission.path).write_text("something else")
    with pytest.raises(EnsembleError, match="was changed since"):
        send(records, workspace, submission, "whales")
    assert client.calls == []


@pytest.mark.parametrize(
    ("printed", "says"),
    [
        ("403 - Forbidden - Permission 'competitions.participate' was denied", "not joined, or its name is wrong"),
        ("400 - Bad Request", "refused the submission without saying why"),
        ("404 - Not Found", "no such competition"),
        ("401 - Unauthorized", "does not accept the credentials"),
        ("OSError: Could not find kaggle.json. Make sure it's located in /home/x/.kaggle.", "has no credentials"),
        ("403 - You cannot submit until you accept the competition rules", "rules of the competition are not accepted"),
        (
            "400 - Submission not allowed:  Your team has used its daily Submission allowance (5)",
            "no submission is left",
        ),
        ("HTTPSConnectionPool(host='api.kaggle.com'): Max retries exceeded", "cannot be reached"),
        ("502 Server Error: Bad Gateway", "a fault of its own"),
        ("the moon is in the wrong house", "the kaggle client said: the moon is in the wrong house"),
    ],
)
def test_refusals_are_told_in_plain_words_whatever_the_exit_code(client, tmp_path, printed, says):
    for code in (1, 0):  # the client ends with 0 on some refusals
        client.says(printed, code=code)
        with pytest.raises(KaggleError, match=says):
            kaggle.submit(tmp_path / "x.csv", "whales", "m")


def test_a_submission_that_kaggle_could_not_score_says_so(client, tmp_path, monkeypatch):
    client.says(rows=[[row("m", "error")]])
    with pytest.raises(KaggleError, match="could not score it: error"):
        kaggle.submit_and_wait(tmp_path / "x.csv", "whales", "m", pause=lambda seconds: None)


def test_waiting_ends(client, tmp_path, monkeypatch):
    monkeypatch.setattr(kaggle, "WAIT_SECONDS", 6.0)
    client.says(rows=[[row("m", "pending")]])
    with pytest.raises(KaggleError, match="has not scored it yet"):
        kaggle.submit_and_wait(tmp_path / "x.csv", "whales", "m", pause=lambda seconds: None)


def test_without_the_client_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KaggleError, match="pip install kaggle"):
        kaggle.fetch("whales", "m")


def test_a_key_that_the_client_prints_goes_nowhere(client, monkeypatch):
    monkeypatch.setenv("KAGGLE_KEY", "0123456789abcdef")
    client.says(key=True)
    assert "0123456789abcdef" not in ask(["kaggle", "competitions", "submissions"], 20).everything


def test_a_program_that_hangs_is_given_up(tmp_path, monkeypatch):
    program = tmp_path / "kaggle"
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(600)\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(kaggle, "LIST_SECONDS", 0.5)
    with pytest.raises(KaggleError, match="did not answer"):
        kaggle.fetch("whales", "m")
