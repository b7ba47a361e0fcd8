"""Adyen: stored cards and Pay by Link pages. https://docs.adyen.com/api-explorer/Checkout/71/overview

Idempotency keys make every POST safe to repeat for at least 7 days. There is no call that tells what became
of a card payment, so its signed webhooks do: a look-up reads those that the inbox has kept, and what is
unclear is sent again under its key. A payment link can be asked for: it tells whether a page was paid, not by
which payment.

Captures, voids and refunds are accepted with `received`; a webhook tells what came of them.
https://docs.adyen.com/online-payments/capture, /cancel and /refund
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final

import httpx
from pydantic import AfterValidator, Field, SecretStr

from domain.capabilities import Capabilities
from domain.checkout import CaptureMethod, MethodType
from domain.conclude import conclude
from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.money import InexactAmount, UnknownCurrency
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
from gateways import adyen_answers as answers
from gateways import adyen_notices as notices
from gateways import adyen_requests as requests
from gateways import transport
from gateways.adyen_answers import Unreadable
from gateways.adyen_currencies import EXPONENTS, to_wire
from gateways.adyen_notices import Notice
from gateways.adyen_requests import NAME, Prepared
from gateways.base import (
    CaptureRequest,
    ChargeRequest,
    Credentials,
    DisputeLookUpAnswer,
    Found,
    FoundDisputes,
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
    RefundStatus,
    Registration,
    VoidRequest,
    WebhookEvent,
)

_LINK: Final = re.compile(r"PL[A-Z0-9]{6,60}")
"""The id of a payment link, which no payment has."""

_MONEYED: Final = (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED)


def _header_safe(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]+", secret.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces")
    return secret


def _hexadecimal(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"([0-9A-Fa-f]{2})+", secret.get_secret_value()):
        raise ValueError("must be hexadecimal, as the Customer Area shows it")
    return secret


_HmacKey = Annotated[SecretStr, Field(min_length=2), AfterValidator(_hexadecimal)]


class AdyenCredentials(Credentials):
    base_url: str = Field(
        default="https://checkout-test.adyen.com/v71", pattern=r"^https?://[^\s/?#]+[^\s?#]*$"
    )
    """With the version. Live: `https://{PREFIX}-checkout-live.adyenpayments.com/checkout/v71`, with the
    account's own PREFIX. https://docs.adyen.com/development-resources/live-endpoints"""
    api_key: Annotated[SecretStr, Field(min_length=1), AfterValidator(_header_safe)]
    merchant_account: str = Field(pattern=r"^[\x21-\x7e]{1,80}$")
    hmac_key: _HmacKey
    """Of the standard webhook that points to this account."""
    previous_hmac_key: _HmacKey | None = None
    """Accepted for webhooks while a new one is taken into use."""


