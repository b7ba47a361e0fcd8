"""Indexes for what is looked for among many checkouts that are over."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    for name in ("reference", "gateway"):
        op.create_index(
            f"ix_checkouts_{name}",
            "checkouts",
            ["merchant_id", name, "created_at", "id"],
            postgresql_where=sa.text(f"{name} IS NOT NULL"),
        )
    op.create_index(
        "ix_checkouts_status",
        "checkouts",
        ["merchant_id", "status", "created_at", "id"],
        postgresql_where=sa.text("status <> 'succeeded'"),
    )


def downgrade() -> None:
    for name in ("status", "gateway", "reference"):
        op.drop_index(f"ix_checkouts_{name}", "checkouts")
