"""Refunds that merchants ask for: their keys, whom they belong to, what became of them. Only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("refunds", sa.Column("merchant_id", sa.Text(), nullable=True))
    op.add_column("refunds", sa.Column("idempotency_key", sa.Text(), nullable=True))
    op.add_column("refunds", sa.Column("request_digest", sa.LargeBinary(), nullable=True))
    op.add_column("refunds", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("refunds", sa.Column("failure_code", sa.Text(), nullable=True))
    op.add_column("refunds", sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("refunds", sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key("fk_refunds_merchant", "refunds", "merchants", ["merchant_id"], ["id"])
    op.create_unique_constraint("uq_refunds_idempotency", "refunds", ["merchant_id", "idempotency_key"])
    op.create_index("ix_refunds_attempt", "refunds", ["attempt_id"])
    op.create_index(
        "ix_refunds_open",
        "refunds",
        ["looked_at"],
        postgresql_where=sa.text("status NOT IN ('succeeded', 'failed')"),
    )
    op.execute("UPDATE refunds SET status = 'pending' WHERE status = 'sent'")