class Adyen(Gateway):
    def __init__(self, credentials: AdyenCredentials, client: httpx.AsyncClient) -> None:
        self._client = client
        self._base_url = credentials.base_url.rstrip("/")
        self._merchant_account = credentials.merchant_account
        self._headers = {
            "X-API-Key": credentials.api_key.get_secret_value(),
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        keys = (credentials.hmac_key, credentials.previous_hmac_key)
        self._hmac_keys = tuple(bytes.fromhex(key.get_secret_value()) for key in keys if key is not None)
        self._total_timeout = transport.total_timeout(credentials)

    async def charge(self, request: ChargeRequest) -> Outcome:
        prepared = requests.prepare(request, self._merchant_account)
        if isinstance(prepared, Decline):
            return Declined(decline=prepared)
        response = await self._post(prepared, request.idempotency_key)
        if not isinstance(response, httpx.Response):
            return response
        try:
            if request.method.type is MethodType.HOSTED:
                return answers.page_outcome(response, request)
            return answers.payment_outcome(response, request.capture_method)
        except Unreadable as fault:
            return Unknown(detail=f"unreadable answer: {fault}")

    async def look_up(self, handle: PaymentHandle) -> LookUpAnswer:
        """What the webhooks have told; for a page, what its link tells besides.

        Found without payments only for a link that has expired unpaid: silence is no evidence.
        """
        told = notices.payments(handle, notices.read(handle))
        link_id = _link_of(handle)
        if any(payment.status in _MONEYED for payment in told):
            return Found(payments=told)
        if link_id is not None:
            return await self._look_up_page(link_id, told)
        if told:
            return Found(payments=told)
        if handle.payment_id is None:
            return Unknown(detail="Adyen has not told of it yet, and cannot be asked")
        return Found(payments=(_undecided(handle, handle.payment_id),))

    async def close(self, handle: PaymentHandle) -> Outcome:
        """Expire the link of a page. A card payment waits for nobody: there is nothing to close.

        Money that the webhooks have told of comes first. A fault is Unknown, never NotSent: that would speak
        of the attempt, not of this call.
        """
        told = self._concluded(handle)
        link_id = _link_of(handle)
        if isinstance(told, Approved | Mismatch):
            return told
        if link_id is None:
            return told if isinstance(told, Declined | Canceled) else Pending(detail="nothing to close")
        response = await self._call("PATCH", requests.link_path(link_id), requests.expiry())
        if not isinstance(response, httpx.Response):
            return Unknown(detail=response.detail)
        try:
            if response.status_code != 200:
                # It is past closing: paid, or closed already.
                response = await self._call("GET", requests.link_path(link_id))
                if not isinstance(response, httpx.Response):
                    return Unknown(detail=response.detail)
            link = answers.read_link(response)
        except Unreadable as fault:
            return Unknown(detail=f"unreadable link: {fault}")
        if link.status == "expired":
            return Canceled(payment_id=link_id)
        return Pending(detail=f"the link is {link.status[:20]}", payment_id=link_id)

    async def capture(self, request: CaptureRequest) -> Outcome:
        """Pending once Adyen has accepted it; asked again, what the webhooks have told of it since."""
        known = notices.read(request.handle)
        payment = self._payment(request.handle, known)
        payment_id = self._payment_id(request.handle, payment)
        if payment_id is None:
            return Unknown(detail="the payment is not known yet")
        if payment is not None and payment.status is PaymentStatus.CAPTURED:
            return Approved(payment=payment)
        if payment is not None and payment.status is PaymentStatus.CANCELED:
            return Canceled(payment_id=payment_id)
        try:
            value = to_wire(request.amount, request.handle.currency)
            prepared = requests.capture(request, payment_id, self._merchant_account)
        except (UnknownCurrency, InexactAmount):
            return _not_possible("Adyen cannot express the amount", payment_id)
        if notices.failed("CAPTURE", payment_id, known, value):
            return _not_possible("Adyen could not capture it", payment_id)
        return await self._accepted(prepared, request.idempotency_key, payment_id)

    async def void(self, request: VoidRequest) -> Outcome:
        if request.handle.capture_method is CaptureMethod.AUTOMATIC:
            return _not_possible("captured at once: refund instead", request.handle.payment_id)
        known = notices.read(request.handle)
        payment = self._payment(request.handle, known)
        payment_id = self._payment_id(request.handle, payment)
        if payment_id is None:
            return Unknown(detail="the payment is not known yet")
        if payment is not None and payment.status is PaymentStatus.CANCELED:
            return Canceled(payment_id=payment_id)
        taken = payment is not None and payment.status is PaymentStatus.CAPTURED
        if taken or notices.failed("CANCELLATION", payment_id, known):
            return _not_possible("captured already: refund instead", payment_id)
        prepared = requests.cancel(request, payment_id, self._merchant_account)
        return await self._accepted(prepared, request.idempotency_key, payment_id)

    async def refund(self, request: RefundRequest) -> RefundAnswer:
        payment = self._payment(request.handle, notices.read(request.handle))
        payment_id = self._payment_id(request.handle, payment)
        if payment_id is None:
            return NotSent(cause=NotSentCause.UNREACHABLE, detail="the payment is not known yet")
        try:
            prepared = requests.refund(request, payment_id, self._merchant_account)
        except (UnknownCurrency, InexactAmount):
            return RefundRefused(detail="Adyen cannot express the amount")
        response = await self._post(prepared, request.idempotency_key)
        if not isinstance(response, httpx.Response):
            return response
        try:
            if response.status_code == 201:
                return GatewayRefund(
                    gateway_refund_id=answers.received(response).pspReference,
                    refund_id=request.refund_id,
                    status=RefundStatus.PENDING,
                    amount=request.amount,
                )
            refused = answers.refused_request(response)
        except Unreadable as fault:
            return Unknown(detail=f"unreadable answer: {fault}")
        if isinstance(refused, Declined):
            return RefundRefused(detail=refused.decline.message)
        return refused if isinstance(refused, Unknown) else Unknown(detail="being worked on")

    async def look_up_refunds(self, handle: PaymentHandle) -> RefundLookUpAnswer:
        """Those that Adyen has decided; one that it has only accepted is not among them."""
        known = notices.read(handle)
        payment_id = self._payment_id(handle, self._payment(handle, known))
        return FoundRefunds(refunds=() if payment_id is None else notices.refunds(payment_id, known))

    async def look_up_disputes(self, handle: PaymentHandle) -> DisputeLookUpAnswer:
        known = notices.read(handle)
        payment_id = self._payment_id(handle, self._payment(handle, known))
        return FoundDisputes(disputes=() if payment_id is None else notices.disputes(payment_id, known))

    async def list_payments(
        self,
        since: datetime,  # noqa: ARG002 - there is nothing to ask
        until: datetime,  # noqa: ARG002
        cursor: str | None = None,  # noqa: ARG002
    ) -> PaymentPageAnswer:
        return Unknown(detail="Adyen lists payments in its settlement reports only")

    def read_webhook(
        self,
        body: bytes,
        headers: Mapping[str, str],  # noqa: ARG002 - the signature is in the body
        now: datetime,  # noqa: ARG002 - these webhooks are sent again for weeks: no time is checked
    ) -> WebhookEvent:
        return notices.read_webhook(body, self._hmac_keys, self._merchant_account)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _post(self, prepared: Prepared, key: str) -> httpx.Response | NotSent | Unknown:
        return await self._call("POST", prepared.path, prepared.body, {"Idempotency-Key": key})

    async def _call(
        self, method: str, path: str, body: bytes | None = None, more: Mapping[str, str] | None = None
    ) -> httpx.Response | NotSent | Unknown:
        request = self._client.build_request(
            method, f"{self._base_url}{path}", content=body, headers={**self._headers, **(more or {})}
        )
        response = await transport.send(self._client, request, total_timeout=self._total_timeout)
        if not isinstance(response, httpx.Response):
            return response
        return transport.refusal(response.status_code, response.headers) or response

    async def _accepted(self, prepared: Prepared, key: str, payment_id: str) -> Outcome:
        response = await self._post(prepared, key)
        if not isinstance(response, httpx.Response):
            return response
        try:
            if response.status_code == 201:
                answers.received(response)
                return Pending(detail="accepted, not decided", payment_id=payment_id)
            refused = answers.refused_request(response)
        except Unreadable as fault:
            return Unknown(detail=f"unreadable answer: {fault}")
        if isinstance(refused, Declined):
            return _not_possible(refused.decline.message, payment_id)
        return refused

    async def _look_up_page(self, link_id: str, told: tuple[GatewayPayment, ...]) -> LookUpAnswer:
        response = await self._call("GET", requests.link_path(link_id))
        if not isinstance(response, httpx.Response):
            return Unknown(detail=f"look-up: {response.detail}")
        if response.status_code != 200:
            return Unknown(detail=f"look-up: status {response.status_code}")
        try:
            link = answers.read_link(response)
            if link.status == "expired":
                return Found(payments=told)
            return Found(payments=(*told, answers.link_payment(link, None)))
        except Unreadable as fault:
            return Unknown(detail=f"unreadable link: {fault}")

    def _concluded(self, handle: PaymentHandle) -> Outcome:
        return conclude(
            notices.payments(handle, notices.read(handle)),
            reference=handle.reference,
            amount=handle.amount,
            currency=handle.currency,
            capture_method=handle.capture_method,
            page=handle.page_url is not None,
        )

    @staticmethod
    def _payment(handle: PaymentHandle, known: tuple[Notice, ...]) -> GatewayPayment | None:
        """The one that captures, voids and refunds are about: the one with money, where there are several."""
        told = sorted(notices.payments(handle, known), key=lambda payment: payment.status not in _MONEYED)
        released = [payment for payment in told if payment.status is not PaymentStatus.DECLINED]
        return released[0] if released else None

    @staticmethod
    def _payment_id(handle: PaymentHandle, payment: GatewayPayment | None) -> str | None:
        if payment is not None:
            return payment.payment_id
        return None if _link_of(handle) is not None else handle.payment_id


def _link_of(handle: PaymentHandle) -> str | None:
    known = handle.payment_id
    return known if known is not None and _LINK.fullmatch(known) else None


def _undecided(handle: PaymentHandle, payment_id: str) -> GatewayPayment:
    """Adyen has named the payment in an answer and told nothing of it since."""
    return GatewayPayment(
        payment_id=payment_id,
        reference=handle.reference,
        status=PaymentStatus.PENDING,
        amount=handle.amount,
        currency=handle.currency,
    )


def _not_possible(message: str, payment_id: str | None) -> Declined:
    decline = Decline(category=DeclineCategory.HARD, code=DeclineCode.PROCESSING_ERROR, message=message)
    return Declined(decline=decline, payment_id=payment_id)


REGISTRATION: Final = Registration(
    capabilities=Capabilities(
        name=NAME,
        display_name="Adyen",
        methods=frozenset({MethodType.CARD, MethodType.HOSTED}),
        captures=frozenset(CaptureMethod),
        currencies=frozenset(EXPONENTS),
        partial_capture=True,
        partial_refund=True,
        # A challenge needs Adyen's own page: a card that must authenticate goes there.
        challenge=False,
        # "valid for a minimum period of 7 days after first submission"
        # (docs.adyen.com/development-resources/api-idempotency; an older text of it says 31).
        key_life=timedelta(days=7),
        # A link that is expired takes no new payment; what becomes of one that is at its bank's challenge
        # just then is not documented.
        fence=False,
        closes_pages=True,
        told_by_webhook=True,
        settles_later=True,
        lists_payments=False,
        # Our own call ends within 28 s of its start (transport.total_timeout), and a 3-D Secure challenge
        # that had begun before its page was closed is over within 10 minutes (the time-outs of EMV 3-D
        # Secure, chapter 5.5). Their sum, rounded up by half.
        quiet_period=timedelta(minutes=15),
        # "Adyen expires an authorisation request automatically after 28 days" for all major cards, but the
        # schemes' own limits are shorter, and a capture after them may fail: Visa's 7 days are the shortest.
        # (adyen.help: Which payment methods support separate authorisation and capture?)
        authorization_life=timedelta(days=7),
    ),
    credentials=AdyenCredentials,
    build=lambda credentials: Adyen(credentials, transport.open_client(credentials)),
    webhook_reply="[accepted]",
)
