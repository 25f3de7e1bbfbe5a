"""The cache of histories: equal to what the events tell, passed over whenever it may not be, never in a run folder."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from app_kit import RecordedLab

from engine.contract import events as e
from whaletui.records.model import RunRecord
from whaletui.view import follow
from whaletui.view.follow import Follower
from whaletui.view.runview import RunView


def told(steps: range) -> list[e.Event]:
    return [
        e.Step(step=step, epoch=step / 10, loss=math.nan if step % 7 == 0 else 1 / step, learning_rate=1e-3,
               images_per_second=100.0 + step, eta_seconds=9.0)
        for step in steps
    ]  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordedLab:
    monkeypatch.setattr(follow, "WORTH_BYTES", 1000)
    return RecordedLab(tmp_path / "lab")


@pytest.fixture
def run(lab: RecordedLab) -> RunRecord:
    run = lab.start(lab.run("long"))
    evaluated = e.Evaluated(epoch=3, step=30, loss=0.5, map5=0.4, map5_low=0.3, map5_high=0.5, map5_known=0.4,
                            map5_new=0.4, seconds=1.0)  # fmt: skip
    lab.say(run, e.Started(attempt=1, pid=1, host="h", device="d", precision="p", epochs=9), *told(range(1, 31)),
            evaluated, e.Warned(message="hm"))  # fmt: skip
    return run


def contents(view: RunView) -> tuple[object, ...]:
    facts = {name: getattr(view, name) for name in RunView.__struct_fields__ if name not in ("curves", "loss")}
    return facts, {name: column.tobytes() for name, column in view.curves.columns().items()}


def events_of(lab: RecordedLab, run: RunRecord) -> Path:
    return lab.workspace.run_dir(run.folder).attempt(1).events


def polled(lab: RecordedLab, run: RunRecord) -> RunView:
    follower = Follower(lab.workspace.root)
    found = follower.poll([run]).changed[run.id]
    follower.poll([run])  # what was read to its end is kept at the next poll
    return found


def test_what_is_kept_equals_what_the_events_tell_and_is_read_on_from_there(
    lab: RecordedLab, run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = polled(lab, run)
    read: list[int] = []
    plain = e.EventTail.read

    def counted(tail: e.EventTail, chunk_bytes: int = 1 << 20) -> list[e.AnyEvent]:
        read.append(tail.offset)
        return plain(tail, chunk_bytes)

    monkeypatch.setattr(e.EventTail, "read", counted)
    size = events_of(lab, run).stat().st_size
    assert contents(polled(lab, run)) == contents(first)
    assert read == [size]  # nothing of the file was decoded again
    lab.say(run, *told(range(31, 34)))
    assert polled(lab, run).curves.train_loss.axes.step.tolist() == [float(step) for step in range(1, 34)]


def test_a_history_is_kept_outside_the_run_folder_and_only_when_it_is_long(lab: RecordedLab, run: RunRecord) -> None:
    folder = lab.workspace.run_dir(run.folder).path
    before = sorted(folder.rglob("*"))
    short = lab.start(lab.run("short"))
    lab.say(short, *told(range(1, 3)))
    follower = Follower(lab.workspace.root)
    follower.poll([run, short])
    follower.poll([run, short])  # what was read to its end is kept at the next poll
    assert sorted(folder.rglob("*")) == before
    assert [path.name for path in (lab.workspace.root / "cache").iterdir()] == [f"{folder.name}@attempt-1.msgpack"]


@pytest.mark.parametrize("harm", ["rewritten", "shorter", "replaced", "torn", "other columns"])
def test_a_cache_that_does_not_belong_to_the_events_is_passed_over(lab: RecordedLab, run: RunRecord, harm: str) -> None:
    polled(lab, run)
    events, (kept,) = events_of(lab, run), (lab.workspace.root / "cache").iterdir()
    data = events.read_bytes()
    match harm:
        case "rewritten":
            events.write_bytes(data.replace(b'"epoch":2.0', b'"epoch":2.5'))
        case "shorter":
            events.write_bytes(data[: data.rindex(b"\n", 0, len(data) // 2) + 1])
        case "replaced":
            other = events.with_name("other")
            other.write_bytes(data)
            os.replace(other, events)
        case "torn":
            kept.write_bytes(kept.read_bytes()[:-50])
        case "other columns":
            kept.write_bytes(kept.read_bytes().replace(b"learning_rate\xc4", b"learning_rats\xc4"))
    expected = follow.fold(RunView.new(), e.EventTail(events).read_all())
    assert contents(polled(lab, run)) == contents(expected)


def test_a_cache_that_cannot_be_written_is_told_once_and_costs_nothing_else(lab: RecordedLab, run: RunRecord) -> None:
    (lab.workspace.root / "cache").write_text("a file where the folder would be")
    follower = Follower(lab.workspace.root)
    assert follower.poll([run]).changed[run.id].step == 30
    lab.say(run, *told(range(31, 60)))
    second = follower.poll([run])
    assert second.changed[run.id].step == 59
    assert "cannot be written" in second.problems[0]
    assert follower.poll([run]).problems == {}


def test_what_is_kept_of_a_deleted_run_goes_too(lab: RecordedLab, run: RunRecord) -> None:
    polled(lab, run)
    gone = lab.workspace.root / "cache" / "0099-gone@attempt-1.msgpack"
    gone.write_bytes(b"")
    lab.say(run, *told(range(31, 60)))
    polled(lab, run)
    assert not gone.exists()


def test_hundreds_of_runs_are_all_kept_in_mind_at_once(lab: RecordedLab) -> None:
    runs = [lab.start(lab.run(f"run {number}")) for number in range(follow.KEPT_VIEWS + 6)]
    for run in runs:
        lab.say(run, *told(range(1, 3)))
    follower = Follower(lab.workspace.root)
    assert len(follower.poll(runs).changed) == len(runs)
    assert follower.poll(runs).changed == {}
