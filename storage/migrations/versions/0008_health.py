"""Accounts' health and scores: circuits, operators' modes, counted attempts. Only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_NOW = sa.text("now()")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "account_circuits",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("good", sa.Double(), nullable=False),
        sa.Column("bad", sa.Double(), nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("counted_at", _TIME, nullable=True),
        sa.Column("opened_at", _TIME, nullable=True),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.Column("retry_at", _TIME, nullable=True),
        sa.Column("probing_since", _TIME, nullable=True),
        sa.Column("again", sa.Integer(), nullable=False),
        sa.Column("opens", sa.BigInteger(), nullable=False),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("account", "method"),
    )
    op.create_table(
        "account_modes",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("since", _TIME, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "account_scores",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("grouping", sa.Text(), nullable=False),
        sa.Column("good", sa.Double(), nullable=False),
        sa.Column("bad", sa.Double(), nullable=False),
        sa.Column("as_of", _TIME, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("account", "grouping"),
    )
    op.create_table(
        "account_scores_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("counted_to", _TIME, server_default=_NOW, nullable=False),
        sa.Column("counted_id", sa.Text(), server_default="", nullable=False),
        sa.Column("taken_at", _TIME, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("id = 1", name="ck_account_scores_state_one"),
    )
    # Learning begins with what ends from now on.
    op.execute("INSERT INTO account_scores_state (id, version) VALUES (1, 0)")
    op.create_index(
        "ix_attempts_ended", "attempts", ["ended_at", "id"], postgresql_where=sa.text("ended_at IS NOT NULL")
    )
