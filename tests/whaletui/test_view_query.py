"""The filter language: what is read, what is refused and how, and what it means for a record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.spec import RunSpec
from whaletui.records.model import RunRecord, State
from whaletui.view.matches import matches
from whaletui.view.query import EVERYTHING, And, Not, Or, QueryError, Term, Word, is_begun, parse


def record(**changes: object) -> RunRecord:
    spec = RunSpec(name="talk-resnet50")
    values: dict[str, object] = {
        "id": 7, "uuid": "u", "name": spec.name, "state": State.FINISHED, "reason": "", "folder": "runs/0007",
        "spec_json": spec.to_json(), "digest": spec.digest, "backbone": "timm/resnet50.a1_in1k", "method": "classifier",
        "crop": False, "seed": 3, "fold": 0, "epochs": 28, "map5": 0.55, "created_at": 1_000_000.0,
        "note": "the long one", "tags": ("best", "old"),
    }  # fmt: skip
    return RunRecord(**{**values, **changes})  # type: ignore[arg-type]


def test_connectives_bind_as_everywhere_else() -> None:
    assert parse("a or b c and not d") == Or((Word("a"), And((Word("b"), Word("c"), Not(Word("d"))))))
    assert parse("(a or b) c") == And((Or((Word("a"), Word("b"))), Word("c")))
    assert parse("   ") == EVERYTHING


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("map5 >= 0.4", Term("map5", ">=", 0.4)),
        ("crop:yes", Term("crop", "=", True)),
        ("backbone=resnet*", Term("backbone", "=", "*/resnet*")),
        ("backbone=timm/x", Term("backbone", "=", "timm/x")),
        ("seed=1,2", Or((Term("seed", "=", 1.0), Term("seed", "=", 2.0)))),
        ("seed!=1,2", And((Term("seed", "!=", 1.0), Term("seed", "!=", 2.0)))),
        ('note="a, b"', Term("note", "=", "a, b")),
        ('note=""', Term("note", "=", "")),
        ("training.batch<64", Term("training.batch", "<", 64.0)),
        ("crop.enabled=no", Term("crop.enabled", "=", False)),
        ("age<2h", Term("created", ">", 10_000.0 - 7200)),
        ("orca", Word("orca")),
        ("-tag=old", Not(Term("tag", "=", "old"))),
    ],
)
def test_terms_take_the_type_of_their_field(text: str, tree: object) -> None:
    assert parse(text, now=lambda: 10_000.0) == tree


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("bakcbone=x", "bakcbone", "backbone"),
        ("map5>high", "map5", "number"),
        ("map5>", "map5", "nothing"),
        ("name<3", "name", "takes = and !="),
        ("state=done", "state", "finished"),
        ("crop=maybe", "crop", "yes or no"),
        ("age<soon", "age", "30m"),
        ("created>soon", "created", "2026-11-30"),
        ("seed<1,2", "seed", "takes one"),
        ("(a", "", "not closed"),
        ("a)", "", "closes nothing"),
        ("or a", "", "before"),
        ("a or", "", "after"),
        ("and a", "", "before"),
        ("not", "", "too early"),
        ("(" * 200, "", "nested"),
        ("a " * 600, "", "characters"),
    ],
)
def test_what_cannot_be_read_names_the_column_and_what_is_allowed(text: str, column: str, said: str) -> None:
    with pytest.raises(QueryError) as refusal:
        parse(text)
    assert refusal.value.column == column
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", True),
        ("RESNET", True),
        ("best", True),
        ("long", True),
        ("talk*", True),
        ("resnet*", False),  # anchored at the start of a column, and the backbone starts with timm/
        ("backbone=resnet*", True),
        ("id=7,9", True),
        ("loss>0", False),
        ("loss!=1", False),
        ("not loss!=1", True),
        ("tag=best tag=old", True),
        ("tag!=old", False),
        ("star=no", True),
        ("state=fin*", True),
        ("model.backbone=efficientnet_b0", True),
        ("training.epochs=28", True),
        ("name=talk?resnet50", False),
        ('slot=""', True),
    ],
)
def test_meaning(text: str, answer: bool) -> None:
    assert matches(parse(text), record()) is answer


@pytest.mark.parametrize(
    ("text", "begun"),
    [("map", True), ("seed=1 (ba", True), ("training.ep", True), ("-ta", True), ("whale", False), ("map5>", False),
     ("seed=1 ", False), ("", False), ("a map5=0", False)],
)  # fmt: skip
def test_a_word_that_may_become_a_column_is_waited_for(text: str, begun: bool) -> None:
    assert is_begun(text) is begun


@given(st.text(alphabet='ab(),"=<>!:*-. \\[?map5andort', max_size=40))
def test_any_text_is_read_or_refused_and_then_answers(text: str) -> None:
    try:
        query = parse(text)
    except QueryError:
        return
    assert matches(query, record()) in (True, False)
