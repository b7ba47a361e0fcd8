"""What activities need, built once by the worker."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from activities.account_health import AccountHealth
from activities.errors import Gone
from activities.policy_in_force import PolicyInForce
from activities.screening import Screener, challenged
from config.settings import Settings
from domain.checkout import CaptureMethod
from gateways.base import PaymentHandle
from gateways.registry import Accounts
from routing.eligibility import token_for
from routing.request import RouteRequest
from routing.router import Router
from storage import webhook_events
from storage.database import Database
from storage.personal import Person
from storage.tables import Attempt, Checkout

STALLED_AFTER = 5.0
"""Seconds from the start of a claim to the call after which nothing is sent any more: the process was
stopped in between, and by now somebody may have believed a look-up that found nothing (W5)."""


@dataclass(frozen=True)
class Context:
    database: Database
    accounts: Accounts
    router: Router | PolicyInForce
    settings: Settings
    screener: Screener
    health: AccountHealth = field(default_factory=AccountHealth)

    def quiet_period(self, account: str) -> timedelta:
        """After the last send, how long until this account's "not found" may be believed."""
        if self.settings.quiet_period is not None:
            return timedelta(seconds=self.settings.quiet_period)
        return self.accounts.known[account].capabilities.quiet_period

    async def handle(self, checkout: Checkout, attempt: Attempt) -> PaymentHandle:
        """What a gateway needs to find the payment again. Raises Gone for an attempt never sent."""
        return await self.informed(handle_of(checkout, attempt), attempt.account)

    async def informed(self, handle: PaymentHandle, account: str) -> PaymentHandle:
        """With what the account's webhooks have told, where its gateway's look-ups live on that."""
        if not self.accounts.known[account].capabilities.told_by_webhook:
            return handle
        async with self.database.transaction() as session:
            told = await webhook_events.notices(
                session, account, reference=handle.reference, payment_id=handle.payment_id
            )
        return handle.model_copy(update={"notices": told})


def route_request(checkout: Checkout, person: Person) -> RouteRequest:
    return RouteRequest(
        amount=checkout.amount,
        currency=checkout.currency,
        method=person.method,
        customer=person.customer,
        capture_method=CaptureMethod(checkout.capture_method),
        allow_redirect=checkout.allow_redirect,
        checkout_id=checkout.id,
        merchant=checkout.merchant_id,
        metadata=checkout.meta,
        gateway=checkout.gateway_choice,
        challenge=challenged(checkout),
    )


def handle_of(checkout: Checkout, attempt: Attempt) -> PaymentHandle:
    """What the rows know of the payment; `Context.handle` adds what webhooks have told."""
    if attempt.sent_at is None:
        raise Gone(f"a send of {attempt.id}")
    return PaymentHandle(
        reference=attempt.id,
        amount=checkout.amount,
        currency=checkout.currency,
        sent_at=attempt.sent_at,
        payment_id=attempt.gateway_payment_id,
        page_url=attempt.page_url,
        capture_method=CaptureMethod(checkout.capture_method),
    )


def card_of(context: Context, person: Person, account: str) -> tuple[str, bytes] | None:
    """The card token that this account would charge, and its digest; None where it has none."""
    token = token_for(context.accounts.known[account], person.method)
    return None if token is None else (token, hashlib.sha256(token.encode()).digest())
