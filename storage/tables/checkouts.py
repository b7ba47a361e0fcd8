"""Checkouts, their attempts, and what happened to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from storage.tables.columns import BIGINT, created, json_value, moment


class Checkout(SQLModel, table=True):
    __tablename__ = "checkouts"
    __table_args__ = (
        UniqueConstraint("merchant_id", "idempotency_key", name="uq_checkouts_idempotency"),
        Index("ix_checkouts_merchant_created", "merchant_id", "created_at", "id"),
        Index("ix_checkouts_all_created", "created_at", "id"),
        Index("ix_checkouts_all_status", "status", "created_at", "id"),
        Index("ix_checkouts_all_gateway", "gateway", "created_at", "id"),
        Index("ix_checkouts_all_account", "account", "created_at", "id"),
        Index("ix_checkouts_all_currency", "currency", "created_at", "id"),
        Index("ix_checkouts_all_country", text("(routing #>> '{country,code}')"), "created_at", "id"),
        Index("ix_checkouts_all_reference", text("reference text_pattern_ops")),
        Index("ix_checkouts_all_bin", text("(payment_method ->> 'bin') text_pattern_ops")),
        Index(
            "ix_checkouts_unplanned",
            "created_at",
            postgresql_where=text("planned_at IS NULL AND status = 'processing'"),
        ),
        Index("ix_checkouts_data_key", "data_key_id", postgresql_where=text("data_key_id IS NOT NULL")),
        Index(
            "ix_checkouts_planned",
            text("planned_at DESC"),
            text("id DESC"),
            postgresql_where=text("planned_at IS NOT NULL"),
        ),
        *(
            Index(
                f"ix_checkouts_{name}",
                "merchant_id",
                name,
                "created_at",
                "id",
                postgresql_where=text(f"{name} IS NOT NULL"),
            )
            for name in ("reference", "gateway")
        ),
        Index(
            "ix_checkouts_status",
            "merchant_id",
            "status",
            "created_at",
            "id",
            postgresql_where=text("status <> 'succeeded'"),
        ),
    )

    id: str = Field(primary_key=True)
    merchant_id: str = Field(foreign_key="merchants.id")
    idempotency_key: str
    request_digest: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of the validated request: the same key with another body is refused."""
    reference: str | None
    status: str
    review_reason: str | None = None
    amount: int = Field(sa_type=BIGINT)
    currency: str
    amount_captured: int = Field(default=0, sa_type=BIGINT)
    amount_refunded: int = Field(default=0, sa_type=BIGINT)
    capture_method: str
    customer: dict[str, Any] = json_value(nullable=False)
    """What is not personal of it: `storage/personal.py` says what that is, and opens the rest."""
    payment_method: dict[str, Any] = json_value(nullable=False)
    """The same."""
    personal: bytes | None = Field(default=None, sa_type=LargeBinary)
    """What is personal of both, as JSON sealed with the data key."""
    data_key_id: str | None = Field(default=None, foreign_key="data_keys.id")
    """None: nothing is personal, or the person was erased."""
    allow_redirect: bool
    gateway_choice: str | None
    return_url: str | None
    notification_url: str | None
    meta: dict[str, str] = json_value(nullable=False)
    gateway: str | None = None
    account: str | None = None
    paid_attempt_id: str | None = None
    """The attempt whose money this checkout holds. Money on any other attempt goes back."""
    next_action: dict[str, Any] | None = json_value()
    decline: dict[str, Any] | None = json_value()
    routing: dict[str, Any] | None = json_value()
    screening: dict[str, Any] | None = json_value()
    """`Assessment`; None: screening is off. Not for merchants."""
    planned_at: datetime | None = moment()
    created_at: datetime = created()
    updated_at: datetime = created()


class Attempt(SQLModel, table=True):
    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("checkout_id", "number", name="uq_attempts_number"),
        Index(
            "ix_attempts_declined_cards", "card", "created_at", postgresql_where=text("status = 'declined'")
        ),
        Index("ix_attempts_gateway_payment", "gateway_payment_id"),
        Index("ix_attempts_ended", "ended_at", "id", postgresql_where=text("ended_at IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    checkout_id: str = Field(foreign_key="checkouts.id")
    number: int
    gateway: str
    account: str
    method: str
    status: str
    sent_at: datetime | None = moment()
    """When the first send that may have left was committed; None: provably nothing has left."""
    last_sent_at: datetime | None = moment()
    sends: int = 0
    gateway_payment_id: str | None = None
    page_url: str | None = None
    """The gateway's page, once handed out."""
    closed_at: datetime | None = moment()
    """When the gateway confirmed that the page or challenge is closed."""
    return_url: str | None = None
    expires_at: datetime | None = moment()
    """What the first send said, for every other send to say the same (I8)."""
    unknown_since: datetime | None = moment()
    """When its outcome first was unknown."""
    detail: str | None = None
    """The last unclear or unexpected answer, in words for the operator."""
    decline: dict[str, Any] | None = json_value()
    card: bytes | None = Field(default=None, sa_type=LargeBinary)
    """SHA-256 of the card token, to count declines per card."""
    amount_captured: int = Field(default=0, sa_type=BIGINT)
    amount_refunded: int = Field(default=0, sa_type=BIGINT)
    amount_reserved: int = Field(default=0, sa_type=BIGINT)
    """Refunds under way. A constraint holds `amount_refunded + amount_reserved <= amount_captured` (I12)."""
    created_at: datetime = created()
    ended_at: datetime | None = moment()


class CheckoutEvent(SQLModel, table=True):
    """What happened to a checkout, in order: the timeline that people read, written with the change."""

    __tablename__ = "checkout_events"
    __table_args__ = (
        Index("ix_checkout_events_checkout", "checkout_id", "id"),
        Index(
            "ix_checkout_events_errors",
            "at",
            postgresql_where=text(
                "kind IN ('attempt.declined', 'attempt.not_sent', 'attempt.unknown', 'attempt.mismatch',"
                " 'attempt.late_success', 'capture.failed', 'capture.refused', 'refund.failed',"
                " 'notification.undeliverable')"
            ),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BIGINT)
    checkout_id: str = Field(foreign_key="checkouts.id")
    attempt_id: str | None = None
    kind: str
    data: dict[str, Any] = json_value(nullable=False)
    at: datetime = created()


class CheckoutTrace(SQLModel, table=True):
    """Where the trace of a checkout can be carried on, by webhooks and notifications."""

    __tablename__ = "checkout_traces"

    checkout_id: str = Field(primary_key=True, foreign_key="checkouts.id")
    traceparent: str
