"""Attempts keep what their first send said, and since when their outcome is unknown."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("attempts", sa.Column("return_url", sa.Text(), nullable=True))
    op.add_column("attempts", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("attempts", sa.Column("unknown_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("attempts", "unknown_since")
    op.drop_column("attempts", "expires_at")
    op.drop_column("attempts", "return_url")
