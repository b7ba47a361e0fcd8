"""Personal data, merchants' signing secrets and listed addresses are sealed, those there already as well."""

import json

import sqlalchemy as sa
from alembic import op

from config.keys import KeyRing, Purpose
from config.settings import Settings
from domain.audit import canonical
from domain.screening import ListKind
from storage.lists import PERSONAL
from storage.merchant_secrets import about
from storage.personal import parted
from storage.vault import Vault, subjects

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "data_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=True),
        sa.Column("identity", sa.LargeBinary(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_data_keys_subject", "data_keys", ["subject"], postgresql_where=sa.text("subject IS NOT NULL")
    )
    op.create_index("ix_data_keys_key", "data_keys", ["key"])
    op.add_column("checkouts", sa.Column("personal", sa.LargeBinary(), nullable=True))
    op.add_column("checkouts", sa.Column("data_key_id", sa.Text(), nullable=True))
    op.create_foreign_key(
        "fk_checkouts_data_key", "checkouts", "data_keys", ["data_key_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(
        "ix_checkouts_data_key",
        "checkouts",
        ["data_key_id"],
        postgresql_where=sa.text("data_key_id IS NOT NULL"),
    )
    op.add_column("merchant_secrets", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    op.add_column("merchant_secrets", sa.Column("key", sa.Text(), nullable=True))
    op.alter_column("list_entries", "value", nullable=True)
    for column in ("digest", "sealed"):
        op.add_column("list_entries", sa.Column(column, sa.LargeBinary(), nullable=True))
    op.add_column("list_entries", sa.Column("key", sa.Text(), nullable=True))
    op.create_unique_constraint("uq_list_entries_digest", "list_entries", ["kind", "digest"])
    op.create_index(
        "ix_list_entries_key", "list_entries", ["key"], postgresql_where=sa.text("key IS NOT NULL")
    )
    _seal_what_is_there(op.get_bind())
    op.alter_column("merchant_secrets", "sealed", nullable=False)
    op.alter_column("merchant_secrets", "key", nullable=False)
    op.drop_column("merchant_secrets", "secret")


def _seal_what_is_there(bind: sa.Connection) -> None:
    """Raises BadKeys where there is something and no key."""
    secrets = bind.execute(sa.text("SELECT id, merchant_id, secret FROM merchant_secrets")).all()
    checkouts = bind.execute(sa.text("SELECT id, merchant_id, customer, payment_method FROM checkouts")).all()
    entries = bind.execute(
        sa.text("SELECT id, kind, value FROM list_entries WHERE kind = ANY(:kinds)"), {"kinds": [*PERSONAL]}
    ).all()
    if not secrets and not checkouts and not entries:
        return
    keys = Settings().required_keys
    for row in secrets:
        key, sealed = keys.seal(row.secret.encode(), Purpose.PERSONAL, about(row.merchant_id))
        bind.execute(
            sa.text("UPDATE merchant_secrets SET sealed = :sealed, key = :key WHERE id = :id"),
            {"sealed": sealed, "key": key, "id": row.id},
        )
    for row in entries:
        bind.execute(
            sa.text(
                "UPDATE list_entries SET value = :value, digest = :digest, key = :key, sealed = :sealed"
                " WHERE id = :id"
            ),
            {**sealed(keys, ListKind(row.kind), row.value), "id": row.id},
        )
    _seal_checkouts(bind, keys, checkouts)


def _seal_checkouts(bind: sa.Connection, keys: KeyRing, checkouts: "list[sa.Row]") -> None:
    vault, known = Vault(keys), {}
    for row in checkouts:
        parts = parted(row.customer, row.payment_method)
        if not parts.personal:
            continue
        email = parts.personal["customer"].get("email")
        subject = None if email is None else subjects(keys, row.merchant_id, email)[0]
        if subject is None or subject not in known:
            made, cipher = vault.make(row.merchant_id, email)
            bind.execute(
                sa.text(
                    "INSERT INTO data_keys (id, merchant_id, subject, identity, key, wrapped)"
                    " VALUES (:id, :merchant_id, :subject, :identity, :key, :wrapped)"
                ),
                made.model_dump(exclude={"created_at"}),
            )
            known[subject] = made.id, cipher
        data_key, cipher = known[subject]
        bind.execute(
            sa.text(
                "UPDATE checkouts SET customer = CAST(:customer AS jsonb), personal = :personal,"
                " payment_method = CAST(:method AS jsonb), data_key_id = :data_key WHERE id = :id"
            ),
            {
                "customer": json.dumps(parts.customer),
                "method": json.dumps(parts.payment_method),
                "personal": cipher.seal(canonical(parts.personal), row.id),
                "data_key": data_key,
                "id": row.id,
            },
        )
