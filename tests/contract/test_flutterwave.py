"""What is particular to Flutterwave, against the sandbox: no keys, major units, pages that stay open."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.checkout import CaptureMethod, MethodType, PaymentMethod
from domain.ids import Prefix, attempt_id, new_id
from domain.outcome import (
    ActionRequired,
    Approved,
    Canceled,
    Declined,
    NextActionType,
    NotSent,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways.base import (
    ChargeRequest,
    Found,
    FoundRefunds,
    Gateway,
    GatewayRefund,
    PaymentHandle,
    RefundRefused,
    RefundRequest,
    RefundStatus,
)
from gateways.flutterwave import REGISTRATION
from sandbox.client import SandboxClient
from tests.contract.case import CUSTOMER, card
from tests.contract.cases.flutterwave import CASE
from tests.patience import PATIENCE
from tests.sandbox_process import SandboxProcess

PAID = card("flutterwave", "flw-t1nf-success")
PAGE = PaymentMethod(type=MethodType.HOSTED)


@dataclass
class Attempt:
    """One attempt at the account under test, and the sandbox's view of it."""

    gateway: Gateway
    world: SandboxClient
    reference: str = field(default_factory=lambda: attempt_id(new_id(Prefix.CHECKOUT), 1))
    currency: str = "NGN"
    amount: int = 12_550
    page_url: str | None = None
    payment_id: str | None = None

    async def charge(self, method: PaymentMethod = PAID) -> Outcome:
        outcome = await self.gateway.charge(
            ChargeRequest(
                reference=self.reference,
                idempotency_key=f"{self.reference}/charge",
                amount=self.amount,
                currency=self.currency,
                capture_method=CaptureMethod.AUTOMATIC,
                method=method,
                customer=CUSTOMER,
                return_url="https://shop.example/return",
                expires_at=datetime(2030, 1, 1, tzinfo=UTC),
            )
        )
        if isinstance(outcome, ActionRequired) and method.type is MethodType.HOSTED:
            self.page_url = outcome.next_action.url
        return outcome

    @property
    def handle(self) -> PaymentHandle:
        return PaymentHandle(
            reference=self.reference,
            amount=self.amount,
            currency=self.currency,
            sent_at=datetime.now(UTC) - timedelta(minutes=1),
            payment_id=self.payment_id,
            page_url=self.page_url,
        )

    async def statuses(self) -> list[PaymentStatus]:
        found = await self.gateway.look_up(self.handle)
        assert isinstance(found, Found), found
        return [payment.status for payment in found.payments]

    async def refund(self, refund_id: str, amount: int) -> object:
        return await self.gateway.refund(
            RefundRequest(
                handle=self.handle, refund_id=refund_id, amount=amount, idempotency_key=f"{refund_id}/refund"
            )
        )

    async def ledger(self) -> list[tuple[str, int, str]]:
        rows = await self.world.ledger("flutterwave", self.reference)
        return [(row["kind"], row["amount"], row["currency"]) for row in rows]

    async def sent(self, operation: str) -> list[dict[str, Any]]:
        rows = await self.world.requests("flutterwave", self.reference)
        return [row for row in rows if row["operation"] == operation]


@pytest.fixture
async def attempt(sandbox: SandboxProcess) -> AsyncIterator[Attempt]:
    fields = dict(CASE.credentials(sandbox.gateways["flutterwave"]))
    credentials = REGISTRATION.credentials.model_validate(
        fields | {"connect_timeout": PATIENCE, "read_timeout": PATIENCE}
    )
    gateway = REGISTRATION.build(credentials)
    async with SandboxClient(sandbox.control) as world:
        yield Attempt(gateway, world)
        await world.clear_faults()
    await gateway.aclose()


@pytest.mark.parametrize(
    ("currency", "amount"), [("UGX", 5_000), ("XOF", 1), ("NGN", 12_550), ("NGN", 1), ("KES", 99_999)]
)
async def test_the_ledger_shows_the_amount_to_the_last_digit(
    attempt: Attempt, currency: str, amount: int
) -> None:
    attempt.currency, attempt.amount = currency, amount
    outcome = await attempt.charge()
    assert isinstance(outcome, Approved)
    assert outcome.payment.amount_captured == amount
    assert await attempt.ledger() == [("capture", amount, currency)]
    assert await attempt.statuses() == [PaymentStatus.CAPTURED]


