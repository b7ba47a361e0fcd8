"""Flutterwave v3: saved cards, the hosted page, mobile money. https://developer.flutterwave.com/v3.0/docs

v3 has no idempotency keys and does not document what a repeated `tx_ref` does, so nothing is ever sent
twice: what is unclear is looked up. `tx_ref` is our attempt id. A page may carry several transactions under
it, because the customer may try again after a failure; a look-up returns them all.
"""

import asyncio
import hmac
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
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
    NotFound,
    NotSent,
    NotSentCause,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways import flutterwave_answers as answers
from gateways import flutterwave_chargebacks as chargebacks
from gateways import flutterwave_listing as listing
from gateways import transport
from gateways.base import (
    CaptureRequest,
    ChargeRequest,
    Credentials,
    DisputedPaymentsAnswer,
    DisputeLookUpAnswer,
    Found,
    FoundDisputes,
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
    RefundStatus,
    RefusalCause,
    Registration,
    Unsupported,
    VoidRequest,
    WebhookEvent,
)
from gateways.flutterwave_answers import Unreadable
from gateways.flutterwave_requests import CURRENCIES, NAME, WALLETS, encode, prepare, refund_body

_MAX_PAGES: Final = 5
"""Pages read of one listing (10 rows each). More cannot be ours alone: the look-up then says Unknown."""

_MAX_CHARGEBACK_PAGES: Final = 50


def _header_safe(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]+", secret.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces")
    return secret


_Secret = Annotated[SecretStr, Field(min_length=1), AfterValidator(_header_safe)]


class FlutterwaveCredentials(Credentials):
    base_url: str = Field(default="https://api.flutterwave.com/v3", pattern=r"^https?://[^\s/?#]+[^\s?#]*$")
    secret_key: _Secret
    """`FLWSECK-...`; test and live differ by the key alone."""
    secret_hash: _Secret
    """The "secret hash" of the webhook settings, which every webhook repeats in `verif-hash`."""
    previous_secret_hash: _Secret | None = None
    """Accepted as well while a new one is taken into use."""
    session_minutes: int = Field(default=30, ge=1, le=1440)
    """How long a customer may take on the hosted page; Flutterwave allows up to 1440."""


