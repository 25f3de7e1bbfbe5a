"""Records: the index of a workspace as the rest of whaletui sees it. Frozen records come out, plain words go in."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from engine.contract.errors import SpecError
from engine.contract.rundir import folder_name
from engine.contract.spec import RunSpec
from whaletui.records import folders, listing, schema, sqlite
from whaletui.records.errors import RecordsError
from whaletui.records.model import Outcome, Page, RunRecord, State
from whaletui.records.store import Store
from whaletui.records.text import storable
from whaletui.records.votes import VoteRecords
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from whaletui.records.writing import Writer
    from whaletui.view.runview import RunView

__all__ = ["Records", "RecordsError"]


class Records(VoteRecords):
    """The records of one workspace. Every method is one short transaction; any thread may call any of them.

    All raise `RecordsError` where the database cannot be read or written.
    """

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self.workspace, self.store = workspace, store
        self._loaded: Writer | None = None

    @property
    def read_only(self) -> str:
        """Why nothing may be written, empty where it may."""
        return str(self.store.read_only or "")

    @classmethod
    def open(cls, workspace: Workspace) -> Records:
        """Open the records; a new workspace gets its database and the talk's six results, ids 1 to 6.

        One that a newer program wrote can be read, see `read_only`.

        Raises:
            RecordsError: the database cannot be read or made.
        """
        store = Store(workspace)
        schema.ensure_schema(store)
        if store.is_file and not store.read_only:
            sqlite.choose_journal(store.path)  # the workspace may have moved to a network disk
        return cls(workspace, store)

    # Reading

    def run(self, run_id: int) -> RunRecord:
        """Return a run; raises `RecordsError` where there is none."""
        return listing.run(self.store, run_id)

    def found(self, run_id: int) -> RunRecord | None:
        """Return a run, or None where it was deleted."""
        return listing.found(self.store, run_id)

    def find(self, text: str) -> RunRecord:
        """Return the run of that id or exact name; raises `RecordsError` offering the nearest names."""
        return listing.find(self.store, text)

    def page(
        self, query: str = "", sort: str = "id", descending: bool = True, limit: int = 500, offset: int = 0
    ) -> Page:
        """Return a stretch of the runs that a filter lets through; raises `QueryError` or `RecordsError`."""
        return listing.page(self.store, query, sort, descending, limit, offset)

    def folded(
        self, query: str = "", sort: str = "id", descending: bool = True, limit: int = 500, offset: int = 0
    ) -> Page:
        """Return a stretch of families, runs that differ only in name, seed and fold; raises as `page` does."""
        return listing.folded(self.store, query, sort, descending, limit, offset)

    def twins(self, specs: Iterable[tuple[str, int]]) -> list[RunRecord]:
        """Return the runs that have one of these (digest, seed), newest first."""
        return listing.twins(self.store, specs)

    def active(self) -> list[RunRecord]:
        """Return the queued and running runs in the order of the queue."""
        return self.in_states(State.QUEUED, State.RUNNING)

    def in_states(self, *states: State) -> list[RunRecord]:
        """Return the runs in some states, in the order of the queue."""
        return listing.in_states(self.store, states)

    def asked_to_stop(self) -> set[int]:
        """Return the ids of running runs that somebody asked to stop."""
        return listing.asked_to_stop(self.store)

    def leases(self) -> dict[tuple[str, str], int]:
        """Return which run holds each slot, by host and slot id."""
        return listing.leases(self.store)

    def setting(self, name: str) -> str:
        """Return a choice of the workspace, such as "data", its data folder; empty where it was not made."""
        return listing.setting(self.store, name)

    # What a person does

    def add_run(self, spec: RunSpec, *, now: float | None = None) -> RunRecord:
        """Queue a run: its folder is made first, so that whoever sees the run finds it whole.

        Raises:
            DiskError: the folder cannot be made; then nothing is recorded and nothing is left behind.
            SpecError: a text of the spec cannot be written down.
        """
        spec = _writable(spec)
        run_id = self._writer.reserve_id()
        record = RunRecord.of_spec(
            spec, id=run_id, uuid=str(uuid.uuid4()), folder=f"runs/{folder_name(run_id, spec.name)}",
            created_at=time.time() if now is None else now, position=float(run_id),
        )  # fmt: skip
        folder = self.workspace.root / record.folder
        folders.make_folder(folder, spec, record)
        try:
            self._writer.insert([record])
        except BaseException:
            folders.remove_folder(folder)
            raise
        return record

    def rename(self, run_id: int, name: str) -> None:
        """Give a run another name; its folder and spec keep the old one."""
        name = storable(name).strip()
        if not 0 < len(name) <= 200:
            raise RecordsError(f"a name has 1 to 200 characters, not {len(name)}", "write a shorter one")
        self._change(run_id, name=name)

    def note(self, run_id: int, text: str) -> None:
        """Write a note on a run, over the one that is there."""
        self._change(run_id, note=text)

    def star(self, run_id: int, starred: bool = True) -> None:
        """Star a run, or take its star off."""
        self._change(run_id, star=starred)

    def move(self, run_id: int, position: float) -> None:
        """Give a run another place in the queue; the lowest position starts first."""
        if not math.isfinite(position):
            raise RecordsError(f"a place in the queue is a number, not {position}", "0 puts a run first")
        self._change(run_id, position=position)

    def arrange(self, change: Callable[[list[tuple[int, float]]], dict[int, float]]) -> None:
        """Give queued runs new places: `change` gets (id, position) in the order of the queue, returns what moves."""
        for run_id in self._writer.arrange(change):
            self._write_file(run_id)

    def resume(self, run_id: int) -> RunRecord:
        """Queue a lost, failed or cancelled run again: its engine goes on from the newest checkpoint.

        Raises:
            RecordsError: it is in another state.
        """
        self._writer.queue_again(run_id, (State.FAILED, State.CANCELLED, State.LOST), "to be gone on with")
        self._write_file(run_id)
        return self.run(run_id)

    def tag(self, run_id: int, tag: str) -> None:
        """Put a tag, one word, on a run; twice is once."""
        word = storable(tag).strip()
        if not word or len(word) > 60 or any(character.isspace() for character in word):
            raise RecordsError(f"{tag[:80]!r} is no tag", "a tag is one word of at most 60 characters")
        self._writer.tag(run_id, word)
        self._write_file(run_id)

    def untag(self, run_id: int, tag: str) -> None:
        """Take a tag off a run; one that it does not bear is none too many."""
        self._writer.untag(run_id, tag)
        self._write_file(run_id)

    def request_cancel(self, run_id: int, *, now: float | None = None) -> State:
        """Cancel a queued run, mark a running one to be stopped; returns the state it was in."""
        before = self._writer.ask_to_stop(run_id, time.time() if now is None else now)
        if before is State.QUEUED:
            self._write_file(run_id)
        return before

    def delete(self, run_id: int) -> int:
        """Delete a run and its folder; returns the bytes of disk that frees.

        Raises:
            RecordsError: it is queued, running or published.
            DiskError: its folder could not be deleted.
        """
        record = self.run(run_id)
        if record.state is State.PUBLISHED:
            raise RecordsError(f"run {run_id} is a published result", "filter with -state=published to hide them")
        # one that names no folder would name the workspace itself
        folder = self.workspace.run_dir(record.folder).path if record.folder else None
        self._writer.delete(run_id)
        return folders.remove_folder(folder) if folder else 0

    def set_setting(self, name: str, value: str) -> None:
        """Note a choice of the workspace."""
        self._writer.set_setting(name, value)

    # What becomes of a run

    def claim(self, run_id: int, attempt: int, host: str, slot: tuple[str, str], *, now: float) -> bool:
        """Give a queued run a slot (id, label) and make it running in one transaction; False where one is taken."""
        return self._writer.claim(run_id, attempt, host, slot, now)

    def put_back(self, run_id: int, attempt: int, reason: str, ended: Outcome | None = None) -> bool:
        """Queue a run again whose attempt never came to life, or was lost; False where that is not so any more."""
        return self._writer.put_back(run_id, attempt, reason, ended)

    def settle(self, run_id: int, attempt: int, outcome: Outcome) -> bool:
        """Write down how an attempt of a running or lost run ended and free its slot; False where another did."""
        return self._writer.settle(run_id, attempt, outcome)

    def refuse(self, run_id: int, reason: str, *, now: float | None = None) -> bool:
        """Let a queued or just claimed run fail that cannot be started; False where it has ended already."""
        done = self._writer.refuse(run_id, reason, time.time() if now is None else now)
        if done:
            self._write_file(run_id)
        return done

    def revive(self, run_id: int, attempt: int, host: str, slot: tuple[str, str], *, now: float) -> bool:
        """Make a lost run running again; False where it is not lost any more."""
        return self._writer.revive(run_id, attempt, host, slot, now)

    def progress(self, views: Mapping[int, RunView]) -> None:
        """Note how far running runs are, by id."""
        if views:
            self._writer.progress(views)

    def set_reasons(self, reasons: Mapping[int, str]) -> None:
        """Say why queued runs wait, or what is odd about running ones, by id."""
        if reasons:
            self._writer.set_reasons(reasons)

    # Within

    @property
    def _writer(self) -> Writer:
        if self._loaded is None:
            from whaletui.records.writing import Writer

            self._loaded = Writer(self.store)
        return self._loaded

    def _change(self, run_id: int, **columns: str | float | bool) -> None:
        self._writer.change(run_id, **columns)
        self._write_file(run_id)

    def _write_file(self, run_id: int) -> None:
        record = self.run(run_id)
        if record.folder:
            folders.write_record(self.workspace.root / record.folder, record)


def _writable(spec: RunSpec) -> RunSpec:
    spec = spec.with_values({"name": storable(spec.name).strip() or "run"})
    try:
        spec.to_json()
    except UnicodeEncodeError as error:
        raise SpecError("a text of the spec holds bytes that are no UTF-8", "rename the file or folder it names") from (
            error
        )
    return spec
