"""What a gateway that cannot be asked has told by webhook. Only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("webhook_events", sa.Column("notice", sa.Text(), nullable=True))
    op.create_index("ix_webhook_events_payment_id", "webhook_events", ["payment_id"])
