"""The record of admin changes becomes the audit log: transitions in it, sealed in a chain, append-only."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

_ADDED_ONLY: Final = (
    """
    CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit log is append-only';
    END $$
    """,
    """
    CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only()
    """,
    """
    CREATE TRIGGER audit_seals_are_append_only BEFORE DELETE OR TRUNCATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only()
    """,
)

# Entries leave with their whole seal, marked in the same transaction, and never before three months are over
# (PCI DSS 10.5.1).
_PURGED_BY_SEAL: Final = (
    """
    CREATE FUNCTION audit_entries_leave_with_their_seal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT id FROM gone EXCEPT SELECT unnest(ids) FROM audit_seals WHERE purged_at = now()
        ) THEN
            RAISE EXCEPTION 'the audit log is append-only';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER audit_entries_leave_with_their_seal AFTER DELETE ON audit_log REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_leave_with_their_seal()
    """,
    """
    CREATE FUNCTION audit_seals_are_only_purged() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.purged_at IS NOT NULL OR NEW.purged_at IS DISTINCT FROM now()
            OR OLD.at > now() - interval '3 months'
            OR (to_jsonb(OLD) - 'purged_at') IS DISTINCT FROM (to_jsonb(NEW) - 'purged_at')
        THEN
            RAISE EXCEPTION 'the audit log is append-only, and its last three months stay';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER audit_seals_are_only_purged BEFORE UPDATE ON audit_seals
    FOR EACH ROW EXECUTE FUNCTION audit_seals_are_only_purged()
    """,
)

# By a trigger, so that no change of a status goes without an entry, whoever makes it and however.
_TRANSITIONS: Final = """
    CREATE FUNCTION audit_transition() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        program text := current_setting('application_name');
        of_checkout text;
        was jsonb;
        becomes jsonb := jsonb_build_object('status', NEW.status);
        kind text;
    BEGIN
        IF TG_TABLE_NAME = 'checkouts' THEN
            kind := 'checkout';
            of_checkout := NEW.id;
        ELSIF TG_TABLE_NAME = 'attempts' THEN
            kind := 'attempt';
            of_checkout := NEW.checkout_id;
        ELSE
            kind := 'refund';
            of_checkout := NEW.checkout_id;
        END IF;
        IF TG_OP = 'UPDATE' THEN
            was := jsonb_build_object('status', OLD.status);
        ELSIF kind = 'checkout' THEN
            becomes := becomes || jsonb_build_object(
                'merchant', NEW.merchant_id, 'amount', NEW.amount, 'currency', NEW.currency);
        ELSIF kind = 'attempt' THEN
            becomes := becomes || jsonb_build_object('number', NEW.number, 'account', NEW.account);
        ELSE
            becomes := becomes || jsonb_build_object(
                'attempt', NEW.attempt_id, 'kind', NEW.kind, 'amount', NEW.amount);
        END IF;
        INSERT INTO audit_log (actor, action, subject, checkout_id, origin, before, after)
        VALUES (
            CASE WHEN program LIKE 'smartpay%' THEN 'system' ELSE 'database:' || session_user END,
            kind || '.' || NEW.status, NEW.id, of_checkout, program, was, becomes
        );
        RETURN NULL;
    END $$
"""


def upgrade() -> None:
    op.execute("DROP TRIGGER admin_events_are_appended_only ON admin_events")
    op.execute("DROP FUNCTION refuse_to_change_admin_events()")
    op.rename_table("admin_events", "audit_log")
    op.execute("ALTER SEQUENCE admin_events_id_seq RENAME TO audit_log_id_seq")
    op.execute("ALTER INDEX admin_events_pkey RENAME TO audit_log_pkey")
    op.execute("ALTER INDEX ix_admin_events_subject RENAME TO ix_audit_log_subject")
    op.add_column("audit_log", sa.Column("checkout_id", sa.Text(), nullable=True))
    op.add_column("audit_log", sa.Column("result", sa.Text(), server_default="success", nullable=False))
    program = sa.text("current_setting('application_name')")
    op.add_column("audit_log", sa.Column("origin", sa.Text(), server_default=program, nullable=False))
    op.create_index(
        "ix_audit_log_checkout",
        "audit_log",
        ["checkout_id", "id"],
        postgresql_where=sa.text("checkout_id IS NOT NULL"),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    for statement in (*_ADDED_ONLY, *_PURGED_BY_SEAL):
        op.execute(statement)
    op.execute(_TRANSITIONS)
    for table in ("checkouts", "attempts", "refunds"):
        op.execute(
            f"CREATE TRIGGER audit_{table}_made AFTER INSERT ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION audit_transition()"
        )
        op.execute(
            f"CREATE TRIGGER audit_{table}_changed AFTER UPDATE ON {table}"
            " FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)"
            " EXECUTE FUNCTION audit_transition()"
        )
