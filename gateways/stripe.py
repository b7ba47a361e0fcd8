"""Stripe: cards by token (PaymentIntents) and Stripe's own page (Checkout Sessions).

A payment's id is a PaymentIntent (`pi_`) or, until its page is paid, a Checkout Session (`cs_`); every
operation takes either. Our reference is in `metadata.attempt` of both, and the page's `client_reference_id`.
"""

from collections.abc import Awaitable, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field, SecretStr
from stripe import StripeObject

from domain.capabilities import Capabilities
from domain.checkout import CaptureMethod, MethodType
from domain.decline import DeclineCode
from domain.money import InexactAmount, UnknownCurrency
from domain.outcome import (
    Approved,
    Canceled,
    Declined,
    GatewayPayment,
    NotFound,
    NotSent,
    Outcome,
    PaymentStatus,
    Unknown,
)
from gateways.base import (
    CaptureRequest,
    ChargeRequest,
    Credentials,
    DisputedPaymentsAnswer,
    DisputeLookUpAnswer,
    Found,
    FoundRefunds,
    Gateway,
    GatewayRefund,
    LookUpAnswer,
    PaymentHandle,
    PaymentPageAnswer,
    RefundAnswer,
    RefundLookUpAnswer,
    RefundRefused,
    RefundRequest,
    RefusalCause,
    Registration,
    Unsupported,
    VoidRequest,
    WebhookEvent,
)
from gateways.stripe_client import Refused, StripeWire, ask
from gateways.stripe_currencies import MAXIMUM, MINIMUM, STRIPE_EXPONENTS, to_stripe
from gateways.stripe_declines import inexpressible, refusal_to_settle
from gateways.stripe_disputes import disputed_since, disputes_of
from gateways.stripe_keys import nothing_known, past_stored_failures
from gateways.stripe_listing import list_payments
from gateways.stripe_look_up import LookUp
from gateways.stripe_objects import (
    REFERENCE,
    REFUND,
    PaymentIntent,
    Refund,
    RefundPage,
    Session,
    intent_payment,
    refund,
)
from gateways.stripe_outcomes import MONEYED, charge_refused, closed, outcome_of, working
from gateways.stripe_requests import INTENT_DETAILS, SESSION_DETAILS, card, page
from gateways.stripe_webhook import read, verify

_REFUND_PAGES: Final = 10


class StripeCredentials(Credentials):
    base_url: str = Field(default="https://api.stripe.com", pattern=r"^https?://[^\s/?#]+[^\s?#]*$")
    secret_key: Annotated[SecretStr, Field(min_length=1)]
    webhook_secret: Annotated[SecretStr, Field(min_length=1)]
    previous_webhook_secret: SecretStr | None = None
    """The secret before a rotation: Stripe may sign with both for 24 hours."""