@pytest.mark.parametrize(
    ("currency", "network", "phone", "action"),
    [
        ("UGX", "MTN", "+256700000001", NextActionType.REDIRECT),
        ("GHS", "MTN", "+233540000001", NextActionType.REDIRECT),
        ("RWF", None, "+250780000001", NextActionType.REDIRECT),
        ("ZMW", "AIRTEL", "+260970000001", NextActionType.REDIRECT),
        ("TZS", "AIRTEL", "+255780000001", NextActionType.MOBILE_PROMPT),
        ("XAF", "MTN", "+237670000001", NextActionType.MOBILE_PROMPT),
        ("XOF", "ORANGEMONEY", "+2250700000001", NextActionType.MOBILE_PROMPT),
        ("KES", "MPESA", "+254700000001", NextActionType.MOBILE_PROMPT),
    ],
)
async def test_mobile_money_prompts_and_then_succeeds(
    attempt: Attempt, currency: str, network: str | None, phone: str, action: NextActionType
) -> None:
    attempt.currency, attempt.amount = currency, 5_000
    method = PaymentMethod(type=MethodType.MOBILE_MONEY, network=network, phone=phone)
    outcome = await attempt.charge(method)
    assert isinstance(outcome, ActionRequired)
    assert outcome.next_action.type is action
    await eventually(attempt, [PaymentStatus.CAPTURED])
    assert await attempt.ledger() == [("capture", 5_000, currency)]
    assert isinstance(await attempt.gateway.close(attempt.handle), Approved)


async def test_a_documented_failing_number_is_declined(attempt: Attempt) -> None:
    attempt.currency, attempt.amount = "KES", 5_000
    method = PaymentMethod(type=MethodType.MOBILE_MONEY, phone="254121212121")
    assert isinstance(await attempt.charge(method), Declined)
    assert await attempt.statuses() == [PaymentStatus.DECLINED]


async def test_a_page_that_fails_and_is_then_paid_shows_both_tries(attempt: Attempt) -> None:
    assert isinstance(await attempt.charge(PAGE), ActionRequired)
    assert attempt.page_url is not None
    assert await attempt.statuses() == []
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = await browser.get(attempt.page_url)
        assert "125.50" in page.text
        await browser.post(attempt.page_url, data={"action": "decline"})
        assert await attempt.statuses() == [PaymentStatus.DECLINED]
        await browser.post(attempt.page_url, data={"action": "pay"})
    assert await attempt.statuses() == [PaymentStatus.DECLINED, PaymentStatus.CAPTURED]
    assert [kind for kind, _, _ in await attempt.ledger()] == ["decline", "capture"]
    closed = await attempt.gateway.close(attempt.handle)
    assert isinstance(closed, Approved)


async def test_a_disabled_page_cannot_be_paid_and_closing_twice_is_closed(attempt: Attempt) -> None:
    await attempt.charge(PAGE)
    await attempt.world.settle(attempt.reference, "failed")
    assert isinstance(await attempt.gateway.close(attempt.handle), Canceled)
    assert isinstance(await attempt.gateway.close(attempt.handle), Canceled)
    with pytest.raises(httpx.HTTPStatusError):
        await attempt.world.settle(attempt.reference, "paid")
    assert [kind for kind, _, _ in await attempt.ledger()] == ["decline"]


@pytest.mark.parametrize("fault", ["timeout_after", "error_after", "reset_after", "malformed"])
async def test_a_page_whose_closing_went_unanswered_is_not_called_closed(
    attempt: Attempt, fault: str
) -> None:
    await attempt.charge(PAGE)
    await attempt.world.fault("flutterwave", "cancel", fault, count=1, seconds=1)
    assert isinstance(await attempt.gateway.close(attempt.handle), Unknown)
    assert isinstance(await attempt.gateway.close(attempt.handle), Canceled)


async def test_a_prompt_on_a_phone_cannot_be_closed(attempt: Attempt) -> None:
    assert isinstance(await attempt.charge(card("flutterwave", "flw-t1nf-pending")), Pending)
    assert isinstance(await attempt.gateway.close(attempt.handle), Pending)
    assert await attempt.sent("cancel") == []


