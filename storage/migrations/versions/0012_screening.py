"""Screening: its judgement on the checkout, what it counts by, and the lists."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"

_NOW = sa.text("now()")


def upgrade() -> None:
    op.add_column("checkouts", sa.Column("screening", postgresql.JSONB(none_as_null=True), nullable=True))
    op.create_table(
        "sightings",
        sa.Column("checkout_id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("card", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.LargeBinary(), nullable=True),
        sa.Column("ip", sa.LargeBinary(), nullable=True),
        sa.Column("bin", sa.Text(), nullable=True),
        sa.Column("small", sa.Boolean(), nullable=False),
        sa.Column("disposable", sa.Boolean(), nullable=False),
        sa.Column("mismatch", sa.Text(), nullable=True),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("declined", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["checkout_id"], ["checkouts.id"]),
        sa.PrimaryKeyConstraint("checkout_id"),
    )
    op.create_index("ix_sightings_merchant", "sightings", ["merchant_id", "at"])
    for name in ("card", "email", "ip", "bin"):
        op.create_index(
            f"ix_sightings_{name}",
            "sightings",
            ["merchant_id", name, "at"],
            postgresql_where=sa.text(f"{name} IS NOT NULL"),
        )
    op.create_index("ix_sightings_at", "sightings", ["at"])
    op.create_table(
        "list_entries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "value", name="uq_list_entries_value"),
    )


def downgrade() -> None:
    op.drop_table("list_entries")
    op.drop_table("sightings")
    op.drop_column("checkouts", "screening")
