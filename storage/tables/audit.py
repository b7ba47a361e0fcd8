"""The audit log and its seals."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, LargeBinary, text
from sqlmodel import Field, Index, SQLModel

from storage.tables.columns import BIGINT, created, json_value, moment


class AuditEntry(SQLModel, table=True):
    """The audit log. Rows are only ever added: triggers and rights refuse anything else."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_subject", "subject", "id"),
        Index("ix_audit_log_checkout", "checkout_id", "id", postgresql_where=text("checkout_id IS NOT NULL")),
        Index("ix_audit_log_at", "at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BIGINT)
    actor: str
    """An operator's id, `cli:{unix user}`, `system`, or `database:{user}` for a change by hand."""
    action: str
    """What was done: `operator.created`, `switch.frozen`, `checkout.succeeded`, ..."""
    subject: str
    """Id or name of what it was done to."""
    checkout_id: str | None = None
    """The checkout that a transition belongs to."""
    result: str = "success"
    origin: str = Field(
        default=None,
        sa_column_kwargs={"server_default": text("current_setting('application_name')")},
    )
    """`api {address}`, or the program: `smartpay worker`, `smartpay cli`, `psql`."""
    before: dict[str, Any] | None = json_value()
    after: dict[str, Any] | None = json_value()
    reason: str | None = None
    at: datetime = created()


class AuditSeal(SQLModel, table=True):
    """A link of the chain over the audit log: `domain/audit.py` has what it means."""

    __tablename__ = "audit_seals"

    number: int = Field(primary_key=True, sa_type=BIGINT)
    at: datetime = created()
    ids: list[int] = Field(sa_type=ARRAY(BIGINT))
    digests: bytes = Field(sa_type=LargeBinary)
    last_id: int = Field(sa_type=BIGINT)
    previous: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)
    key: str
    """The name of the encryption key that signed the hash."""
    signature: bytes = Field(sa_type=LargeBinary)
    purged_at: datetime | None = moment()
    """Its entries have left the database for an archive since then; the seal stays."""
