"""The first schema: runs, their tags and leases, ensembles, submissions, settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
STATES = "'queued', 'running', 'finished', 'failed', 'cancelled', 'lost', 'published'"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Float(53), nullable=nullable)


def _whole(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _switch(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def upgrade() -> None:
    """Bring the schema to this step."""
    _runs()
    _around_runs()
    _votes()


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", KEY, nullable=False),
        *(_text(name) for name in ("uuid", "name", "state", "reason", "folder", "digest", "backbone", "method")),
        _switch("crop"),
        *(_whole(name) for name in ("seed", "fold", "epochs")),
        _number("epoch"),
        *(_number(name, nullable=True) for name in ("loss", "map5", "map5_low", "map5_high", "map5_known", "map5_new")),
        *(_number(name, nullable=True) for name in ("baseline_constant", "baseline_duplicates")),
        _number("created_at"),
        *(_number(name, nullable=True) for name in ("started_at", "ended_at", "seconds")),
        _whole("attempt"),
        _text("slot"),
        _number("position"),
        *(_switch(name) for name in ("star", "stop_asked")),
        *(_text(name) for name in ("note", "spec_json")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("uuid", name=op.f("uq_runs_uuid")),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_runs_state")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_runs_state"), "runs", ["state"])
    op.create_index(op.f("ix_runs_name"), "runs", ["name"])


def _around_runs() -> None:
    op.create_table(
        "run_tags",
        sa.Column("run_id", KEY, nullable=False),
        _text("tag"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_tags_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "tag", name=op.f("pk_run_tags")),
    )
    op.create_table(
        "leases",
        *(_text(name) for name in ("host", "slot_id")),
        sa.Column("run_id", KEY, nullable=False),
        _number("taken_at"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_leases_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("host", "slot_id", name=op.f("pk_leases")),
        sa.UniqueConstraint("run_id", name=op.f("uq_leases_run_id")),
    )
    op.create_table(
        "settings",
        *(_text(name) for name in ("name", "value")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )


def _votes() -> None:
    op.create_table(
        "ensembles",
        sa.Column("id", KEY, nullable=False),
        *(_text(name) for name in ("name", "blend")),
        *(_number(name, nullable=True) for name in ("map5", "map5_low", "map5_high")),
        _number("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ensembles")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "ensemble_members",
        sa.Column("ensemble_id", KEY, nullable=False),
        _whole("run_id"),
        _number("weight"),
        sa.ForeignKeyConstraint(
            ["ensemble_id"], ["ensembles.id"], ondelete="CASCADE",
            name=op.f("fk_ensemble_members_ensemble_id_ensembles"),
        ),
        sa.PrimaryKeyConstraint("ensemble_id", "run_id", name=op.f("pk_ensemble_members")),
    )  # fmt: skip
    op.create_table(
        "submissions",
        sa.Column("id", KEY, nullable=False),
        *(_text(name) for name in ("path", "sha256")),
        _whole("rows"),
        _whole("run_id", nullable=True),
        sa.Column("ensemble_id", KEY, nullable=True),
        _number("created_at"),
        *(_number(name, nullable=True) for name in ("public", "private")),
        sa.ForeignKeyConstraint(
            ["ensemble_id"], ["ensembles.id"], name=op.f("fk_submissions_ensemble_id_ensembles"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sqlite_autoincrement=True,
    )
