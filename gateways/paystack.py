"""Paystack: saved cards, the hosted page, mobile money. https://paystack.com/docs/api/

There is no idempotency key. A reference that was used before is refused ("Duplicate Transaction Reference"),
which makes a second charge by mistake unlikely, but nothing says that this holds for two requests at once or
for how long, and the refusal tells nothing about the first. So nothing is ever sent twice here; a refusal of
this kind is looked up like a lost answer. https://docs-v2.paystack.com/api/errors/charge

One transaction lives under a reference, from the page's opening through every failed try to the payment.
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final
from urllib.parse import quote

import httpx
from pydantic import AfterValidator, Field, SecretStr

from domain.capabilities import Capabilities
from domain.checkout import CaptureMethod, MethodType
from domain.conclude import conclude
from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.outcome import (
    Approved,
    Canceled,
    Declined,
    GatewayPayment,
    Mismatch,
    NotSent,
    NotSentCause,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways import paystack_answers as answers
from gateways import paystack_listing as listing
from gateways import transport
from gateways.base import (
    CaptureRequest,
    ChargeRequest,
    Credentials,
    EventSubject,
    Found,
    FoundRefunds,
    Gateway,
    GatewayRefund,
    InvalidSignature,
    LookUpAnswer,
    PaymentHandle,
    PaymentPageAnswer,
    RefundAnswer,
    RefundLookUpAnswer,
    RefundRefused,
    RefundRequest,
    Registration,
    Unsupported,
    VoidRequest,
    WebhookEvent,
)
from gateways.paystack_answers import Unreadable
from gateways.paystack_requests import CURRENCIES, MINIMUM, NAME, WALLETS, prepare, refund_body, to_wire

_MAX_PAGES: Final = 5
"""Pages read of the refunds of one payment (100 rows each). The look-up then says Unknown."""

_MAXIMUM: Final = 10_000_000
"""Major units, in every currency. https://docs-v2.paystack.com/api/errors/transaction"""


def _header_safe(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]+", secret.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces")
    return secret


_Secret = Annotated[SecretStr, Field(min_length=1), AfterValidator(_header_safe)]


class PaystackCredentials(Credentials):
    base_url: str = Field(default="https://api.paystack.co", pattern=r"^https?://[^\s/?#]+[^\s?#]*$")
    secret_key: _Secret
    """`sk_live_...` or `sk_test_...`: test and live differ by the key alone. It signs the webhooks, too."""
    previous_secret_key: _Secret | None = None
    """Accepted for webhooks while a new one is taken into use."""


