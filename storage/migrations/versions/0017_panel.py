"""What the panel needs: operators who sign in, and lists of checkouts across merchants on indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "operator_credentials",
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"]),
        sa.PrimaryKeyConstraint("operator_id"),
    )
    op.create_table(
        "operator_sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index(op.f("ix_operator_sessions_operator_id"), "operator_sessions", ["operator_id"])
    op.create_index("ix_checkouts_all_created", "checkouts", ["created_at", "id"])
    for column in ("status", "gateway", "account", "currency"):
        op.create_index(f"ix_checkouts_all_{column}", "checkouts", [column, "created_at", "id"])
    op.create_index(
        "ix_checkouts_all_country",
        "checkouts",
        [sa.text("(routing #>> '{country,code}')"), "created_at", "id"],
    )
    op.create_index("ix_checkouts_all_reference", "checkouts", [sa.text("reference text_pattern_ops")])
    op.create_index(
        "ix_checkouts_all_bin", "checkouts", [sa.text("(payment_method ->> 'bin') text_pattern_ops")]
    )
    op.create_index("ix_attempts_gateway_payment", "attempts", ["gateway_payment_id"])
    op.create_index("ix_webhook_events_account", "webhook_events", ["account", "received_at"])


def downgrade() -> None:
    op.drop_index("ix_webhook_events_account", "webhook_events")
    op.drop_index("ix_attempts_gateway_payment", "attempts")
    for name in (
        "bin",
        "reference",
        "country",
        "currency",
        "account",
        "gateway",
        "status",
        "created",
    ):
        op.drop_index(f"ix_checkouts_all_{name}", "checkouts")
    op.drop_table("operator_sessions")
    op.drop_table("operator_credentials")
