"""Where the trace of a checkout can be carried on. Filled only while traces are on."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "checkout_traces",
        sa.Column("checkout_id", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["checkout_id"], ["checkouts.id"]),
        sa.PrimaryKeyConstraint("checkout_id"),
    )


def downgrade() -> None:
    op.drop_table("checkout_traces")
