"""Folded rows, completion, schedules, estimates, coverage, files and terminal sequences: pure, by pencil."""

from __future__ import annotations

import shlex

import pytest

from engine.contract.errors import SpecError
from engine.contract.spec import RunSpec
from whaletui.cli.parser import build_parser
from whaletui.outside import clipboard, notification
from whaletui.presets import grid, presets, read_spec
from whaletui.records.model import RunRecord, State
from whaletui.view.columns import column, default_keys
from whaletui.view.command import run_command
from whaletui.view.complete import completed
from whaletui.view.coverage import Line, coverage, spec_of
from whaletui.view.estimate import estimate, estimate_words
from whaletui.view.queueing import between
from whaletui.view.rows import RowFacts, family_name, listed, spread_words
from whaletui.view.schedule import Expected, expected
from whaletui.view.sheetfile import as_csv, as_markdown
from whaletui.view.spread import differing


def a_run(number: int, state: State = State.FINISHED, **values: object) -> RunRecord:
    record = {name: values.pop(name) for name in ("map5", "seconds", "name", "reason") if name in values}
    spec = RunSpec().with_values({"data.folder": "/whales", **values})
    return RunRecord.of_spec(
        spec, id=number, uuid=str(number), folder="", created_at=float(number), state=state, **record
    )  # fmt: skip


def test_a_folded_row_is_the_mean_of_finished_runs_with_the_deviation_of_a_sample() -> None:
    members = (a_run(1, map5=0.5), a_run(2, map5=0.6), a_run(3, map5=0.7), a_run(4, State.RUNNING, map5=0.1))
    facts = RowFacts(record=members[0], view=None, now=0.0, members=members)
    assert facts.figure("map5") == pytest.approx(0.6)
    assert spread_words(members) == "±0.100 (3)"
    assert spread_words(members[3:]) == ""
    assert spread_words(members[:1]) == "(1)"


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("best s0", "best s1"), "best ×2"),
        (("best", "best", "best"), "best ×3"),
        (("whole", "trial"), "whole ×2"),
        (("talk-resnet50-f0", "talk-resnet50-f1"), "talk-resnet50 ×2"),
    ],
)
def test_a_family_is_called_by_what_its_names_share(names: tuple[str, ...], wanted: str) -> None:
    assert family_name([a_run(number, name=name) for number, name in enumerate(names)]) == wanted


def test_many_different_values_are_counted() -> None:
    assert listed([10, 2, 2]) == "2,10"
    assert listed(range(9)) == "0-8"
    assert listed([0, 1, 2, 7, 8]) == "0-2,7,8"
    assert listed(range(0, 99, 3)) == "33 different"
    assert listed(["b", "a", "b"]) == "a,b"


def test_settings_that_differ_are_found_and_those_of_another_method_are_none() -> None:
    runs = [a_run(1), a_run(2, **{"training.batch": 32}), a_run(3, **{"seed": 4})]
    assert differing(runs) == ("training.batch",)  # the seed has a column of its own
    assert differing(runs[:1]) == ()
    margin = column("method.margin")
    assert margin is not None
    assert margin.cell(RowFacts(record=runs[0], view=None, now=0.0)).text == ""


def test_columns_that_say_the_same_of_all_rows_are_left_out_by_default() -> None:
    rows = [RowFacts(record=a_run(number, map5=0.5, seed=number), view=None, now=0.0) for number in (1, 2)]
    keys = default_keys(rows, ("training.batch",))
    assert {"id", "name", "state", "map5", "seed", "training.batch"} <= set(keys)
    assert not {"backbone", "method", "crop", "fold", "tags"} & set(keys)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("sta", "state"),
        ("map5>0.4 and back", "map5>0.4 and backbone"),
        ("state=fi", "state=finished"),
        ("state=queued,fi", "state=queued,finished"),
        ("tag=b", "tag=best"),
        ("-ta", "-tag"),
        ("training.ep", "training.epochs"),
        ("map5>0", None),
        ("", None),
        ("zzz", None),
    ],
)
def test_a_filter_is_completed(typed: str, wanted: str | None) -> None:
    assert completed(typed, {"state": tuple(State), "tag": ("best",)}) == wanted


def test_a_queue_is_dealt_to_slots_as_they_become_free() -> None:
    runs = [a_run(1, State.RUNNING), a_run(2, State.RUNNING), *(a_run(number, State.QUEUED) for number in (3, 4, 5))]
    found = expected(runs, {1: 100.0, 2: 40.0, 3: 30.0, 4: 10.0, 5: None}, free=0)
    assert found[3] == Expected(40.0, 70.0)
    assert found[4] == Expected(70.0, 80.0)
    assert found[5] == Expected(80.0, None)


