"""The records' part about ensembles and submissions; every change reaches the index and a small file."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from engine.contract.errors import nearest
from whaletui.records import listing, vote_files
from whaletui.records.errors import RecordsError
from whaletui.records.model import EnsembleRecord, MemberRecord, RunRecord, SubmissionRecord
from whaletui.records.store import Store
from whaletui.records.text import finite, storable
from whaletui.workspace import Workspace

if TYPE_CHECKING:
    from engine.contract.ranking import Score
    from whaletui.records.vote_writing import VoteWriter

LONGEST_NAME = 120


class VoteRecords:
    """Ensembles and submissions. All methods raise `RecordsError` where the database cannot be read or written."""

    workspace: Workspace
    store: Store
    _votes: VoteWriter | None = None

    def ensembles(self) -> list[EnsembleRecord]:
        """Return the ensembles that were written down, oldest first."""
        return listing.ensembles(self.store)

    def ensemble(self, ensemble_id: int) -> EnsembleRecord:
        """Return an ensemble; raises `RecordsError` where there is none."""
        for record in self.ensembles():
            if record.id == ensemble_id:
                return record
        raise RecordsError(f"there is no ensemble e{ensemble_id}", "whaletui ensemble --list lists them")

    def find_ensemble(self, text: str) -> EnsembleRecord:
        """Return the ensemble of that id ("e3") or name; raises `RecordsError` offering the nearest names."""
        text = text.strip()
        if text[:1] == "e" and text[1:].isascii() and text[1:].isdigit():
            return self.ensemble(int(text[1:]))
        known = self.ensembles()
        named = [record for record in known if record.name == text]
        if not named:
            hint = nearest(text, [record.name for record in known]) or "whaletui ensemble --list lists them"
            raise RecordsError(f"there is no ensemble {text!r}", hint)
        return named[-1]

    def submissions(self) -> list[SubmissionRecord]:
        """Return the submissions that were written, oldest first."""
        return listing.submissions(self.store)

    def known_runs(self, run_ids: Sequence[int]) -> list[RunRecord]:
        """Return those of the runs that are still there."""
        return listing.runs(self.store, run_ids)

    def retrained(self, run_ids: Iterable[int]) -> dict[int, int]:
        """Return the runs of these that were trained again since, with the newest run of the same spec and seed."""
        return listing.retrained(self.store, run_ids)

    def add_ensemble(
        self,
        name: str,
        blend: str,
        members: Sequence[MemberRecord],
        score: Score,
        now: float | None = None,
        **told: Any,
    ) -> EnsembleRecord:
        """Write an ensemble down.

        Args:
            name: taken names get a number.
            told: more fields of the record, such as `gain` and `sources`.
        """
        record = EnsembleRecord(
            id=0, name=self._free_name(name), blend=blend, members=tuple(members), map5=finite(score.map5),
            map5_low=finite(score.low), map5_high=finite(score.high), map5_known=finite(score.known),
            map5_new=finite(score.new), created_at=time.time() if now is None else now, **told,
        )  # fmt: skip
        return self._new(record)

    def copy_ensemble(self, ensemble_id: int, now: float | None = None) -> EnsembleRecord:
        """Write an ensemble down once more, under a free name, without star and note."""
        record = self.ensemble(ensemble_id)
        copy = msgspec.structs.replace(
            record, id=0, file="", star=False, note="", name=self._free_name(record.name),
            created_at=time.time() if now is None else now,
        )  # fmt: skip
        return self._new(copy)

    def change_ensemble(self, ensemble_id: int, **fields: Any) -> EnsembleRecord:
        """Set fields of an ensemble, such as note, star, tags, or its members and figures after a rebuild."""
        record = self.ensemble(ensemble_id)
        if "name" in fields:
            fields["name"] = self._checked_name(fields["name"], ensemble_id)
        for tag in fields.get("tags", ()):
            if not tag or len(tag) > 60 or any(character.isspace() for character in tag):
                raise RecordsError(f"{tag[:80]!r} is no tag", "a tag is one word of at most 60 characters")
        return self._put(msgspec.structs.replace(record, **fields))

    def delete_ensemble(self, ensemble_id: int) -> None:
        """Delete an ensemble; raises `RecordsError` where it is a member of another. Its submissions stay."""
        record = self.ensemble(ensemble_id)
        self._vote_writer.delete_ensemble(ensemble_id)
        vote_files.remove_file(self.workspace, record)

    def add_submission(
        self,
        path: str,
        sha256: str,
        rows: int,
        run_id: int | None = None,
        ensemble_id: int | None = None,
        now: float | None = None,
        score: Score | None = None,
    ) -> SubmissionRecord:
        """Write a submission down; the same file written again with the same bytes stays one."""
        for known in self.submissions():
            if (known.path, known.sha256) == (path, sha256):
                return known
        record = SubmissionRecord(
            id=0, path=path, sha256=sha256, rows=rows, run_id=run_id, ensemble_id=ensemble_id,
            created_at=time.time() if now is None else now, map5=finite(score.map5) if score else None,
            map5_low=finite(score.low) if score else None, map5_high=finite(score.high) if score else None,
        )  # fmt: skip
        record = msgspec.structs.replace(record, id=self._vote_writer.put_submission(record))
        vote_files.write_file(self.workspace, record)
        return record

    def note_score(self, submission_id: int, public: float | None = None, private: float | None = None) -> None:
        """Note what the leaderboard answered, from 0 to 1; None leaves a score as it is."""
        for value in (public, private):
            if value is not None and not 0 <= value <= 1:
                raise RecordsError(f"{value} is no MAP@5", "it lies between 0 and 1, as in 0.62427")
        told = {name: value for name, value in (("public", public), ("private", private)) if value is not None}
        self._vote_writer.change_submission(submission_id, told)
        record = next(entry for entry in self.submissions() if entry.id == submission_id)
        vote_files.write_file(self.workspace, record)

    def _new(self, record: EnsembleRecord) -> EnsembleRecord:
        record = msgspec.structs.replace(record, id=self._vote_writer.put_ensemble(record))
        return self._put(msgspec.structs.replace(record, file=vote_files.ensemble_file(record)))

    def _put(self, record: EnsembleRecord) -> EnsembleRecord:
        self._vote_writer.put_ensemble(record)
        vote_files.write_file(self.workspace, record)
        return self.ensemble(record.id)

    def _checked_name(self, name: str, ensemble_id: int = 0) -> str:
        name = storable(name).strip()
        if not 0 < len(name) <= LONGEST_NAME:
            raise RecordsError(f"a name has 1 to {LONGEST_NAME} characters, not {len(name)}", "write another one")
        if any(record.name == name and record.id != ensemble_id for record in self.ensembles()):
            raise RecordsError(f"there is an ensemble {name!r} already", "names of ensembles differ")
        return name

    def _free_name(self, name: str) -> str:
        name = (storable(name).strip() or "vote")[:LONGEST_NAME]
        taken = {record.name for record in self.ensembles()}
        number, free = 2, name
        while free in taken:
            free, number = f"{name}-{number}", number + 1
        return free

    @property
    def _vote_writer(self) -> VoteWriter:
        if self._votes is None:
            from whaletui.records.vote_writing import VoteWriter

            self._votes = VoteWriter(self.store)
        return self._votes