class Flutterwave(Gateway):
    def __init__(self, credentials: FlutterwaveCredentials, client: httpx.AsyncClient) -> None:
        self._client = client
        self._base_url = credentials.base_url.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {credentials.secret_key.get_secret_value()}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        hashes = (credentials.secret_hash, credentials.previous_secret_hash)
        self._hashes = tuple(value.get_secret_value().encode() for value in hashes if value is not None)
        self._session_minutes = credentials.session_minutes
        self._total_timeout = transport.total_timeout(credentials)

    async def charge(self, request: ChargeRequest) -> Outcome:
        prepared = prepare(request, session_minutes=self._session_minutes)
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
        """All transactions under the reference.

        Three views are joined, because none is enough alone: the verification by id (the documented truth
        about one transaction), the verification by reference (one of several), and the list by reference
        (all of them). Nothing is found only if no view shows anything.
        """
        reference = quote(handle.reference, safe="")
        views = [
            self._verified(f"/transactions/verify_by_reference?tx_ref={reference}"),
            self._listed_payments(handle.reference),
        ]
        if handle.payment_id is not None:
            views.insert(0, self._verified(f"/transactions/{quote(handle.payment_id, safe='')}/verify"))
        seen = await asyncio.gather(*views)
        payments: dict[str, GatewayPayment] = {}
        for view in seen:
            if isinstance(view, Unknown):
                return view
            for payment in view:
                known = payments.get(payment.payment_id)
                # Earlier views are the fresher ones; but money seen anywhere is money.
                if known is None or payment.status is PaymentStatus.CAPTURED:
                    payments[payment.payment_id] = payment
        return Found(payments=tuple(sorted(payments.values(), key=_age)))

    async def close(self, handle: PaymentHandle) -> Outcome:
        """Disable the page, then look up: what was paid until then counts.

        A prompt on a phone cannot be closed. A fault is Unknown, never NotSent: that would speak of the
        attempt, not of this call.
        """
        closed: bool | Unknown = False
        if handle.page_url is not None:
            closed = await self._disable(handle.page_url)
        found = await self.look_up(handle)
        if isinstance(found, Unknown):
            return found
        outcome = conclude(
            found.payments,
            reference=handle.reference,
            amount=handle.amount,
            currency=handle.currency,
            capture_method=CaptureMethod.AUTOMATIC,
            page=handle.page_url is not None and closed is not True,
        )
        match outcome:
            case Approved() | Mismatch():
                return outcome
            case _ if isinstance(closed, Unknown):
                return closed
            case Declined() | NotFound() | Canceled() if closed:
                last = found.payments[-1].payment_id if found.payments else None
                return Canceled(payment_id=last)
            case Declined():
                return outcome
            case _ if closed:
                return Pending(detail="the page is closed, but a try is under way")
            case _:
                return Pending(detail="cannot be closed")

    async def capture(self, request: CaptureRequest) -> Outcome:  # noqa: ARG002 - nothing can be captured
        raise Unsupported("Flutterwave captures at once")

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
        currency = request.handle.currency
        body = refund_body(request.amount, currency, request.refund_id)
        response = await self._call("POST", f"/transactions/{quote(identifier, safe='')}/refund", body)
        if not isinstance(response, httpx.Response):
            return response
        try:
            outcome = answers.refund_outcome(response, refund_id=request.refund_id, currency=currency)
        except Unreadable as fault:
            return Unknown(detail=f"unreadable answer: {fault}")
        return outcome or await self._refund_made_earlier(request)

    async def look_up_refunds(self, handle: PaymentHandle) -> RefundLookUpAnswer:
        identifier = await self._captured_id(handle)
        match identifier:
            case str():
                pass
            case RefundRefused():
                return FoundRefunds(refunds=())
            case _:
                return Unknown(detail=identifier.detail)
        listed = await self._listed("/refunds", "id", identifier)
        if isinstance(listed, Unknown):
            return listed
        refunds: dict[str, GatewayRefund] = {}
        try:
            for row in listed:
                if answers.refunded_payment(row) in (identifier, None):
                    refund = answers.read_refund(row, handle.currency)
                    refunds[refund.gateway_refund_id] = refund
        except Unreadable as fault:
            return Unknown(detail=f"unreadable refund: {fault}")
        return FoundRefunds(refunds=tuple(refunds.values()))

    async def list_payments(
        self, since: datetime, until: datetime, cursor: str | None = None
    ) -> PaymentPageAnswer:
        response = await self._call("GET", listing.path_of(since, until, cursor))
        if not isinstance(response, httpx.Response):
            return response
        return listing.read(response, since, until, cursor)

    async def look_up_disputes(self, handle: PaymentHandle) -> DisputeLookUpAnswer:
        """Chargebacks are listed by Flutterwave's own reference of a transaction: that is asked first."""
        identifier = await self._captured_id(handle)
        match identifier:
            case str():
                pass
            case RefundRefused():
                return FoundDisputes(disputes=())
            case _:
                return Unknown(detail=identifier.detail)
        response = await self._call("GET", f"/transactions/{quote(identifier, safe='')}/verify")
        if not isinstance(response, httpx.Response):
            return _unanswered(response)
        try:
            flw_ref = answers.flutterwave_reference(answers.data_of(response)[0])
        except Unreadable as fault:
            return Unknown(detail=f"unreadable verification: {fault}")
        listed = await self._listed("/chargebacks", "flw_ref", flw_ref)
        if isinstance(listed, Unknown):
            return listed
        return chargebacks.of_payment(listed, identifier, handle)

    async def disputed_payments(self, since: date) -> DisputedPaymentsAnswer:
        """Flutterwave sends webhooks about chargebacks on request only, and by its own reference."""
        listed = await self._listed("/chargebacks", "from", since.isoformat(), most=_MAX_CHARGEBACK_PAGES)
        return listed if isinstance(listed, Unknown) else chargebacks.of_account(listed)

    def read_webhook(
        self,
        body: bytes,
        headers: Mapping[str, str],
        now: datetime,  # noqa: ARG002 - these webhooks carry no time
    ) -> WebhookEvent:
        """`verif-hash` repeats a shared secret and says nothing about the body, which is only a hint.

        https://developer.flutterwave.com/docs/webhooks
        """
        offered = headers.get("verif-hash", "").encode("utf-8", "surrogatepass")
        # Every hash is compared, so that the time taken does not tell which one nearly fits.
        matches = [hmac.compare_digest(offered, known) for known in self._hashes]
        if not any(matches):
            raise InvalidSignature
        try:
            return answers.hint(body)
        except Unreadable:
            return WebhookEvent(event_id=None, kind="unreadable", reference=None, payment_id=None)

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
        return transport.refusal(response.status_code, response.headers) or response

    async def _verified(self, path: str) -> tuple[GatewayPayment, ...] | Unknown:
        response = await self._call("GET", path)
        if not isinstance(response, httpx.Response):
            return _unanswered(response)
        try:
            if answers.not_found(response):
                return ()
            data, _ = answers.data_of(response)
            return (answers.read_payment(data),)
        except Unreadable as fault:
            return Unknown(detail=f"unreadable verification: {fault}")

    async def _listed_payments(self, reference: str) -> tuple[GatewayPayment, ...] | Unknown:
        listed = await self._listed("/transactions", "tx_ref", reference)
        if isinstance(listed, Unknown):
            return listed
        try:
            # A list that matched more loosely than asked is narrowed down here.
            ours = [row for row in listed if isinstance(row, dict) and row.get("tx_ref") == reference]
            return tuple(answers.read_payment(row) for row in ours)
        except Unreadable as fault:
            return Unknown(detail=f"unreadable transaction: {fault}")

    async def _listed(
        self, path: str, name: str, value: str, *, most: int = _MAX_PAGES
    ) -> list[object] | Unknown:
        """Every row of a filtered list. An answer that cannot be read to its end is Unknown, not empty."""
        rows: list[object] = []
        for page in range(1, most + 1):
            response = await self._call("GET", f"{path}?{name}={quote(value, safe='')}&page={page}")
            if not isinstance(response, httpx.Response):
                return _unanswered(response)
            try:
                if answers.not_found(response):
                    return rows
                data, pages = answers.data_of(response)
            except Unreadable as fault:
                return Unknown(detail=f"unreadable list: {fault}")
            if not isinstance(data, list):
                return Unknown(detail="unreadable list: data")
            rows.extend(data)
            if page >= pages:
                return rows
        return Unknown(detail="a list longer than one payment can have")

    async def _disable(self, page_url: str) -> bool | Unknown:
        response = await self._call("POST", "/payments/link/disable", encode({"link": page_url}))
        if not isinstance(response, httpx.Response):
            return _unanswered(response)
        try:
            return answers.page_closed(response)
        except Unreadable as fault:
            return Unknown(detail=f"unreadable answer: {fault}")

    async def _refund_made_earlier(self, request: RefundRequest) -> RefundAnswer:
        """What a refusal such as "already refunded" means: ours made earlier, or no room for ours."""
        found = await self.look_up_refunds(request.handle)
        if isinstance(found, Unknown):
            return found
        for refund in found.refunds:
            if refund.refund_id == request.refund_id:
                return refund
        taken = sum(refund.amount for refund in found.refunds if refund.status is not RefundStatus.FAILED)
        if taken + request.amount > request.handle.amount:
            return RefundRefused(detail="other refunds leave less than this", cause=RefusalCause.LESS_LEFT)
        return Unknown(detail="refused as if it existed, but not listed")

    async def _captured_id(self, handle: PaymentHandle) -> str | RefundRefused | NotSent | Unknown:
        """The transaction that a refund is about: refunds are asked for by id, never by reference."""
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


