"""What operators do to a checkout by hand: each asked for with a reason, recorded before it is carried out.

What is refused after that is recorded as refused: no action is without its record, and no record claims what
did not happen.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from api.candidates import exclusion_of
from api.commands import cancel_checkout, capture_checkout, choose_next
from api.errors import NextGatewayRefused, NotFound, Problem
from api.refund_requests import Accepted, accept_refund
from api.schemas_refunds import RefundBody
from api.services import Services
from domain.checkout import CheckoutStatus
from domain.operator import Operator
from domain.switches import Switch
from storage import audit_log, notifications, personal, switches
from storage.audit_log import Result
from storage.events import tell
from storage.tables import Checkout

OPERATORS_KEYS = "operator/"
"""Begins the idempotency keys of operators' refunds: a merchant's own keys are another set."""


@asynccontextmanager
async def _recorded(
    parts: Services, operator: Operator, action: str, checkout_id: str, reason: str, **after: Any
) -> AsyncIterator[None]:
    async with parts.database.transaction() as session:
        await audit_log.record(
            session,
            actor=operator.actor,
            action=f"{action}_requested",
            subject=checkout_id,
            after=after or None,
            reason=reason,
        )
    try:
        yield
    except Problem as refusal:
        async with parts.database.transaction() as session:
            await audit_log.record(
                session,
                actor=operator.actor,
                action=f"{action}_refused",
                subject=checkout_id,
                after={**after, "why": refusal.code},
                result=Result.REFUSED,
            )
        raise


async def capture(
    parts: Services, operator: Operator, row: Checkout, amount: int | None, reason: str, seconds: float
) -> None:
    """Raises what `capture_checkout` raises."""
    async with _recorded(parts, operator, "checkout.capture", row.id, reason, amount=amount):
        await capture_checkout(parts, row, amount, seconds)


async def cancel(parts: Services, operator: Operator, row: Checkout, reason: str, seconds: float) -> None:
    """Raises what `cancel_checkout` raises."""
    async with _recorded(parts, operator, "checkout.cancel", row.id, reason):
        await cancel_checkout(parts, row, reason, seconds)


async def refund(
    parts: Services, operator: Operator, row: Checkout, amount: int | None, reason: str, key: str
) -> Accepted:
    """Raises what `accept_refund` raises."""
    body = RefundBody(amount=amount, reason=reason)
    async with _recorded(parts, operator, "checkout.refund", row.id, reason, amount=amount):
        return await accept_refund(parts, row.id, row.merchant_id, f"{OPERATORS_KEYS}{key}", body)


async def resend(
    parts: Services, operator: Operator, checkout_id: str, notification_id: str, reason: str
) -> None:
    """Raises NotFound."""
    async with parts.database.transaction() as session:
        row = await notifications.get(session, notification_id)
        if row is None or row.checkout_id != checkout_id:
            raise NotFound("There is no such notification.")
        await notifications.resend(session, notification_id)
        tell(session, checkout_id, "notification.resent", notification=row.id, type=row.type)
        await audit_log.record(
            session,
            actor=operator.actor,
            action="notification.resent",
            subject=checkout_id,
            after={"notification": row.id, "type": row.type},
            reason=reason,
        )


async def next_gateway(
    parts: Services, operator: Operator, row: Checkout, account: str, reason: str, *, close_page: bool
) -> None:
    """Raises NextGatewayRefused, InProgress, Unavailable."""
    async with _recorded(
        parts, operator, "checkout.next_gateway", row.id, reason, account=account, close_page=close_page
    ):
        await _check(parts, row, account, close_page=close_page)
        async with parts.database.transaction() as session:
            tell(session, row.id, "account.chosen", account=account, close_page=close_page)
        try:
            await choose_next(parts, row, account, close_page=close_page)
        except Problem as refusal:
            async with parts.database.transaction() as session:
                tell(session, row.id, "account.choice_refused", account=account, why=refusal.code)
            raise


async def _check(parts: Services, row: Checkout, account: str, *, close_page: bool) -> None:
    """What is known here already; the run decides again when it takes the choice."""
    if CheckoutStatus(row.status) not in (CheckoutStatus.PROCESSING, CheckoutStatus.REQUIRES_ACTION):
        raise NextGatewayRefused("The checkout does not wait for an account any more.")
    async with parts.database.transaction() as session:
        frozen = await switches.frozen_accounts(session, Switch.CHARGES)
        person = await personal.of(session, row)
    exclusion = exclusion_of(parts, row, person, account, frozen)
    if exclusion is not None:
        raise NextGatewayRefused(f"This account cannot take the checkout: {exclusion}.")
    present = parts.accounts.known.get(row.account or "")
    waiting = close_page and row.status == CheckoutStatus.REQUIRES_ACTION
    if waiting and present is not None and not present.capabilities.closes_pages:
        raise NextGatewayRefused("What the customer sees cannot be closed at this gateway.")
