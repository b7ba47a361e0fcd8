"""Alerts are delivered to people: which was told to whom. Errors of a time are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "alert_deliveries",
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gave_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("alert_id", "target"),
    )
    op.create_index(
        "ix_alert_deliveries_due",
        "alert_deliveries",
        ["target", "next_at"],
        postgresql_where=sa.text("delivered_at IS NULL AND gave_up_at IS NULL"),
    )
    op.create_index("ix_alerts_created", "alerts", ["created_at"])
    op.create_index(
        "ix_checkout_events_errors",
        "checkout_events",
        ["at"],
        postgresql_where=sa.text(
            "kind IN ('attempt.declined', 'attempt.not_sent', 'attempt.unknown', 'attempt.mismatch',"
            " 'attempt.late_success', 'capture.failed', 'capture.refused', 'refund.failed',"
            " 'notification.undeliverable')"
        ),
    )


def downgrade() -> None:
    op.drop_index("ix_checkout_events_errors", "checkout_events")
    op.drop_index("ix_alerts_created", "alerts")
    op.drop_table("alert_deliveries")
