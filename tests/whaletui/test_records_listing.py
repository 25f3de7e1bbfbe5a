"""Pages of the runs table: the SQL means what the plain reading of a filter means, and sorting is total."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs_kit import DATABASES, database_for, new_records

from engine.contract.spec import RunSpec
from whaletui.records.errors import RecordsError
from whaletui.records.filters import condition, order
from whaletui.records.model import RunRecord, State
from whaletui.records.records import Records
from whaletui.records.store import Store
from whaletui.records.writing import Writer
from whaletui.view.matches import matches
from whaletui.view.query import QueryError, parse

NAMES = ("resnet", "ResNet 100%", "straße", "ÉTÉ under_score", "a*b", "back\\slash", "quote'", "")
BACKBONES = ("timm/resnet18", "timm/efficientnet_b0", "pretrainedmodels/resnet50")


def a_run(number: int) -> RunRecord:
    spec = RunSpec.of({}).with_values({
        "seed": number % 3, "model.backbone": BACKBONES[number % 3], "training.batch": 8 * (1 + number % 4),
        "augment.flip.enabled": number % 2 == 0,
    })  # fmt: skip
    states = (State.QUEUED, State.RUNNING, State.FINISHED, State.FAILED)
    return RunRecord.of_spec(
        spec, id=100 + number, uuid=str(number), folder="", name=NAMES[number % len(NAMES)], state=states[number % 4],
        created_at=1000.0 * number, map5=None if number % 4 == 0 else number / 40, star=number % 5 == 0,
        note="late" if number % 7 == 0 else "", tags=("old", "Ä1") if number % 3 == 0 else (), slot="GPU1",
    )  # fmt: skip


@pytest.fixture(scope="module", params=DATABASES)
def records(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    folder = tmp_path_factory.mktemp("listing")
    with database_for(request, folder):
        made = new_records(folder)
        Writer(made.store).insert([a_run(number) for number in range(40)])
        yield made


@pytest.fixture(scope="module")
def everything(records: Records) -> tuple[RunRecord, ...]:
    return records.page(limit=1000).rows


FILTERS = (
    "", "res", "RES*", "100%", "under_score", "étÉ", "STRASSE", "straße", "a*b", 'name="a*b"', "back\\slash", "quote'",
    "state=finished", "state=f*", "not state=finished", "map5>0.3", "not map5>0.3", "map5!=0.5", "-map5<=0.5",
    "tag=old", "tag!=old", "tag=ä*", "-tag=old star=yes", "star=no", "seed=0,2", "seed!=0,2", "backbone=resnet*",
    "model.backbone=resnet18", "model.backbone!=timm/resnet18", "training.batch>=16", "augment.flip.enabled=yes",
    "augment.flip.enabled!=yes", "optimiser.kind=ADAM", "(seed=1 or seed=2) and not (star=yes or map5>0.5)",
    "crop=yes", "name!=resnet", 'note=""', "method=classifier", "id>120", "id=7.5", "map5=nan", "map5!=nan", "map5<inf",
    "epoch=0", "loss!=1", "created>1970-01-01", "late", "slot=gpu1", "method=trip*",
)  # fmt: skip


@pytest.mark.parametrize("text", FILTERS)
def test_the_sql_of_a_filter_means_what_its_plain_reading_means(records: Records, text: str) -> None:
    everything = records.page(limit=1000).rows
    wanted = {record.id for record in everything if matches(parse(text), record)}
    page = records.page(text, limit=1000)
    assert {record.id for record in page.rows} == wanted
    assert (page.matching, page.total) == (len(wanted), 46)


PIECES = st.sampled_from(FILTERS[1:])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(pieces=st.lists(PIECES, min_size=1, max_size=4), joint=st.sampled_from((" ", " and ", " or ", " or not ", " -")))
def test_filters_joined_mean_the_same_too(
    records: Records, everything: tuple[RunRecord, ...], pieces: list[str], joint: str
) -> None:
    tree = parse(joint.join(f"({piece})" for piece in pieces))
    wanted = {record.id for record in everything if matches(tree, record)}
    assert {record.id for record in records.page(joint.join(f"({piece})" for piece in pieces)).rows} == wanted


@settings(max_examples=150, deadline=None, derandomize=True)
@given(text=st.text(max_size=30))
def test_any_text_is_a_filter_or_refused_in_words(
    records: Records, everything: tuple[RunRecord, ...], text: str
) -> None:
    try:
        tree = parse(text)
    except QueryError:
        return
    wanted = {record.id for record in everything if matches(tree, record)}
    assert {record.id for record in records.page(text).rows} == wanted


def test_runs_without_a_value_come_last_either_way(records: Records) -> None:
    up = [record.map5 for record in records.page(sort="map5", descending=False, limit=1000).rows]
    down = [record.map5 for record in records.page(sort="map5", limit=1000).rows]
    there = sorted(value for value in up if value is not None)
    assert up == [*there, *[None] * (46 - len(there))]
    assert down == [*reversed(there), *[None] * (46 - len(there))]


def test_text_is_sorted_without_regard_to_case_and_age_against_the_clock(records: Records) -> None:
    names = [record.name.lower() for record in records.page("id>99", sort="name", descending=False).rows]
    assert names == sorted(names)
    ages = [record.created_at for record in records.page("id>99", sort="age").rows]
    assert ages == sorted(ages)  # the oldest first
    batches = [record.spec.training.batch for record in records.page("id>99", sort="training.batch").rows]
    assert batches == sorted(batches, reverse=True)


def test_pages_follow_each_other_without_gap_or_overlap(records: Records) -> None:
    whole = [record.id for record in records.page(sort="seed", limit=1000).rows]
    parts = [
        record.id for offset in range(0, 50, 10) for record in records.page(sort="seed", limit=10, offset=offset).rows
    ]
    assert parts == whole
    assert records.page(limit=10, offset=1000).rows == ()


def test_counts_are_of_all_runs(records: Records) -> None:
    page = records.page("state=failed", limit=1)
    assert page.counts == {"failed": 10, "finished": 10, "published": 6, "queued": 10, "running": 10}
    assert (len(page.rows), page.matching) == (1, 10)


@pytest.mark.parametrize("column", ["map", "tags", "spec_json", "id; DROP TABLE runs", "tag", "model"])
def test_an_unknown_column_is_not_sorted_by(records: Records, column: str) -> None:
    with pytest.raises(RecordsError, match="cannot be sorted by"):
        records.page(sort=column)


def test_both_ways_of_reading_run_the_same_text(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    if not records.store.is_file:
        pytest.skip("on a server there is one way of reading")
    monkeypatch.setenv("WHALETUI_DATABASE_URL", f"sqlite:///{records.store.path}")
    through_sqlalchemy = Records.open(records.workspace)
    assert not Store(records.workspace).is_file
    for text in FILTERS:
        ours, theirs = records.page(text, sort="map5"), through_sqlalchemy.page(text, sort="map5")
        assert msgspec.to_builtins(ours) == msgspec.to_builtins(theirs)


def test_a_spec_that_lacks_a_newer_setting_is_filtered_by_its_default(records: Records) -> None:
    old = msgspec.structs.replace(a_run(60), id=900, state=State.FINISHED, spec_json='{"name": "old"}')
    Writer(records.store).insert([old])
    assert records.page("training.batch=64 id=900").matching == 1
    records.delete(900)


def test_what_a_person_typed_never_reaches_the_text_of_the_sql() -> None:
    hostile = "x'; DROP TABLE runs; --"
    for dialect in ("sqlite", "postgresql"):
        made = condition(parse(f'name="{hostile}" or model.backbone="{hostile}" or "{hostile}"'), dialect)
        assert "DROP" not in made.sql
        assert "DROP" not in order("model.backbone", True, dialect).sql


def family_of(record: RunRecord) -> str:
    values = record.spec.to_values()
    del values["name"], values["seed"], values["data"]["fold"]
    return str(record.id) if record.state is State.PUBLISHED else str(values)


@pytest.mark.parametrize("text", ["", "state=finished", "star=yes or seed=1"])
def test_families_are_the_runs_alike_but_for_name_seed_and_fold(records: Records, text: str) -> None:
    wanted: dict[str, set[int]] = {}
    for record in records.page(text, limit=1000).rows:
        wanted.setdefault(family_of(record), set()).add(record.id)
    page = records.folded(text, limit=1000)
    rows = iter(page.rows)
    found = [{next(rows).id for _ in range(size)} for size in page.groups]
    assert sorted(map(sorted, found)) == sorted(map(sorted, wanted.values()))
    assert (page.matching, page.families) == (sum(page.groups), len(wanted))


def test_families_are_turned_over_in_pages_that_leave_none_out(records: Records) -> None:
    whole = records.folded(limit=1000)
    paged = [run.id for start in range(0, whole.families, 3) for run in records.folded(limit=3, offset=start).rows]
    assert paged == [run.id for run in whole.rows]


@pytest.mark.parametrize("column", ["map5", "name", "crop", "training.batch", "age", "id", "state"])
def test_families_are_sorted_by_what_their_runs_have(records: Records, column: str) -> None:
    up, down = (records.folded(sort=column, descending=way, limit=1000) for way in (False, True))
    assert {run.id for run in up.rows} == {run.id for run in down.rows}
    if column == "map5":
        means = []
        rows = iter(up.rows)
        for size in up.groups:
            members = [run for run in (next(rows) for _ in range(size)) if run.map5 is not None]
            done = [run for run in members if run.state is State.FINISHED]
            known = [run.map5 for run in done or members if run.map5 is not None]
            means.append(sum(known) / len(known) if known else None)
        told = [mean for mean in means if mean is not None]
        assert told == sorted(told)
        assert means[len(told) :] == [None] * (len(means) - len(told))  # those without a score come last


def test_twins_are_found_by_digest_and_seed_and_published_results_are_none(records: Records) -> None:
    some = records.page("id=103,104").rows
    found = records.twins([(run.digest, run.seed) for run in some])
    everything = [run for run in records.page(limit=1000).rows if run.state is not State.PUBLISHED]
    wanted = {run.id for run in everything if (run.digest, run.seed) in {(one.digest, one.seed) for one in some}}
    assert {run.id for run in found} == wanted
    assert records.twins([]) == []
    published = records.run(4)
    assert published.id not in {run.id for run in records.twins([(published.digest, published.seed)])}