@pytest.mark.parametrize(
    ("does", "status", "kind"),
    [("paid", PaymentStatus.CAPTURED, Approved), ("failed", PaymentStatus.DECLINED, Declined)],
)
async def test_a_saved_card_may_still_ask_for_the_customer(
    attempt: Attempt, does: str, status: PaymentStatus, kind: type
) -> None:
    """A look-up does not tell where to send the customer: until they act it is just pending."""
    outcome = await attempt.charge(card("flutterwave", "flw-t1nf-redirect"))
    assert isinstance(outcome, ActionRequired)
    assert outcome.next_action.type is NextActionType.REDIRECT
    attempt.payment_id = outcome.payment_id
    assert await attempt.statuses() == [PaymentStatus.PENDING]
    assert isinstance(await attempt.gateway.close(attempt.handle), Pending)
    await attempt.world.settle(str(outcome.payment_id), does)
    assert await attempt.statuses() == [status]
    assert isinstance(await attempt.gateway.close(attempt.handle), kind)


async def test_the_same_charge_sent_twice_charges_twice(attempt: Attempt) -> None:
    """Why the workflow never does: no key protects, and the adapter sends exactly what it is asked to."""
    await attempt.charge()
    await attempt.charge()
    first, second = await attempt.sent("charge")
    assert first["body_sha256"] == second["body_sha256"]
    assert first["idempotency_key"] is None
    assert await attempt.ledger() == [("capture", 12_550, "NGN")] * 2
    assert await attempt.statuses() == [PaymentStatus.CAPTURED] * 2


@pytest.mark.parametrize("fault", ["timeout_after", "error_after", "reset_after", "malformed"])
async def test_a_lost_answer_is_looked_up_and_not_repeated(attempt: Attempt, fault: str) -> None:
    await attempt.world.fault("flutterwave", "charge", fault, count=1, seconds=1)
    assert isinstance(await attempt.charge(), Unknown)
    assert await attempt.statuses() == [PaymentStatus.CAPTURED]
    assert len(await attempt.sent("charge")) == 1


@pytest.mark.parametrize("fault", ["rate_limit", "unauthorized"])
async def test_refused_at_the_door_had_no_effect(attempt: Attempt, fault: str) -> None:
    await attempt.world.fault("flutterwave", "charge", fault, count=1)
    assert isinstance(await attempt.charge(), NotSent)
    assert await attempt.ledger() == []


async def test_refunds_are_told_apart_by_our_id_in_their_comments(attempt: Attempt) -> None:
    await attempt.charge()
    for refund_id, amount in (("re_first", 2_550), ("re_second", 10_000)):
        answer = await attempt.refund(refund_id, amount)
        assert isinstance(answer, GatewayRefund)
        assert (answer.refund_id, answer.amount, answer.status) == (refund_id, amount, RefundStatus.PENDING)
    refunds = await settled_refunds(attempt)
    assert {(item.refund_id, item.amount) for item in refunds} == {("re_first", 2_550), ("re_second", 10_000)}
    assert await attempt.ledger() == [
        ("capture", 12_550, "NGN"),
        ("refund", 2_550, "NGN"),
        ("refund", 10_000, "NGN"),
    ]


async def test_a_lost_refund_is_found_by_its_comment(attempt: Attempt) -> None:
    await attempt.charge()
    await attempt.world.fault("flutterwave", "refund", "reset_after", count=1)
    assert isinstance(await attempt.refund("re_lost", 12_550), Unknown)
    found = await attempt.gateway.look_up_refunds(attempt.handle)
    assert isinstance(found, FoundRefunds)
    assert [item.refund_id for item in found.refunds] == ["re_lost"]
    # Sent again, it is refused because of the first: that must not read as "not refunded".
    again = await attempt.refund("re_lost", 12_550)
    assert isinstance(again, GatewayRefund)
    assert again.gateway_refund_id == found.refunds[0].gateway_refund_id
    assert isinstance(await attempt.refund("re_another", 12_550), RefundRefused)
    assert [kind for kind, _, _ in await attempt.ledger()] == ["capture", "refund"]


async def eventually(attempt: Attempt, expected: list[PaymentStatus]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if await attempt.statuses() == expected:
                return
            await asyncio.sleep(0.02)


async def settled_refunds(attempt: Attempt) -> tuple[GatewayRefund, ...]:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await attempt.gateway.look_up_refunds(attempt.handle)
            assert isinstance(found, FoundRefunds)
            if all(item.status is RefundStatus.SUCCEEDED for item in found.refunds):
                return found.refunds
            await asyncio.sleep(0.05)