class Paystack(Gateway):
    def __init__(self, credentials: PaystackCredentials, client: httpx.AsyncClient) -> None:
        self._client = client
        self._base_url = credentials.base_url.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {credentials.secret_key.get_secret_value()}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        keys = (credentials.secret_key, credentials.previous_secret_key)
        self._keys = tuple(value.get_secret_value().encode() for value in keys if value is not None)
        self._total_timeout = transport.total_timeout(credentials)

    async def charge(self, request: ChargeRequest) -> Outcome:
        prepared = prepare(request)
        if isinstance(prepared, Decline):
            return Declined(decline=prepared)
        response = await self._call("POST", prepared.path, prepared.body)
        if not isinstance(response, httpx.Response):
            return response
        hosted = request.method.type is MethodType.HOSTED
        read = answers.page_outcome if hosted else answers.charge_outcome
        try:
            return read(response, expires_at=request.expires_at)
        except Unreadable as fault:
            return Unknown(detail=f"unreadable answer: {fault}")

    async def look_up(self, handle: PaymentHandle) -> LookUpAnswer:
        """The transaction by reference and, where it is known, by id: they must be one and the same."""
        views = [self._payment(f"/transaction/verify/{quote(to_wire(handle.reference), safe='')}")]
        if handle.payment_id is not None:
            views.append(self._payment(f"/transaction/{quote(handle.payment_id, safe='')}"))
        payments: dict[str, GatewayPayment] = {}
        for view in await asyncio.gather(*views):
            if isinstance(view, Unknown):
                return view
            for payment in view:
                known = payments.get(payment.payment_id)
                # Money seen anywhere is money.
                if known is None or payment.status is PaymentStatus.CAPTURED:
                    payments[payment.payment_id] = payment
        return Found(payments=tuple(payments.values()))

    async def close(self, handle: PaymentHandle) -> Outcome:
        """Nothing can be closed at Paystack: this tells what has become of it, and never Canceled.

        A page ends with the "payment session timeout" of the account's settings, a prompt after 180 seconds.
        A fault is Unknown, never NotSent: that would speak of the attempt, not of this call.
        """
        found = await self.look_up(handle)
        if isinstance(found, Unknown):
            return found
        outcome = conclude(
            found.payments,
            reference=handle.reference,
            amount=handle.amount,
            currency=handle.currency,
            capture_method=CaptureMethod.AUTOMATIC,
            page=handle.page_url is not None,
        )
        match outcome:
            case Approved() | Mismatch() | Declined() | Canceled():
                return outcome
            case _:
                return Pending(detail="cannot be closed")

    async def capture(self, request: CaptureRequest) -> Outcome:  # noqa: ARG002 - nothing can be captured
        raise Unsupported("Paystack captures at once")

    async def void(self, request: VoidRequest) -> Outcome:
        return Declined(
            decline=Decline(
                category=DeclineCategory.HARD,
                code=DeclineCode.PROCESSING_ERROR,
                message="captured at once: refund instead",
            ),
            payment_id=request.handle.payment_id,
        )

    async def refund(self, request: RefundRequest) -> RefundAnswer:
        identifier = await self._captured_id(request.handle)
        if not isinstance(identifier, str):
            return identifier
        body = refund_body(identifier, request.amount, request.handle.currency, request.refund_id)
        response = await self._call("POST", "/refund", body)
        if not isinstance(response, httpx.Response):
            return response
        try:
            if answers.envelope(response.content).get("status") is True:
                made = answers.read_refund(answers.data_of(response)[0])
                return made.model_copy(update={"refund_id": request.refund_id})
        except Unreadable as fault:
            return Unknown(detail=f"unreadable answer: {fault}")
        return await self._refused_refund(request)

    async def look_up_refunds(self, handle: PaymentHandle) -> RefundLookUpAnswer:
        identifier = await self._captured_id(handle)
        match identifier:
            case str():
                pass
            case RefundRefused():
                return FoundRefunds(refunds=())
            case _:
                return Unknown(detail=identifier.detail)
        refunds: dict[str, GatewayRefund] = {}
        for page in range(1, _MAX_PAGES + 1):
            path = f"/refund?transaction={quote(identifier, safe='')}&perPage={listing.PER_PAGE}&page={page}"
            response = await self._call("GET", path)
            if not isinstance(response, httpx.Response):
                return _unanswered(response)
            try:
                data, meta = answers.data_of(response)
                if not isinstance(data, list):
                    return Unknown(detail="unreadable list: data")
                for row in data:
                    # A list that matched more loosely than asked is narrowed down here.
                    if answers.refunded_payment(row) in (identifier, None):
                        refund = answers.read_refund(row)
                        refunds[refund.gateway_refund_id] = refund
            except Unreadable as fault:
                return Unknown(detail=f"unreadable refund: {fault}")
            if not listing.more_follow(meta, page, len(data)):
                return FoundRefunds(refunds=tuple(refunds.values()))
        return Unknown(detail="more refunds than one payment can have")

    async def list_payments(
        self, since: datetime, until: datetime, cursor: str | None = None
    ) -> PaymentPageAnswer:
        response = await self._call("GET", listing.path_of(since, until, cursor))
        if not isinstance(response, httpx.Response):
            return response
        return listing.read(response, since, until, cursor)

    def read_webhook(
        self,
        body: bytes,
        headers: Mapping[str, str],
        now: datetime,  # noqa: ARG002 - these webhooks carry no time
    ) -> WebhookEvent:
        """`x-paystack-signature` is the HMAC SHA-512 of the raw body under the secret key, in hex.

        https://paystack.com/docs/payments/webhooks/#verify-event-origin
        """
        offered = headers.get("x-paystack-signature", "").encode("utf-8", "surrogatepass")
        # Every key is tried, so that the time taken does not tell which one nearly fits.
        matches = [
            hmac.compare_digest(offered, hmac.new(key, body, hashlib.sha512).hexdigest().encode())
            for key in self._keys
        ]
        if not any(matches):
            raise InvalidSignature
        try:
            kind, reference, payment_id = answers.hint(body)
        except Unreadable:
            kind, reference, payment_id = "unreadable", None, None
        # Disputes are not read from Paystack: theirs are hints to look at the payment.
        failed = kind == "refund.failed"
        return WebhookEvent(
            event_id=None,
            kind=kind,
            reference=reference,
            payment_id=payment_id,
            subject=EventSubject.FAILED_REFUND if failed else EventSubject.PAYMENT,
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _call(
        self, method: str, path: str, body: bytes | None = None
    ) -> httpx.Response | NotSent | Unknown:
        request = self._client.build_request(
            method, f"{self._base_url}{path}", content=body, headers=self._headers
        )
        response = await transport.send(self._client, request, total_timeout=self._total_timeout)
        if not isinstance(response, httpx.Response):
            return response
        refusal = transport.refusal(response.status_code, response.headers)
        return refusal or answers.invalid_key(response) or response

    async def _payment(self, path: str) -> tuple[GatewayPayment, ...] | Unknown:
        response = await self._call("GET", path)
        if not isinstance(response, httpx.Response):
            return _unanswered(response)
        try:
            if answers.not_found(response):
                return ()
            data, _ = answers.data_of(response)
            return (answers.read_payment(data),)
        except Unreadable as fault:
            return Unknown(detail=f"unreadable transaction: {fault}")

    async def _refused_refund(self, request: RefundRequest) -> RefundAnswer:
        """What a refusal such as "fully reversed" means: ours made earlier, or no room for ours."""
        found = await self.look_up_refunds(request.handle)
        if isinstance(found, Unknown):
            return found
        for refund in found.refunds:
            if refund.refund_id == request.refund_id:
                return refund
        return RefundRefused(detail="Paystack did not accept the refund")

    async def _captured_id(self, handle: PaymentHandle) -> str | RefundRefused | NotSent | Unknown:
        """The transaction that a refund is about."""
        if handle.payment_id is not None:
            return handle.payment_id
        found = await self.look_up(handle)
        if isinstance(found, Unknown):
            # The refund itself was not sent.
            return NotSent(cause=NotSentCause.UNREACHABLE, detail=f"payment not looked up: {found.detail}")
        captured = [item for item in found.payments if item.status is PaymentStatus.CAPTURED]
        if len(captured) != 1:
            return RefundRefused(detail=f"{len(captured)} captured payments under the reference")
        return captured[0].payment_id


def _unanswered(fault: NotSent | Unknown) -> Unknown:
    return Unknown(detail=f"look-up: {fault.detail}")


REGISTRATION: Final = Registration(
    capabilities=Capabilities(
        name=NAME,
        display_name="Paystack",
        methods=frozenset({MethodType.CARD, MethodType.HOSTED, MethodType.MOBILE_MONEY}),
        captures=frozenset({CaptureMethod.AUTOMATIC}),
        currencies=CURRENCIES,
        mobile_money={currency: frozenset(wallets.providers) for currency, wallets in WALLETS.items()},
        minimum=dict(MINIMUM),
        maximum={currency: _MAXIMUM * (1 if currency == "XOF" else 100) for currency in CURRENCIES},
        customer_fields=frozenset({"email"}),
        partial_capture=False,
        partial_refund=True,
        challenge=False,
        key_life=None,
        fence=False,
        closes_pages=False,
        # No time is documented within which Paystack has surely taken up a request. Our own call ends within
        # 28 s of its start (transport.total_timeout); the longest span that Paystack names for a payment
        # under way is the 180 s of a mobile-money prompt
        # (https://paystack.com/docs/payments/payment-channels/#mobile-money). Their sum, about three and a
        # half minutes, is taken nearly three times.
        quiet_period=timedelta(minutes=10),
    ),
    credentials=PaystackCredentials,
    build=lambda credentials: Paystack(credentials, transport.open_client(credentials)),
)