def _age(payment: GatewayPayment) -> tuple[str, str]:
    created = payment.created_at.isoformat() if payment.created_at else ""
    return created, payment.payment_id.zfill(64)


REGISTRATION: Final = Registration(
    capabilities=Capabilities(
        name=NAME,
        display_name="Flutterwave",
        methods=frozenset({MethodType.CARD, MethodType.HOSTED, MethodType.MOBILE_MONEY}),
        captures=frozenset({CaptureMethod.AUTOMATIC}),
        currencies=CURRENCIES,
        mobile_money={currency: frozenset(wallets.networks) for currency, wallets in WALLETS.items()},
        customer_fields=frozenset({"email"}),
        partial_capture=False,
        partial_refund=True,
        challenge=False,
        key_life=None,
        # What a payment under way does once its page is disabled is not documented.
        fence=False,
        # Flutterwave waits 28 s for those behind it and then answers 503, "the request is still processing"
        # being one of the reasons (https://developer.flutterwave.com/docs/handling-error-timeouts). Our own
        # call ends within 28 s of its start (transport.total_timeout). No upper bound is documented for
        # what is still processing after its 503, so the sum, about a minute, is taken ten times. Webhook
        # retries (3, half an hour apart) do not count: look-ups do not wait for them.
        quiet_period=timedelta(minutes=10),
    ),
    credentials=FlutterwaveCredentials,
    build=lambda credentials: Flutterwave(credentials, transport.open_client(credentials)),
)
