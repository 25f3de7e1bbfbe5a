"""The tables, typed. Rows of them never leave `whaletui.records`; columns are named as the records' fields are."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from whaletui.records.model import State
from whaletui.records.text import finite, storable


class StorableText(TypeDecorator[str]):
    """Text without length, freed of what databases refuse."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Strip NUL and lone surrogates."""
        return None if value is None else storable(value)


class FiniteFloat(TypeDecorator[float]):
    """A float; NaN and infinity are stored as none."""

    impl = Float(53)
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """Turn what is no number into none."""
        return finite(value)


Key = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only in an INTEGER


class Base(DeclarativeBase):
    """Names every constraint, so that migrations can find it again."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: StorableText, int: BigInteger, float: FiniteFloat, bool: Boolean(name="switch")}


class Run(Base):
    """One run: the columns of `RunRecord`, and whether somebody asked it to stop."""

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    uuid: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str]
    folder: Mapped[str]
    digest: Mapped[str]
    backbone: Mapped[str]
    method: Mapped[str]
    crop: Mapped[bool]
    seed: Mapped[int]
    fold: Mapped[int]
    epochs: Mapped[int]
    epoch: Mapped[float]
    loss: Mapped[float | None]
    map5: Mapped[float | None]
    map5_low: Mapped[float | None]
    map5_high: Mapped[float | None]
    map5_known: Mapped[float | None]
    map5_new: Mapped[float | None]
    baseline_constant: Mapped[float | None]
    baseline_duplicates: Mapped[float | None]
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    seconds: Mapped[float | None]
    attempt: Mapped[int]
    slot: Mapped[str]
    position: Mapped[float]
    star: Mapped[bool]
    stop_asked: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str]
    spec_json: Mapped[str]  # the longest value last, so that a scan for the others reads past it seldom

    __table_args__ = (
        UniqueConstraint("uuid"),
        CheckConstraint(f"state IN ({', '.join(repr(state.value) for state in State)})", name="state"),
        Index(None, "state"),
        Index(None, "name"),
        {"sqlite_autoincrement": True},  # the id of a deleted run is never given again
    )


class RunTag(Base):
    """A word that a person put on a run."""

    __tablename__ = "run_tags"

    run_id: Mapped[int] = mapped_column(Key, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)


class Lease(Base):
    """A slot that a run holds: unique, so that the database itself refuses to give a GPU twice."""

    __tablename__ = "leases"

    host: Mapped[str] = mapped_column(primary_key=True)
    slot_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(Key, ForeignKey("runs.id", ondelete="CASCADE"))
    taken_at: Mapped[float]

    __table_args__ = (UniqueConstraint("run_id"),)


class Ensemble(Base):
    """A soft vote that was written down: the columns of `EnsembleRecord`."""

    __tablename__ = "ensembles"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str]
    blend: Mapped[str]
    map5: Mapped[float | None]
    map5_low: Mapped[float | None]
    map5_high: Mapped[float | None]
    created_at: Mapped[float]
    map5_known: Mapped[float | None]
    map5_new: Mapped[float | None]
    best_single: Mapped[float | None]
    gain: Mapped[float | None]
    gain_low: Mapped[float | None]
    gain_high: Mapped[float | None]
    held_out: Mapped[bool]
    note: Mapped[str]
    star: Mapped[bool]
    sources: Mapped[str]  # JSON: the runs as they were when they voted
    file: Mapped[str]

    __table_args__ = ({"sqlite_autoincrement": True},)


class EnsembleTag(Base):
    """A word that a person put on an ensemble."""

    __tablename__ = "ensemble_tags"

    ensemble_id: Mapped[int] = mapped_column(Key, ForeignKey("ensembles.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)


class EnsembleMember(Base):
    """A run or an ensemble within an ensemble; rows of one place are folds that vote as one.

    No foreign key to what votes: the vote stays on record when a run is deleted.
    """

    __tablename__ = "ensemble_members"

    ensemble_id: Mapped[int] = mapped_column(Key, ForeignKey("ensembles.id", ondelete="CASCADE"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[int]
    run_id: Mapped[int | None]
    member_id: Mapped[int | None]  # of an ensemble that votes
    weight: Mapped[float]


class Submission(Base):
    """A submission file that was written; like a vote, it outlives its run."""

    __tablename__ = "submissions"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    path: Mapped[str]
    sha256: Mapped[str]
    rows: Mapped[int]
    run_id: Mapped[int | None]
    ensemble_id: Mapped[int | None] = mapped_column(Key, ForeignKey("ensembles.id", ondelete="SET NULL"))
    created_at: Mapped[float]
    public: Mapped[float | None]
    private: Mapped[float | None]
    map5: Mapped[float | None]
    map5_low: Mapped[float | None]
    map5_high: Mapped[float | None]

    __table_args__ = ({"sqlite_autoincrement": True},)


class Setting(Base):
    """A choice of the workspace, such as where its data lie."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
