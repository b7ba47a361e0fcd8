"""One payment tried through one adapter, with the simulator's ledger as the witness."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx

from domain.capabilities import Capabilities
from domain.checkout import CaptureMethod, MethodType, PaymentMethod
from domain.conclude import check, conclude
from domain.ids import Prefix, attempt_id, new_id
from domain.outcome import (
    ActionRequired,
    Approved,
    Canceled,
    Declined,
    GatewayPayment,
    Mismatch,
    NextActionType,
    NotFound,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways.base import (
    CaptureRequest,
    ChargeRequest,
    Found,
    FoundRefunds,
    Gateway,
    GatewayRefund,
    PaymentHandle,
    RefundAnswer,
    RefundRefused,
    RefundRequest,
    RefundStatus,
    VoidRequest,
)
from gateways.registry import registrations
from sandbox.client import SandboxClient
from tests.contract.case import ContractCase
from tests.contract.informed import Informed
from tests.patience import PATIENCE

HASTE = 0.5
"""Read time-out of the adapter that is made to wait in vain."""

_T = TypeVar("_T")


class Adapters:
    """One account of a case: an adapter as it should be, and one that soon gives up waiting."""

    def __init__(self, case: ContractCase, base_url: str) -> None:
        self.registration = registrations()[case.gateway]
        self._fields = case.credentials(base_url)
        self.patient = self.build()
        self.hasty = self.build(read_timeout=HASTE)
        self.browser = httpx.AsyncClient(trust_env=False)

    def build(self, *, read_timeout: float = 10.0) -> Gateway:
        values = {**self._fields, "connect_timeout": PATIENCE, "read_timeout": read_timeout}
        built: Gateway = self.registration.build(self.registration.credentials.model_validate(values))
        return built

    async def aclose(self) -> None:
        await self.patient.aclose()
        await self.hasty.aclose()
        await self.browser.aclose()


class Trial:
    def __init__(self, case: ContractCase, control: SandboxClient, adapters: Adapters) -> None:
        self.case = case
        self.control = control
        self.registration = adapters.registration
        self.gateway = self._informed(adapters.patient)
        self.hasty = self._informed(adapters.hasty)
        self.browser = adapters.browser
        self._adapters = adapters
        self.sent_at = datetime.now(UTC)
        self.reference = attempt_id(new_id(Prefix.CHECKOUT), 1)

    @property
    def can(self) -> Capabilities:
        return self.registration.capabilities

    @asynccontextmanager
    async def newcomer(self) -> AsyncIterator[Gateway]:
        """The same account without a connection: a kept one may be closed just as it is used again, and then
        nobody can say whether the request was read."""
        built = self._adapters.build()
        try:
            yield self._informed(built)
        finally:
            await built.aclose()

    def _informed(self, adapter: Gateway) -> Gateway:
        """As the activities ask it: with what its webhooks have told, where that is all there is."""
        return Informed(adapter, self.case.gateway, self.control) if self.can.told_by_webhook else adapter

    # What we ask

    def request(
        self,
        method: PaymentMethod | None = None,
        *,
        currency: str | None = None,
        capture: CaptureMethod = CaptureMethod.AUTOMATIC,
        amount: int | None = None,
    ) -> ChargeRequest:
        currency = currency or self.case.currency
        return ChargeRequest(
            reference=self.reference,
            idempotency_key=f"{self.reference}/charge",
            amount=self.case.amounts[currency] if amount is None else amount,
            currency=currency,
            capture_method=capture,
            method=method or self.case.success,
            customer=self.case.customer,
            return_url="https://shop.example/return",
            expires_at=self.sent_at + timedelta(hours=1),
        )

    def page(self) -> ChargeRequest:
        return self.request(PaymentMethod(type=MethodType.HOSTED))

    def handle(self, asked: ChargeRequest, outcome: Outcome | None = None) -> PaymentHandle:
        """What the attempt's row would hold after `outcome`; nothing but our own words without one."""
        payment_id: str | None = None
        match outcome:
            case Approved() | Mismatch():
                payment_id = outcome.payment.payment_id
            case ActionRequired() | Declined() | Canceled() | Pending():
                payment_id = outcome.payment_id
        page = isinstance(outcome, ActionRequired) and asked.method.type is MethodType.HOSTED
        return PaymentHandle(
            reference=asked.reference,
            amount=asked.amount,
            currency=asked.currency,
            sent_at=self.sent_at,
            payment_id=payment_id,
            page_url=outcome.next_action.url if page and isinstance(outcome, ActionRequired) else None,
            capture_method=asked.capture_method,
        )

    def capturing(self, handle: PaymentHandle, amount: int) -> CaptureRequest:
        return CaptureRequest(handle=handle, amount=amount, idempotency_key=f"{handle.reference}/capture")

    def voiding(self, handle: PaymentHandle) -> VoidRequest:
        return VoidRequest(handle=handle, idempotency_key=f"{handle.reference}/void")

    def refunding(self, handle: PaymentHandle, amount: int, number: int = 1) -> RefundRequest:
        refund_id = f"{handle.reference.replace('att_', 're_')}_{number}"
        return RefundRequest(
            handle=handle, refund_id=refund_id, amount=amount, idempotency_key=f"{refund_id}/refund"
        )

    # What it comes to

    async def found(self, handle: PaymentHandle) -> tuple[GatewayPayment, ...]:
        answer = await self.gateway.look_up(handle)
        assert isinstance(answer, Found), answer
        return answer.payments

    async def concluded(self, asked: ChargeRequest, handle: PaymentHandle) -> Outcome:
        """A look-up, read as the workflow reads it."""
        answer = await self.gateway.look_up(handle)
        if isinstance(answer, Unknown):
            return answer
        return conclude(
            answer.payments,
            reference=asked.reference,
            amount=asked.amount,
            currency=asked.currency,
            capture_method=asked.capture_method,
            page=asked.method.type is MethodType.HOSTED,
        )

    async def approved(self, asked: ChargeRequest, outcome: Outcome) -> GatewayPayment:
        """The payment behind `outcome` once it is approved and found to be the one asked for."""
        if not isinstance(outcome, Approved):
            assert isinstance(outcome, Pending | ActionRequired), outcome
            handle = self.handle(asked, outcome)
            outcome = await self.until(
                lambda: self.concluded(asked, handle), lambda seen: isinstance(seen, Approved)
            )
        assert isinstance(outcome, Approved)
        checked = check(
            outcome.payment,
            reference=asked.reference,
            amount=asked.amount,
            currency=asked.currency,
            capture_method=asked.capture_method,
        )
        assert checked == outcome
        return outcome.payment

    async def paid(
        self, *, currency: str | None = None, capture: CaptureMethod = CaptureMethod.AUTOMATIC
    ) -> PaymentHandle:
        """A payment that went well, as its row would know it."""
        asked = self.request(currency=currency, capture=capture)
        payment = await self.approved(asked, await self.gateway.charge(asked))
        return self.handle(asked, Approved(payment=payment))

    async def authorized(self) -> PaymentHandle:
        """A payment whose money is held, not taken."""
        handle = await self.paid(capture=CaptureMethod.MANUAL)
        (payment,) = await self.found(handle)
        assert payment.status is PaymentStatus.AUTHORIZED
        assert payment.amount_captured == 0
        assert await self.ledger() == [("authorize", handle.amount, handle.currency)]
        return handle

    async def opened(self) -> PaymentHandle:
        """A page that a browser can open, and nobody has paid."""
        asked = self.page()
        outcome = await self.gateway.charge(asked)
        assert isinstance(outcome, ActionRequired)
        assert outcome.next_action.type is NextActionType.REDIRECT
        handle = self.handle(asked, outcome)
        assert (await self.browser.get(handle.page_url or "")).status_code == 200
        return handle

    async def refunded(self, handle: PaymentHandle, answer: RefundAnswer) -> GatewayRefund:
        """The refund behind `answer` once it has succeeded, as the look-up tells it."""
        assert isinstance(answer, GatewayRefund), answer

        async def seen() -> GatewayRefund | None:
            found = await self.gateway.look_up_refunds(handle)
            assert isinstance(found, FoundRefunds), found
            same = [made for made in found.refunds if made.gateway_refund_id == answer.gateway_refund_id]
            return same[0] if same else None

        settled = await self.until(
            seen, lambda made: made is not None and made.status is RefundStatus.SUCCEEDED
        )
        assert settled is not None
        return settled

    async def refused(self, handle: PaymentHandle, answer: RefundAnswer) -> None:
        """A refund that is not made: refused at once or, where it settles later, failed."""
        if not self.can.settles_later:
            assert isinstance(answer, RefundRefused), answer
            return
        assert isinstance(answer, GatewayRefund), answer
        identifier = answer.gateway_refund_id

        async def decided() -> list[RefundStatus]:
            found = await self.gateway.look_up_refunds(handle)
            assert isinstance(found, FoundRefunds), found
            return [made.status for made in found.refunds if made.gateway_refund_id == identifier]

        assert await self.until(decided, bool) == [RefundStatus.FAILED]

    async def settled(self, ask: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """What a capture or void comes to: at once or, where it settles later, asked as long as it takes."""
        if not self.can.settles_later:
            return await ask()
        return await self.until(ask, lambda outcome: not isinstance(outcome, Pending))

    async def until(self, ask: Callable[[], Awaitable[_T]], good: Callable[[_T], bool]) -> _T:
        deadline = time.monotonic() + PATIENCE
        while not good(answer := await ask()):
            assert time.monotonic() < deadline, f"still {answer}"
            await asyncio.sleep(0.05)
        return answer

    # What the gateway knows

    async def ledger(self, *kinds: str) -> list[tuple[str, int, str]]:
        """(kind, amount in minor units, currency) of everything that happened to our money, oldest first."""
        rows = await self.control.ledger(gateway=self.case.gateway, reference=self.reference)
        return [
            (row["kind"], row["amount"], row["currency"])
            for row in rows
            if row["kind"] in (kinds or ("authorize", "capture", "void", "refund"))
        ]

    async def fault(self, operation: str, fault: str, **more: Any) -> None:
        if fault != "refuse":
            more = {"count": 1, **more}
        await self.control.fault(self.case.gateway, operation, fault, **more)

    async def settle(self, handle: PaymentHandle, outcome: str) -> None:
        await self.control.settle(handle.payment_id or handle.reference, outcome)


def unpaid(outcome: Outcome) -> bool:
    return not isinstance(outcome, Approved | Mismatch)


def definite(outcome: Outcome) -> bool:
    """No money, for certain."""
    return isinstance(outcome, Declined | Canceled | NotFound)