class Stripe(Gateway):
    def __init__(self, credentials: StripeCredentials) -> None:
        self._wire = StripeWire(credentials, credentials.secret_key.get_secret_value())
        self._look_up = LookUp(self._wire)
        secrets = (credentials.webhook_secret, credentials.previous_webhook_secret)
        self._webhook_secrets = [secret.get_secret_value().encode() for secret in secrets if secret]

    async def charge(self, request: ChargeRequest) -> Outcome:
        try:
            units = to_stripe(request.amount, request.currency)
        except UnknownCurrency:
            return Declined(decline=inexpressible(DeclineCode.CURRENCY_NOT_SUPPORTED))
        except InexactAmount:
            return Declined(decline=inexpressible(DeclineCode.INVALID_AMOUNT))
        match request.method.type:
            case MethodType.CARD:
                return await self._charge_card(request, units)
            case MethodType.HOSTED:
                return await self._open_page(request, units)
            case method:
                raise Unsupported(method)

    async def _charge_card(self, request: ChargeRequest, units: int) -> Outcome:
        call = self._wire.intents.create_async(
            card(request, units), {"idempotency_key": request.idempotency_key}
        )
        match await ask(call, PaymentIntent):
            case PaymentIntent() as intent:
                return outcome_of(intent_payment(intent))
            case Refused() as refused:
                return charge_refused(refused)
            case fault:
                return fault

    async def _open_page(self, request: ChargeRequest, units: int) -> Outcome:
        call = self._wire.sessions.create_async(
            page(request, units), {"idempotency_key": request.idempotency_key}
        )
        match await ask(call, Session):
            case Session() as session:
                opened = await self._look_up.settled(session)
                if isinstance(opened, GatewayPayment):
                    return outcome_of(opened)
                return Unknown(detail=opened.detail)
            case Refused() as refused:
                return charge_refused(refused)
            case fault:
                return fault

    async def look_up(self, handle: PaymentHandle) -> LookUpAnswer:
        found = await self._look_up.payments(handle)
        return Found(payments=found) if isinstance(found, tuple) else Unknown(detail=found.detail)

    async def close(self, handle: PaymentHandle) -> Outcome:
        """Expire the page or cancel the PaymentIntent, which no holder of its client secret can then confirm.

        A declined PaymentIntent is canceled too: until then it could be confirmed again. A fault is Unknown,
        never NotSent: that would speak of the attempt, not of this call.
        """
        found = await self._look_up.payments(handle)
        if not isinstance(found, tuple):
            return Unknown(detail=found.detail)
        outcomes = [await self._close(handle, payment) for payment in found]
        for outcome in outcomes:
            if isinstance(outcome, Approved):
                return outcome
        for outcome in outcomes:
            if not isinstance(outcome, Canceled):
                return outcome
        return outcomes[0] if outcomes else NotFound()

    async def _close(self, handle: PaymentHandle, payment: GatewayPayment) -> Outcome:
        payment_id = payment.payment_id
        if payment.status in MONEYED or payment.status is PaymentStatus.CANCELED:
            return closed(payment)
        if payment_id.startswith("cs_"):
            return await self._expire(payment_id, _close_key(handle, payment))
        match await self._cancel(payment_id, _close_key(handle, payment)):
            case PaymentIntent() as intent:
                return closed(intent_payment(intent))
            case Refused(in_use=True):
                return working(payment_id)
            case Refused():
                pass
            case fault:
                return closed(fault)
        # "You can't confirm or cancel the PaymentIntent for a Checkout Session. To cancel, expire the
        # Checkout Session instead." (docs.stripe.com/api/checkout/sessions/object)
        page_id = await self._look_up.page_of(payment_id)
        if isinstance(page_id, str):
            return await self._expire(page_id, f"{_close_key(handle, payment)}/page")
        return closed(page_id or await self._look_up.payment(payment_id))

    async def _expire(self, session_id: str, key: str) -> Outcome:
        def call(with_key: str) -> Awaitable[StripeObject]:
            return self._wire.sessions.expire_async(
                session_id, {"expand": SESSION_DETAILS}, {"idempotency_key": with_key}
            )

        match await past_stored_failures(key, call, Session, nothing_known):
            case Session() as session:
                return closed(await self._look_up.settled(session))
            case Refused(in_use=True):
                return working(session_id)
            case Refused():
                return closed(await self._look_up.payment(session_id))
            case fault:
                return closed(fault)

    async def _cancel(self, intent_id: str, key: str) -> PaymentIntent | Refused | NotSent | Unknown:
        def call(with_key: str) -> Awaitable[StripeObject]:
            return self._wire.intents.cancel_async(
                intent_id, {"expand": INTENT_DETAILS}, {"idempotency_key": with_key}
            )

        return await past_stored_failures(key, call, PaymentIntent, nothing_known)

    async def capture(self, request: CaptureRequest) -> Outcome:
        """Take `amount`; what remains of the authorization is released (a PaymentIntent is captured once)."""
        intent_id = await self._intent_id(request.handle)
        if isinstance(intent_id, Unknown):
            return intent_id
        try:
            units = to_stripe(request.amount, request.handle.currency)
        except ValueError:
            return Declined(decline=inexpressible(DeclineCode.INVALID_AMOUNT), payment_id=intent_id)

        def call(key: str) -> Awaitable[StripeObject]:
            return self._wire.intents.capture_async(
                intent_id,
                {"amount_to_capture": units, "expand": INTENT_DETAILS},
                {"idempotency_key": key},
            )

        match await past_stored_failures(request.idempotency_key, call, PaymentIntent, nothing_known):
            case PaymentIntent() as intent:
                return outcome_of(intent_payment(intent))
            case Refused() as refused:
                return await self._not_settled(intent_id, refused, done=PaymentStatus.CAPTURED)
            case fault:
                return fault

    async def void(self, request: VoidRequest) -> Outcome:
        intent_id = await self._intent_id(request.handle)
        if isinstance(intent_id, Unknown):
            return intent_id
        match await self._cancel(intent_id, request.idempotency_key):
            case PaymentIntent() as intent:
                return outcome_of(intent_payment(intent))
            case Refused() as refused:
                return await self._not_settled(intent_id, refused, done=PaymentStatus.CANCELED)
            case fault:
                return fault

    async def _not_settled(self, intent_id: str, refused: Refused, *, done: PaymentStatus) -> Outcome:
        """A capture or void was refused: it is done already, or the payment is past it."""
        if refused.in_use:
            return working(intent_id)
        payment = await self._look_up.payment(intent_id)
        if isinstance(payment, NotSent | Unknown):
            return Unknown(detail=payment.detail)
        if payment is not None and payment.status in (done, PaymentStatus.CANCELED):
            return outcome_of(payment)
        return Declined(decline=refusal_to_settle(refused.failure.code), payment_id=intent_id)

    async def refund(self, request: RefundRequest) -> RefundAnswer:
        intent_id = await self._intent_id(request.handle)
        if isinstance(intent_id, Unknown):
            return intent_id
        try:
            units = to_stripe(request.amount, request.handle.currency)
        except ValueError:
            return RefundRefused(detail="the amount cannot be expressed in Stripe's units")

        def call(key: str) -> Awaitable[StripeObject]:
            return self._wire.refunds.create_async(
                {
                    "payment_intent": intent_id,
                    "amount": units,
                    "metadata": {REFUND: request.refund_id, REFERENCE: request.handle.reference},
                },
                {"idempotency_key": key},
            )

        async def made_before() -> GatewayRefund | Unknown | None:
            found = await self.look_up_refunds(request.handle)
            if not isinstance(found, FoundRefunds):
                return found
            ours = [each for each in found.refunds if each.refund_id == request.refund_id]
            return ours[0] if ours else None

        answer: Refund | GatewayRefund | Refused | NotSent | Unknown
        answer = await past_stored_failures(request.idempotency_key, call, Refund, made_before)
        match answer:
            case Refund() as made:
                return refund(made)
            case GatewayRefund() as known:
                return known
            case Refused(in_use=True):
                return Unknown(detail="the same refund is being worked on")
            case Refused() as refused:
                detail = refusal_to_settle(refused.failure.code).message
                return RefundRefused(detail=detail, cause=_cause(refused))
            case fault:
                return fault

    async def look_up_refunds(self, handle: PaymentHandle) -> RefundLookUpAnswer:
        intent_id = await self._intent_id(handle)
        if isinstance(intent_id, Unknown):
            return intent_id
        refunds: list[GatewayRefund] = []
        after: str | None = None
        for _ in range(_REFUND_PAGES):
            call = self._wire.refunds.list_async(
                {"payment_intent": intent_id, "limit": 100, **({"starting_after": after} if after else {})}
            )
            match await ask(call, RefundPage):
                case RefundPage() as read_page:
                    refunds += [refund(made) for made in read_page.data]
                case Refused() as refused:
                    return Unknown(detail=f"look-up refused with {refused.status}")
                case fault:
                    return Unknown(detail=fault.detail)
            if not read_page.has_more or not read_page.data:
                return FoundRefunds(refunds=tuple(refunds))
            after = read_page.data[-1].id
        return Unknown(detail="more refunds than can be listed")

    async def look_up_disputes(self, handle: PaymentHandle) -> DisputeLookUpAnswer:
        intent_id = await self._intent_id(handle)
        return intent_id if isinstance(intent_id, Unknown) else await disputes_of(self._wire, intent_id)

    async def disputed_payments(self, since: date) -> DisputedPaymentsAnswer:
        return await disputed_since(self._wire, since)

    async def _intent_id(self, handle: PaymentHandle) -> str | Unknown:
        """The PaymentIntent that captures, voids and refunds take; with several, the one with money."""
        if handle.payment_id is not None and handle.payment_id.startswith("pi_"):
            return handle.payment_id
        found = await self._look_up.payments(handle)
        if not isinstance(found, tuple):
            return Unknown(detail=found.detail)
        intents = [payment for payment in found if payment.payment_id.startswith("pi_")]
        intents.sort(key=lambda payment: payment.status not in MONEYED)
        return intents[0].payment_id if intents else Unknown(detail="no payment has been made on the page")

    async def list_payments(
        self, since: datetime, until: datetime, cursor: str | None = None
    ) -> PaymentPageAnswer:
        return await list_payments(self._wire, since, until, cursor)

    def read_webhook(self, body: bytes, headers: Mapping[str, str], now: datetime) -> WebhookEvent:
        verify(body, headers, self._webhook_secrets, now)
        return read(body)

    async def aclose(self) -> None:
        await self._wire.aclose()


