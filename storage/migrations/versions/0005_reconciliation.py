"""Reconciliation with the gateways, and indexes for finding runs that are lost. Only adds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0009"


def _time(name: str, *, default: bool = False, nullable: bool = False) -> sa.Column[sa.DateTime]:
    now = sa.text("now()") if default else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=now, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        _time("since"),
        _time("until"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        _time("started_at", default=True),
        _time("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_reconciliations_started", "reconciliations", ["started_at"])
    op.create_table(
        "reconciliation_items",
        sa.Column("reconciliation_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["reconciliation_id"], ["reconciliations.id"]),
        sa.PrimaryKeyConstraint("reconciliation_id", "subject"),
    )
    op.create_index(
        "ix_reconciliation_items_reference", "reconciliation_items", ["reconciliation_id", "reference"]
    )
    op.create_table(
        "reconciliation_breaks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reconciliation_id", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("payment_id", sa.Text(), nullable=True),
        sa.Column("ours", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("theirs", postgresql.JSONB(none_as_null=True), nullable=True),
        _time("first_seen", default=True),
        _time("last_seen", default=True),
        _time("resolved_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "subject", name="uq_reconciliation_breaks_subject"),
    )
    op.create_index(
        "ix_reconciliation_breaks_open",
        "reconciliation_breaks",
        ["account", "id"],
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index("ix_attempts_sent", "attempts", ["account", "sent_at"])
    op.create_index(
        "ix_attempts_left_behind",
        "attempts",
        ["id"],
        postgresql_where=sa.text(
            "status IN ('started', 'requires_action', 'pending', 'unknown', 'not_found')"
            " OR closed_at IS NOT NULL"
        ),
    )
    op.create_index(
        "ix_checkouts_open",
        "checkouts",
        ["id"],
        postgresql_where=sa.text("status NOT IN ('succeeded', 'failed', 'canceled', 'expired')"),
    )
    op.create_index(
        "ix_notifications_open",
        "notifications",
        ["id"],
        postgresql_where=sa.text("delivered_at IS NULL AND gave_up_at IS NULL"),
    )
