"""What changes ensembles and submissions in the index, as short transactions of SQLAlchemy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from whaletui.records.errors import RecordsError
from whaletui.records.model import EnsembleRecord, MemberRecord, SubmissionRecord
from whaletui.records.store import Store
from whaletui.records.tables import Ensemble, EnsembleMember, EnsembleTag, Submission


class VoteWriter:
    """One method, one transaction. An id of 0 asks for a new one."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put_ensemble(self, record: EnsembleRecord) -> int:
        """Write an ensemble with its members and tags, over the one of its id, and return the id."""
        with self.store.writing() as session:
            columns = record.columns()
            if not columns["id"]:
                del columns["id"]
            row = session.merge(Ensemble(**columns)) if record.id else Ensemble(**columns)
            session.add(row)
            session.flush()
            for table in (EnsembleMember, EnsembleTag):
                session.execute(delete(table).where(table.ensemble_id == row.id))
            session.add_all(_rows(row.id, record.members))
            session.add_all(EnsembleTag(ensemble_id=row.id, tag=tag) for tag in record.tags)
            return row.id

    def delete_ensemble(self, ensemble_id: int) -> None:
        """Remove an ensemble that is no member of another."""
        with self.store.writing() as session:
            row = _ensemble(session, ensemble_id)
            users = session.scalars(
                select(EnsembleMember.ensemble_id).where(EnsembleMember.member_id == ensemble_id).distinct()
            ).all()
            if users:
                listed = ", ".join(f"e{user}" for user in users)
                raise RecordsError(f"e{ensemble_id} is a member of {listed}", "delete that one first")
            session.delete(row)

    def put_submission(self, record: SubmissionRecord) -> int:
        """Write a submission, over the one of its id, and return the id."""
        values = msgspec.structs.asdict(record)
        if not record.id:
            del values["id"]
        with self.store.writing() as session:
            if record.ensemble_id is not None and session.get(Ensemble, record.ensemble_id) is None:
                values["ensemble_id"] = None  # the vote was deleted since
            row = session.merge(Submission(**values)) if record.id else Submission(**values)
            session.add(row)
            session.flush()
            return row.id

    def change_submission(self, submission_id: int, columns: Mapping[str, Any]) -> None:
        """Set columns of a submission."""
        with self.store.writing() as session:
            row = session.get(Submission, submission_id)
            if row is None:
                known = ", ".join(map(str, session.scalars(select(Submission.id).order_by(Submission.id))))
                raise RecordsError(f"there is no submission {submission_id}", f"there are {known or 'none yet'}")
            for name, value in columns.items():
                setattr(row, name, value)


def _ensemble(session: Session, ensemble_id: int) -> Ensemble:
    row = session.get(Ensemble, ensemble_id)
    if row is None:
        raise RecordsError(f"there is no ensemble e{ensemble_id}", "whaletui ensemble --list lists them")
    return row


def _rows(ensemble_id: int, members: Sequence[MemberRecord]) -> list[EnsembleMember]:
    rows: list[EnsembleMember] = []
    for place, member in enumerate(members):
        votes: list[tuple[int | None, int | None]] = [(run, None) for run in member.runs]
        votes = votes or [(None, member.ensemble_id)]
        for run_id, member_id in votes:
            rows.append(
                EnsembleMember(
                    ensemble_id=ensemble_id, row=len(rows), place=place, run_id=run_id, member_id=member_id,
                    weight=member.weight,
                )
            )  # fmt: skip
    return rows
