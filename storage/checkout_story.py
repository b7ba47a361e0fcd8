"""Everything that is kept about one checkout, for the operators' page about it."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from storage import attempts, audit_log, checkouts, disputes, events, notifications, operators, personal
from storage.personal import Person
from storage.tables import (
    Attempt,
    AuditEntry,
    Checkout,
    CheckoutEvent,
    Dispute,
    Merchant,
    Notification,
    Refund,
    WebhookEventRow,
)


class Story(NamedTuple):
    checkout: Checkout
    person: Person
    merchant: Merchant
    attempts: Sequence[Attempt]
    disputes: Sequence[Dispute]
    refunds: Sequence[Refund]
    """Newest first, compensations too."""
    timeline: Sequence[CheckoutEvent]
    webhooks: Sequence[WebhookEventRow]
    notifications: Sequence[Notification]
    record: Sequence[AuditEntry]
    """What people did to it."""
    names: dict[str, str]
    """Operator's id -> name, of those in the record."""


async def story_of(session: AsyncSession, checkout_id: str) -> Story | None:
    checkout = await checkouts.get(session, checkout_id)
    if checkout is None:
        return None
    merchant = await session.get_one(Merchant, checkout.merchant_id)
    made = await attempts.of_checkout(session, checkout_id)
    disputed = await disputes.of_checkouts(session, [checkout_id])
    refunds = await session.exec(
        select(Refund).where(col(Refund.checkout_id) == checkout_id).order_by(col(Refund.id).desc())
    )
    references = [attempt.id for attempt in made]
    webhooks = await session.exec(
        select(WebhookEventRow)
        .where(or_(col(WebhookEventRow.reference).in_(references), _of_payments(made)))
        .order_by(col(WebhookEventRow.received_at), col(WebhookEventRow.id))
    )
    record = [
        entry for entry in await audit_log.about(session, checkout_id) if entry.actor != audit_log.SYSTEM
    ]
    return Story(
        checkout=checkout,
        person=await personal.of(session, checkout),
        merchant=merchant,
        attempts=made,
        disputes=disputed.get(checkout_id, []),
        refunds=refunds.all(),
        timeline=await events.timeline(session, checkout_id),
        webhooks=webhooks.all(),
        notifications=await notifications.of_checkout(session, checkout_id),
        record=record,
        names=await operators.names(session, (each.actor for each in record)),
    )


def _of_payments(made: Sequence[Attempt]) -> ColumnElement[bool]:
    """Webhooks that name the gateway's payment and nothing of ours."""
    known = [(each.account, each.gateway_payment_id) for each in made if each.gateway_payment_id]
    return tuple_(col(WebhookEventRow.account), col(WebhookEventRow.payment_id)).in_(known)
