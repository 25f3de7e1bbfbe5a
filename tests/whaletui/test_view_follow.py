"""Following: what is appended is seen once; torn, damaged, missing, unreadable and huge files disturb no other run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from app_kit import RecordedLab

from engine.contract import events as e
from whaletui.records.model import RunRecord, State
from whaletui.view import follow
from whaletui.view.follow import Follower
from whaletui.view.logtail import TAIL_BYTES, LogTail


def step(number: int) -> e.Step:
    return e.Step(step=number, epoch=number / 10, loss=1.0 / number, learning_rate=1e-3, images_per_second=100.0)


@pytest.fixture
def lab(tmp_path: Path) -> RecordedLab:
    return RecordedLab(tmp_path / "lab")


def events_of(lab: RecordedLab, run: RunRecord) -> Path:
    return lab.workspace.run_dir(run.folder).attempt(1).events


def test_each_event_is_folded_once_and_only_changes_are_told(lab: RecordedLab) -> None:
    run, quiet = lab.start(lab.run("a")), lab.start(lab.run("b"))
    follower = Follower(lab.workspace.root)
    lab.say(run, step(1), step(2))
    assert {run_id: view.step for run_id, view in follower.poll([run, quiet]).changed.items()} == {run.id: 2}
    assert follower.poll([run, quiet]).changed == {}
    lab.say(run, step(3))
    view = follower.poll([run, quiet]).changed[run.id]
    assert (view.step, len(view.curves.train_loss)) == (3, 3)


def test_a_torn_last_line_is_not_yet_and_a_damaged_one_is_counted(lab: RecordedLab) -> None:
    run = lab.start(lab.run("a"))
    line = e.encode_event(step(1))
    path = events_of(lab, run)
    path.write_bytes(line + b'{"event":"nonsense"}\n' + line[:20])
    follower = Follower(lab.workspace.root)
    view = follower.poll([run]).changed[run.id]
    assert (view.step, view.damaged_lines) == (1, 1)
    with open(path, "ab") as file:
        file.write(line[20:])
    assert len(follower.poll([run]).changed[run.id].curves.train_loss) == 2


def test_a_file_that_cannot_be_read_is_told_once_and_others_go_on(lab: RecordedLab) -> None:
    bad, good = lab.start(lab.run("a")), lab.start(lab.run("b"))
    events_of(lab, bad).mkdir()
    lab.say(good, step(1))
    follower = Follower(lab.workspace.root)
    first = follower.poll([bad, good])
    assert list(first.problems) == [bad.id]
    assert first.changed[good.id].step == 1
    assert follower.poll([bad, good]).problems == {}


def test_a_long_history_is_read_in_bounded_polls(lab: RecordedLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "CHUNK_BYTES", 4096)
    monkeypatch.setattr(follow, "FIRST_BYTES", 1024)
    run = lab.start(lab.run("a"))
    lab.say(run, *(step(number) for number in range(1, 1001)))
    follower = Follower(lab.workspace.root)
    polls = [follower.poll([run])]
    size = events_of(lab, run).stat().st_size
    while polls[-1].behind:
        polls.append(follower.poll([run]))
    assert len(polls) >= size // (4096 * follow.CHUNKS_A_POLL)
    assert 0 < polls[0].changed[run.id].step < 10  # a little at first, to be drawn at once
    assert [poll.changed[run.id].step for poll in polls if poll.changed][-1] == 1000


@pytest.mark.parametrize(("resumed", "kept"), [(6, [1, 2, 3, 7]), (2, [1, 2, 3]), (0, [1])])
def test_a_new_attempt_begins_a_new_view_whose_curves_go_on_from_where_it_was_taken_up(
    lab: RecordedLab, resumed: int, kept: list[int]
) -> None:
    run = lab.start(lab.run("a"))
    lab.say(run, step(1), step(2), step(3), e.Warned(message="of the first attempt"))
    follower = Follower(lab.workspace.root)
    follower.poll([run])
    second = lab.workspace.run_dir(run.folder).attempt(2)
    second.path.mkdir()
    again = msgspec.structs.replace(run, attempt=2)
    assert len(follower.poll([again]).changed[run.id].curves.train_loss) == 3
    assert follower.poll([again]).changed == {}  # it has said nothing yet
    started = e.Started(
        attempt=2, pid=1, host="here", device="CPU", precision="float32", epochs=2, resumed_step=resumed
    )  # fmt: skip
    second.events.write_bytes(e.encode_event(started))
    view = follower.poll([again]).changed[run.id]
    assert (view.step, view.warnings, len(view.curves.train_loss)) == (resumed, (), min(resumed, 3))
    second.events.write_bytes(second.events.read_bytes() + e.encode_event(step(resumed + 1)))
    view = follower.poll([again]).changed[run.id]
    assert view.step == resumed + 1
    assert view.curves.train_loss.axes.step.tolist() == kept


def test_a_run_that_was_never_started_says_nothing(lab: RecordedLab) -> None:
    published = lab.records.run(1)
    assert published.state is State.PUBLISHED
    assert Follower(lab.workspace.root).poll([lab.run("a"), published]).changed == {}


def test_a_log_is_followed_from_its_last_quarter_megabyte(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    tail = LogTail(path)
    assert tail.read() == []
    path.write_text("".join(f"line {number}\n" for number in range(60_000)))
    lines = tail.read()
    assert lines[-1].text == "line 59999"
    assert lines[-1].end - lines[0].start <= TAIL_BYTES
    assert lines[0].text.startswith("line ")
    with open(path, "a") as file:
        file.write("half")
    assert tail.read() == []
    assert tail.unfinished() == "half"
    with open(path, "a") as file:
        file.write(" whole\n 10%\r 99%\r100%\n\x1b[31mred\x1b[0m\x07\n")
    assert [line.text for line in tail.read()] == ["half whole", "100%", "red\\x07"]


def test_a_log_that_was_cut_short_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("a\nb\nc\n")
    tail = LogTail(path)
    assert [line.text for line in tail.read()] == ["a", "b", "c"]
    path.write_text("z\n")
    assert [line.text for line in tail.read()] == ["z"]