def test_what_cannot_be_told_is_not_told() -> None:
    runs = [a_run(1, State.RUNNING), a_run(2, State.QUEUED)]
    assert expected(runs, {1: None, 2: 5.0}, free=0)[2] == Expected(None, None)
    assert expected(runs, {1: None, 2: 5.0}, free=1)[2] == Expected(0.0, 5.0)


def test_time_is_judged_by_epochs_of_runs_of_the_same_kind() -> None:
    earlier = [
        a_run(1, seconds=100.0, **{"training.epochs": 10}),
        a_run(2, seconds=90.0, **{"training.epochs": 10, "training.batch": 128}),
        a_run(3, seconds=9.0, **{"training.epochs": 10, "model.backbone": "timm/resnet18"}),
    ]
    wanted = a_run(9, State.QUEUED, **{"training.epochs": 30})
    found = estimate(wanted, earlier)
    assert found is not None
    assert (found.seconds, found.runs, found.rough) == (300.0, (1,), False)
    assert estimate_words(found, 3 << 30, runs=2) == "about 5m each, 3.0 GiB, as run 1 took"
    rough = estimate(a_run(9, **{"training.batch": 256}), earlier)
    assert rough is not None
    assert rough.rough
    assert estimate(a_run(9, **{"image.height": 64}), earlier) is None
    assert "unknown" in estimate_words(None)


def test_the_map_holds_every_combination_and_knows_what_is_missing() -> None:
    runs = [
        a_run(3, State.FAILED, **{"model.backbone": "timm/b", "seed": 1}),
        a_run(2, **{"model.backbone": "timm/b"}),
        a_run(1, **{"model.backbone": "timm/a", "crop.enabled": True, "crop.source": "/boxes.csv"}),
    ]
    found = coverage(runs)
    assert found.lines == tuple(
        Line(backbone, "classifier", crop) for backbone in ("timm/a", "timm/b") for crop in (False, True)
    )
    assert found.seeds == (0, 1)
    whole = Line("timm/b", "classifier", False)
    assert not found.missing(whole, 0)
    assert found.missing(whole, 1)  # it failed
    spec = spec_of(Line("timm/b", "classifier", True), 1, runs)
    assert (spec.model.backbone, spec.seed, spec.crop.enabled, spec.crop.source) == ("timm/b", 1, True, "/boxes.csv")
    with pytest.raises(SpecError, match="crop"):
        spec_of(Line("timm/b", "classifier", True), 1, runs[:2])


@pytest.mark.parametrize(
    ("place", "by", "wanted"),
    [(0, -1, None), (2, 1, None), (2, -1, 1.5), (2, -2, 0.0), (0, 1, 2.5), (0, 9, 4.0), (1, -9, 0.0)],
)
def test_a_run_is_moved_between_its_neighbours(place: int, by: int, wanted: float | None) -> None:
    assert between([1.0, 2.0, 3.0], place, by) == wanted


def test_a_cell_cannot_break_out_of_its_file() -> None:
    lines = [["name", "note"], ["a|b", 'say "x", \\']]
    assert as_csv(lines) == 'name,note\na|b,"say ""x"", \\"\n'
    assert as_markdown(lines).splitlines()[2] == '| a\\|b | say "x", \\\\ |'


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": "a, 'b' $(rm)", "seed": 5, "training.batch": 512},
        {"method.kind": "arcface"},
        {"optimiser.learning_rate": 1e-7 / 3},
        {"data.folder": "/other, place", "crop.enabled": True, "crop.source": "/a,b.csv"},
    ],
)
def test_the_command_of_a_run_makes_the_same_spec_again(changes: dict[str, object]) -> None:
    spec = RunSpec().with_values({"data.folder": "whales", **changes})
    line = run_command(spec, presets(), "whales")
    options = build_parser().parse_args(shlex.split(line)[1:])
    (made,) = grid(read_spec(options.specs[0]), options.settings)
    folder = {} if made.data.folder else {"data.folder": "whales"}
    assert made.with_values({"name": options.name or made.name, **folder}) == spec


def test_sequences_for_the_terminal_cannot_be_ended_from_within() -> None:
    hostile = "x\x07\x1b]0;owned\x07\x1b\\"
    assert clipboard(hostile, {}).count("\x1b") == 1
    assert clipboard(hostile, {}).count("\x07") == 1
    assert notification(hostile, {}) == "\x07\x1b]9;x\\x07\x07"
    wrapped = notification("done", {"TMUX": "/tmp/tmux"})
    assert wrapped == "\x07\x1bPtmux;\x1b\x1b]9;done\x07\x1b\\"
