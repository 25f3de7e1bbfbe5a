"""Ensembles as records of their own: tags, notes, honest gains, folds and other ensembles as members."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
FIGURES = ("map5_known", "map5_new", "best_single", "gain", "gain_low", "gain_high")


def upgrade() -> None:
    """Bring the schema to this step."""
    for name in FIGURES:
        op.add_column("ensembles", sa.Column(name, sa.Float(53), nullable=True))
    for name in ("held_out", "star"):
        op.add_column("ensembles", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
    for name, begin in (("note", ""), ("sources", "[]"), ("file", "")):
        op.add_column("ensembles", sa.Column(name, sa.Text, nullable=False, server_default=begin))
    for name in ("map5", "map5_low", "map5_high"):
        op.add_column("submissions", sa.Column(name, sa.Float(53), nullable=True))
    op.create_table(
        "ensemble_tags",
        sa.Column("ensemble_id", KEY, nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["ensemble_id"], ["ensembles.id"], ondelete="CASCADE", name=op.f("fk_ensemble_tags_ensemble_id_ensembles")
        ),
        sa.PrimaryKeyConstraint("ensemble_id", "tag", name=op.f("pk_ensemble_tags")),
    )
    _members()


def _members() -> None:
    """Make the table of members again: its old key let in runs alone. It is small: its rows wait in memory."""
    old = op.get_bind().execute(
        sa.text("SELECT ensemble_id, run_id, weight FROM ensemble_members ORDER BY ensemble_id, run_id")
    )
    rows: list[dict[str, Any]] = []
    for _, members in groupby(old.mappings(), lambda member: member["ensemble_id"]):
        rows += [{**member, "row": row, "place": row, "member_id": None} for row, member in enumerate(members)]
    op.drop_table("ensemble_members")
    table = op.create_table(
        "ensemble_members",
        sa.Column("ensemble_id", KEY, nullable=False),
        sa.Column("row", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("place", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.BigInteger, nullable=True),
        sa.Column("member_id", sa.BigInteger, nullable=True),
        sa.Column("weight", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(
            ["ensemble_id"], ["ensembles.id"], ondelete="CASCADE",
            name=op.f("fk_ensemble_members_ensemble_id_ensembles"),
        ),
        sa.PrimaryKeyConstraint("ensemble_id", "row", name=op.f("pk_ensemble_members")),
    )  # fmt: skip
    if rows:
        op.bulk_insert(table, rows)
