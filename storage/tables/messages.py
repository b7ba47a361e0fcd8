"""What gateways tell us, what we tell merchants, and what a person has to know."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from storage.tables.columns import created, json_value, moment


class WebhookEventRow(SQLModel, table=True):
    """The inbox: a webhook is stored before it is acknowledged (I20)."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        UniqueConstraint("account", "dedupe_key", name="uq_webhook_events_dedupe"),
        Index("ix_webhook_events_undelivered", "received_at", postgresql_where=text("delivered_at IS NULL")),
        Index("ix_webhook_events_reference", "reference"),
        Index("ix_webhook_events_account", "account", "received_at"),
        Index("ix_webhook_events_payment_id", "payment_id"),
    )

    id: str = Field(primary_key=True)
    account: str
    dedupe_key: str
    """The gateway's event id, or the SHA-256 of the raw body where it has none."""
    kind: str
    reference: str | None
    payment_id: str | None
    received_at: datetime = created()
    delivered_at: datetime | None = moment()
    """When the running workflow was told, or when nobody was left to tell (`disposition` says which)."""
    disposition: str | None = None
    subject: str = "payment"
    """`EventSubject`."""
    notice: str | None = None
    """What it vouches for, where its gateway's look-ups live on that (`WebhookEvent.notice`)."""


class Notification(SQLModel, table=True):
    """The outbox: what a merchant has to be told, written in the transaction of the change (I24)."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("checkout_id", "sequence", name="uq_notifications_sequence"),
        Index("ix_notifications_due", "start_at", postgresql_where=text("start_at IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    merchant_id: str = Field(foreign_key="merchants.id")
    checkout_id: str = Field(foreign_key="checkouts.id")
    sequence: int
    """Per checkout, from 1: the order in which things happened, whatever order they arrive in."""
    type: str
    data: dict[str, Any] = json_value(nullable=False)
    """The checkout as it was at the change, in the API's field names; no personal data, no link, no token."""
    url: str
    created_at: datetime = created()
    start_at: datetime | None = moment()
    """When a delivery run has to be started, at the earliest; None: one has been."""
    attempts: int = 0
    last_attempt_at: datetime | None = moment()
    last_status: int | None = None
    """HTTP status of the last answer; None where there was none."""
    last_fault: str | None = None
    """Why the last attempt got no answer, as a code."""
    delivered_at: datetime | None = moment()
    gave_up_at: datetime | None = moment()


class Alert(SQLModel, table=True):
    """Something a person has to know. One open alert per kind and subject."""

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("kind", "subject", name="uq_alerts_subject"),
        Index("ix_alerts_created", "created_at"),
        Index("ix_alerts_open", "id", postgresql_where=text("acknowledged_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    kind: str
    subject: str
    """Id of what it is about: a checkout, an attempt, an account."""
    message: str
    created_at: datetime = created()
    acknowledged_at: datetime | None = moment()


class AlertDelivery(SQLModel, table=True):
    """An alert, as one target of `ALERT_URLS` is told it: what was raised may have been raised anew since."""

    __tablename__ = "alert_deliveries"
    __table_args__ = (
        Index(
            "ix_alert_deliveries_due",
            "target",
            "next_at",
            postgresql_where=text("delivered_at IS NULL AND gave_up_at IS NULL"),
        ),
    )

    alert_id: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    """Its kind and a digest: the URL may hold a password."""
    kind: str
    subject: str
    message: str
    raised_at: datetime = created()
    attempts: int = 0
    next_at: datetime = created()
    delivered_at: datetime | None = moment()
    gave_up_at: datetime | None = moment()
    last_error: str | None = None