def _cause(refused: Refused) -> RefusalCause:
    """Codes: https://docs.stripe.com/error-codes. An amount beyond what is left has none, but names `amount`,
    which we never send below one unit."""
    match refused.failure.code:
        case "charge_disputed":
            return RefusalCause.DISPUTED
        case "charge_already_refunded":
            return RefusalCause.LESS_LEFT
        case _ if refused.failure.param == "amount":
            return RefusalCause.LESS_LEFT
        case _:
            return RefusalCause.OTHER


def _close_key(handle: PaymentHandle, payment: GatewayPayment) -> str:
    """One key per state found: Stripe keeps a refusal under its key too, and the next state may allow it."""
    return f"{handle.reference}/close/{payment.payment_id}/{payment.status}"


REGISTRATION = Registration(
    capabilities=Capabilities(
        name="stripe",
        display_name="Stripe",
        methods=frozenset({MethodType.CARD, MethodType.HOSTED}),
        captures=frozenset(CaptureMethod),
        currencies=frozenset(STRIPE_EXPONENTS),
        minimum=MINIMUM,
        maximum=MAXIMUM,
        partial_capture=True,
        partial_refund=True,
        challenge=True,
        # "removed from the system automatically after they're at least 24 hours old"
        # (docs.stripe.com/api/idempotent_requests)
        key_life=timedelta(hours=24),
        # A canceled PaymentIntent and an expired Session are final (docs.stripe.com/payments/
        # paymentintents/lifecycle, docs.stripe.com/api/checkout/sessions/expire).
        fence=True,
        # Our call ends after 28 s (connect 3 s + answer 25 s). Stripe states no longest time for a request;
        # its own libraries wait 80 s for an answer, and its search shows new objects within a minute. Two
        # minutes and three quarters together, rounded up.
        quiet_period=timedelta(minutes=5),
        # Customer-initiated card payments online, any brand (docs.stripe.com/payments/
        # place-a-hold-on-a-payment-method).
        authorization_life=timedelta(days=7),
    ),
    credentials=StripeCredentials,
    build=Stripe,
)
