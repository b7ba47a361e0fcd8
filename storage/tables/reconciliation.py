"""Our books against the gateways'."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from storage.tables.columns import TIME, created, json_value, moment


class Reconciliation(SQLModel, table=True):
    """One comparison of our books with an account's, over the payments made in a window."""

    __tablename__ = "reconciliations"
    __table_args__ = (Index("ix_reconciliations_started", "started_at"),)

    id: str = Field(primary_key=True)
    account: str
    since: datetime = Field(sa_type=TIME)
    """The window: payments created at the gateway from here ..."""
    until: datetime = Field(sa_type=TIME)
    """... to just before here."""
    status: str
    """`ReconciliationStatus`."""
    listed: int = 0
    """Payments compared so far."""
    unreadable: int = 0
    """Rows of the gateway's list that made no sense."""
    counts: dict[str, int] | None = json_value()
    """`Verdict` -> how many, once it has ended."""
    detail: str | None = None
    """Why it failed."""
    started_at: datetime = created()
    ended_at: datetime | None = moment()


class ReconciliationItem(SQLModel, table=True):
    """What a running reconciliation has compared already; gone when it ends."""

    __tablename__ = "reconciliation_items"
    __table_args__ = (Index("ix_reconciliation_items_reference", "reconciliation_id", "reference"),)

    reconciliation_id: str = Field(primary_key=True, foreign_key="reconciliations.id")
    subject: str = Field(primary_key=True)
    """The gateway's payment id, or the attempt's id where the gateway lists none."""
    reference: str | None
    verdict: str
    live: bool
    """The gateway holds money under it."""


class ReconciliationBreak(SQLModel, table=True):
    """A payment about which we and the gateway disagree, until a later run sees that they agree."""

    __tablename__ = "reconciliation_breaks"
    __table_args__ = (
        UniqueConstraint("account", "subject", name="uq_reconciliation_breaks_subject"),
        Index("ix_reconciliation_breaks_open", "account", "id", postgresql_where=text("resolved_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    account: str
    subject: str
    """The gateway's payment id, or the attempt's id where the gateway lists none."""
    reconciliation_id: str
    """The last run that saw it."""
    verdict: str
    """`Verdict`, one of its breaks."""
    fields: list[str] = json_value(nullable=False)
    """In what the sides disagree, for a mismatch."""
    reference: str | None
    """The attempt's id, where the payment bears one."""
    payment_id: str | None
    ours: dict[str, Any] | None = json_value()
    """Status and figures here; None: we know nothing of it."""
    theirs: dict[str, Any] | None = json_value()
    """Status and figures there; None: the gateway knows nothing of it."""
    first_seen: datetime = created()
    last_seen: datetime = created()
    resolved_at: datetime | None = moment()
