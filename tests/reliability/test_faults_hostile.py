"""Input that means harm: nothing crashes, no escape reaches the terminal, nothing is written outside."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobs_kit import Lab, new_records, wait_until
from terminal import on_terminal, unallowed

from engine.contract.dataset import read_dataset
from engine.contract.errors import RunFolderError, SpecError, WhaleError
from engine.contract.events import EventTail, Warned, decode_event, encode_event
from engine.contract.predictions import ClassList, Photos, ScoreWriter, read_predictions, write_classes
from engine.contract.spec import RunSpec
from engine.crop.boxes import read_boxes
from whaletui.jobs.keeper import ensure_keeper
from whaletui.records.errors import RecordsError
from whaletui.records.model import State
from whaletui.safe import safe
from whaletui.view.runview import RunView, fold

T = TypeVar("T")

few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

EVIL = [
    "\x1b]0;pwned\x07", "\x1b]52;c;cHduZWQ=\x07", "\x1b[2J\x1b[31m", "\x9b31m", "\x00", "\u202epwned", "[/]", "[/",
    "[@click=app.quit]x[/]", "$(touch pwned)", "`touch pwned`", "; touch pwned", "../../../etc/pwned", "/etc/pwned",
    "-rf", "%j", "🐋" * 40, "a" * 255, "\udc80", "'; DROP TABLE runs; --", "\r\n", "{}", "NaN", "",
]  # fmt: skip
hostile = st.one_of(
    st.sampled_from(EVIL), st.text(max_size=80), st.lists(st.sampled_from(EVIL), max_size=3).map("".join)
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), hostile),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3),
    max_leaves=8,
)


def read_or_refused(read: Callable[[], T]) -> T | None:
    """Return what was read, None where it was refused in a sentence of ours; whatever else is raised is a crash."""
    try:
        return read()
    except WhaleError as error:
        if not safe(error.message):
            raise
        return None


@given(st.text(max_size=200) | hostile)
def test_what_passed_the_gate_is_printable(text: str) -> None:
    passed = safe(text)
    assert len(passed) <= 400
    assert unallowed(passed.encode("utf-8")) == []
    assert all(ord(character) >= 32 and not 0x7F <= ord(character) <= 0x9F for character in passed)


@few
@given(name=hostile)
def test_any_name_is_recorded_below_runs_or_refused(name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        records = new_records(Path(place) / "lab")
        try:
            run = records.add_run(RunSpec.of({}).with_values({"name": name}))
        except (SpecError, RecordsError):
            return
        folder = (records.workspace.root / run.folder).resolve()
        assert folder.parent == records.workspace.runs
        assert folder.name.isascii()
        assert records.find(str(run.id)).name == run.name
        assert {path.name for path in Path(place).iterdir()} == {"lab"}


@few
@given(values=st.dictionaries(st.sampled_from(["name", "seed", "data", "model", "training", "method", "x"]), values))
def test_any_spec_is_read_or_refused_in_one_sentence(values: dict[str, object]) -> None:
    spec = read_or_refused(lambda: RunSpec.of(values))
    assert spec is None or RunSpec.from_json(spec.to_json()) == spec


@few
@given(text=st.binary(max_size=300) | hostile.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_text_is_a_spec_or_refused(text: bytes) -> None:
    read_or_refused(lambda: RunSpec.from_toml(text))
    read_or_refused(lambda: RunSpec.from_json(text))


@few
@given(lines=st.lists(st.binary(max_size=120) | values.map(lambda value: json.dumps(value, default=str).encode())))
def test_any_line_is_an_event_or_counted(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "events.jsonl"
        path.write_bytes(b"\n".join(lines) + b"\n" + encode_event(Warned(message="last")))
        tail = EventTail(path)
        events = tail.read_all()
        view = fold(RunView.new(), events)
        assert view.warnings[-1:] == ("last",)


@given(hostile)
def test_an_event_says_what_it_was_told(message: str) -> None:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in message):
        return  # no UTF-8: the engine's own texts hold none
    assert decode_event(encode_event(Warned(message=message))).message == message  # type: ignore[union-attr]


@few
@given(
    rows=st.lists(st.tuples(hostile, hostile), max_size=4), header=st.sampled_from(["Image,Id", "fn,bbox", "x", ""]),
    raw=st.binary(max_size=60),
)  # fmt: skip
def test_any_table_is_read_or_refused_and_names_no_photo_outside(
    rows: list[tuple[str, str]], header: str, raw: bytes
) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "data"
        for part in ("train", "test"):
            (folder / part).mkdir(parents=True)
            (folder / part / "a.jpg").write_bytes(b"x")
        text = "\n".join([header, *(f"{left},{right}" for left, right in rows)])
        for name in ("train.csv", "sample_submission.csv"):
            (folder / name).write_bytes(text.encode("utf-8", "surrogateescape" if raw else "replace") + raw)
        dataset = read_or_refused(lambda: read_dataset(folder))
        for photo in (*dataset.train, *dataset.test) if dataset else ():
            assert (folder / "train" / photo).resolve().parent == folder.resolve() / "train"
        boxes = folder / "boxes.csv"
        boxes.write_bytes(text.encode("utf-8", "replace") + raw)
        read_or_refused(lambda: read_boxes(boxes, ["a.jpg"]))


@few
@given(cut=st.integers(0, 400), flip=st.integers(0, 3000), names=st.lists(hostile, min_size=2, max_size=2, unique=True))
def test_any_prediction_file_is_read_or_refused(cut: int, flip: int, names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "predictions"
        try:
            write_classes(folder, ClassList(("new_whale", "w_1")))
            with ScoreWriter(folder, "test", Photos(names=tuple(names)), 2) as writer:
                writer.append(np.zeros((2, 2), dtype=np.float32))
        except (WhaleError, UnicodeEncodeError):
            return
        for path in sorted(folder.iterdir()):
            content = bytearray(path.read_bytes())
            content[flip % len(content)] ^= 1 + flip % 255
            path.write_bytes(content[: len(content) - cut % 3])
            read_or_refused(lambda: read_predictions(folder, "test"))


def test_a_record_that_names_a_folder_outside_is_refused_and_deletes_nothing(lab: Lab, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    run = lab.add("finish")
    lab.records.request_cancel(run.id)
    for folder in ("../victim", str(victim), "runs/../../victim", "runs"):
        lab.records._writer.change(run.id, folder=folder)
        with pytest.raises(RunFolderError, match="which is not in"):
            lab.records.delete(run.id)
    assert victim.is_dir()
    assert lab.run(run).id == run.id


def test_what_a_shell_would_obey_is_only_ever_a_word(lab: Lab) -> None:
    evil = [
        lab.add(f"finish {text}") for text in ("$(touch pwned)", "`touch pwned`; touch pwned", "-rf ../../pwned %j")
    ]
    ensure_keeper(lab.workspace)
    for run in evil:
        lab.await_state(run, State.FINISHED)
    for place in (lab.workspace.root, Path.cwd(), *(lab.folder(run) for run in evil)):
        assert not (place / "pwned").exists()


def test_no_escape_of_a_hostile_run_reaches_the_terminal(lab: Lab) -> None:
    name = "".join(text for text in EVIL if text != "\udc80" and len(text) < 40)[:190]
    run = lab.add(f"fail {name}")
    lab.records.note(run.id, name)
    ensure_keeper(lab.workspace)
    lab.await_state(run, State.FAILED)
    with open(lab.attempt(run).log, "a", encoding="utf-8") as log:
        log.write(f"{name}\nTraceback: {name}")
    for words in (
        ["ls"],
        ["show", str(run.id)],
        ["logs", str(run.id)],
        ["compare", str(run.id), "1"],
        ["show", name.replace("\x00", "")],
    ):
        with on_terminal(words, lab.workspace.root) as terminal:
            assert terminal.wait() in (0, 1), words
            assert terminal.sent.strip()
            assert unallowed(terminal.sent) == [], words
    with on_terminal([], lab.workspace.root) as terminal:
        terminal.read_until(lambda sent: b"fail" in sent, "the run in the table")
        terminal.type(b"\r")  # opens it: losses, log, spec
        terminal.read_until(lambda sent: b"spec" in sent, "the run's own screen")
        terminal.wait(keys=b"\x11")
        assert unallowed(terminal.sent) == []


@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_nothing_of_a_run_is_open_to_others_whatever_the_mask(lab: Lab, mask: int) -> None:
    before = os.umask(mask)
    try:
        run = lab.add("finish")
        ensure_keeper(lab.workspace)
    finally:
        os.umask(before)
    lab.await_state(run, State.FINISHED)
    attempt = lab.attempt(run)
    watched = [attempt.path, attempt.log, attempt.lock, attempt.events, attempt.supervisor, attempt.exit,
               lab.workspace.keeper_log, lab.workspace.keeper_lock, lab.workspace.database]  # fmt: skip
    loose = [path.name for path in watched if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert loose == []


def test_doctor_finds_what_others_may_change_or_read(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from whaletui.cli import doctor

    token = tmp_path / "kaggle.json"
    token.write_text("{}")
    token.chmod(0o644)
    monkeypatch.setattr(doctor, "TOKENS", (token,))
    lab.workspace.root.chmod(0o700)
    levels = {found.subject: found.level for found in doctor.loose_permissions(lab.workspace)}
    assert levels == {"folder": "good", "token": "bad"}
    token.chmod(0o600)
    lab.workspace.database.chmod(0o666)
    (found,) = doctor.loose_permissions(lab.workspace)
    assert (found.level, "experiments.db may be changed by others" in found.seen) == ("bad", True)
    lab.workspace.database.chmod(0o600)
    lab.workspace.root.chmod(0o755)
    (found,) = doctor.loose_permissions(lab.workspace)
    assert (found.level, "chmod 700" in found.mend) == ("note", True)


def test_a_link_planted_where_a_run_writes_is_not_followed(lab: Lab, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    run = lab.add("finish")
    (lab.folder(run) / "attempt-1").mkdir()
    for name in ("log.txt", "lock"):
        (lab.folder(run) / "attempt-1" / name).symlink_to(victim)
        ensure_keeper(lab.workspace)
        wait_until(lambda: lab.run(run).state is not State.RUNNING and lab.run(run).reason, "it is refused")
        assert victim.read_text() == "mine"
        (lab.folder(run) / "attempt-1" / name).unlink()
        break
    assert lab.run(run).state is State.FAILED
    assert "link" in lab.run(run).reason


def test_a_log_without_end_takes_little_memory(lab: Lab) -> None:
    run = lab.add("finish")
    ensure_keeper(lab.workspace)
    lab.await_state(run, State.FINISHED)
    for path in (lab.attempt(run).log, lab.attempt(run).events):
        with open(path, "r+b") as file:
            file.truncate(1 << 30)  # a gigabyte without a line's end, and without taking a disk
    program = (
        "from whaletui.__main__ import main\n"
        f"main(['-w', {str(lab.workspace.root)!r}, 'show', '{run.id}'])\n"
        "from pathlib import Path; from engine.contract.events import EventTail\n"
        f"tail = EventTail(Path({str(lab.attempt(run).events)!r})); tail.read_all()\n"
        "from whaletui.view.logtail import LogTail\n"
        f"LogTail(Path({str(lab.attempt(run).log)!r})).read()\n"
        "held = [line for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"  # rusage keeps its parent's
        "print('peak', held[0].split()[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 200 * 1024  # KiB
