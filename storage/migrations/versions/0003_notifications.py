"""Notifications to merchants: the outbox, and the secrets that sign them."""

import base64
import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "merchant_secrets",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_merchant_secrets_merchant_id"), "merchant_secrets", ["merchant_id"])
    op.create_index(
        "uq_merchant_secrets_current",
        "merchant_secrets",
        ["merchant_id"],
        unique=True,
        postgresql_where=sa.text("expires_at IS NULL"),
    )
    op.create_table(
        "notifications",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("checkout_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_fault", sa.Text(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gave_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
        sa.ForeignKeyConstraint(["checkout_id"], ["checkouts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("checkout_id", "sequence", name="uq_notifications_sequence"),
    )
    op.create_index(
        "ix_notifications_due",
        "notifications",
        ["start_at"],
        postgresql_where=sa.text("start_at IS NOT NULL"),
    )
    # Merchants created from now on get their secret with their row.
    connection = op.get_bind()
    for (merchant_id,) in connection.execute(sa.text("SELECT id FROM merchants")).all():
        connection.execute(
            sa.text("INSERT INTO merchant_secrets (merchant_id, secret) VALUES (:merchant, :secret)"),
            {
                "merchant": merchant_id,
                "secret": f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
            },
        )
