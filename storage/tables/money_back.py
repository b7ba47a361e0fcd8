"""Money that goes back, by our wish or against it."""

from datetime import datetime

from sqlalchemy import LargeBinary, text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from storage.tables.columns import BIGINT, created, moment


class Refund(SQLModel, table=True):
    """Money on its way back, whoever asked for it."""

    __tablename__ = "refunds"
    __table_args__ = (
        UniqueConstraint("merchant_id", "idempotency_key", name="uq_refunds_idempotency"),
        Index("ix_refunds_attempt", "attempt_id"),
        Index("ix_refunds_open", "looked_at", postgresql_where=text("status NOT IN ('succeeded', 'failed')")),
    )

    id: str = Field(primary_key=True)
    checkout_id: str = Field(foreign_key="checkouts.id", index=True)
    attempt_id: str = Field(foreign_key="attempts.id")
    merchant_id: str | None = Field(default=None, foreign_key="merchants.id")
    """Who asked, with the key and the digest of the request; None: nobody did, it is a compensation."""
    idempotency_key: str | None = None
    request_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    kind: str
    """`RefundKind`."""
    amount: int = Field(sa_type=BIGINT)
    reason: str | None = None
    status: str
    """`RefundState`."""
    sent_at: datetime | None = moment()
    """When the first send that may have left was committed; None: provably nothing has left."""
    last_sent_at: datetime | None = moment()
    sends: int = 0
    looked_at: datetime | None = moment()
    """When a worker last had it in hand; None: its run has not begun."""
    gateway_refund_id: str | None = None
    """The gateway has it: from here on it is only looked up."""
    failure_code: str | None = None
    """`RefundFailure`, once it failed."""
    detail: str | None = None
    """The last unclear or negative answer, in words for the operator."""
    reopened: int = 0
    """How often it was begun anew after the gateway had it and failed. Each time has a key of its own."""
    created_at: datetime = created()
    updated_at: datetime = created()


class Dispute(SQLModel, table=True):
    """A customer's dispute at the bank, as the gateway's own look-up tells it."""

    __tablename__ = "disputes"
    __table_args__ = (UniqueConstraint("attempt_id", "gateway_dispute_id", name="uq_disputes_gateway_id"),)

    id: str = Field(primary_key=True)
    checkout_id: str = Field(foreign_key="checkouts.id", index=True)
    attempt_id: str = Field(foreign_key="attempts.id")
    gateway_dispute_id: str
    status: str
    """`DisputeStatus`."""
    amount: int = Field(sa_type=BIGINT)
    currency: str
    reason: str | None = None
    """The gateway's word for it."""
    opened_at: datetime = created()
    closed_at: datetime | None = moment()
    looked_at: datetime = created()
    """When the look-up began that its status is from: an older one does not overwrite it."""
