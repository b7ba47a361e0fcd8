"""What is Paystack's own: words, counting, references; and an outside client against the sandbox."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from pypaystack2 import AsyncPaystackClient
from pypaystack2.base_clients import AbstractAPIClient
from structlog.testing import capture_logs

from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from domain.conclude import check
from domain.decline import DeclineCategory, DeclineCode
from domain.ids import Prefix, attempt_id, new_id
from domain.outcome import (
    ActionRequired,
    Approved,
    Declined,
    Mismatch,
    NextActionType,
    NotSent,
    NotSentCause,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways import paystack_declines as declines
from gateways.base import ChargeRequest, RefundStatus
from gateways.paystack import REGISTRATION, Paystack, PaystackCredentials
from gateways.paystack_answers import REFUND_STATUSES, STATUSES, read_payment, read_refund
from gateways.paystack_requests import from_wire, to_wire
from sandbox.client import SandboxClient
from tests.contract.case import ACCOUNT
from tests.contract.cases.paystack import CASE
from tests.contract.scripted import scripted_server, text
from tests.contract.trial import Adapters, Trial
from tests.sandbox_process import SandboxProcess

Json = dict[str, Any]
KEY = "sk_test_secret"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REFERENCE = "att_01jdk2m3xv8q4w7y9z0a1b2c3d_1"
CARD = PaymentMethod(type=MethodType.CARD, tokens={"paystack": "AUTH_72btv547"})


def row(**changes: object) -> Json:
    """A transaction, as the documentation shows it."""
    return {
        "id": 4099260516,
        "domain": "test",
        "status": "success",
        "reference": to_wire(REFERENCE),
        "amount": 12550,
        "message": None,
        "gateway_response": "Successful",
        "created_at": "2026-03-01T11:59:58.000Z",
        "currency": "NGN",
        "requested_amount": 12550,
        **changes,
    }


def asked(method: PaymentMethod = CARD, *, amount: int = 12550, currency: str = "NGN") -> ChargeRequest:
    return ChargeRequest(
        reference=REFERENCE,
        idempotency_key=f"{REFERENCE}/charge",
        amount=amount,
        currency=currency,
        capture_method=CaptureMethod.AUTOMATIC,
        method=method,
        customer=Customer(email="ada@example.com", phone="+233551234987", country="GH"),
        return_url="https://shop.example/return",
        expires_at=NOW + timedelta(hours=1),
    )


async def charged(
    status: int, answer: object, request: ChargeRequest | None = None
) -> tuple[Outcome, list[Json]]:
    """The outcome of an answer, and the bodies that were sent for it."""
    async with scripted_server() as server:
        for path in ("/transaction/charge_authorization", "/transaction/initialize", "/charge"):
            server.on(f"POST {path}", text(status, json.dumps(answer)))
        gateway = adapter(server.base_url)
        try:
            outcome = await gateway.charge(request or asked())
        finally:
            await gateway.aclose()
        return outcome, [json.loads(received.body) for received in server.received]


def adapter(base_url: str) -> Paystack:
    built = REGISTRATION.build(PaystackCredentials(base_url=base_url, secret_key=SecretStr(KEY)))
    assert isinstance(built, Paystack)
    return built


def attempted(**changes: object) -> Json:
    return {"status": True, "message": "Charge attempted", "data": row(**changes)}


def refused(message: str, **more: object) -> Json:
    return {"status": False, "message": message, **more}


# Words


@pytest.mark.parametrize("known", declines.DOCUMENTED, ids=lambda known: known.text)
def test_every_documented_text_is_mapped(known: declines.Row) -> None:
    decline, verdict = declines.decline_of(f"  {known.text.upper()}.  ")
    assert (decline.category, decline.code, verdict) == (known.category, known.code, known.verdict)
    assert known.source.startswith("https://")


def test_the_reason_counts_before_the_bare_declined() -> None:
    decline, _ = declines.decline_of("Declined. Insufficient Funds")
    assert decline.code is DeclineCode.INSUFFICIENT_FUNDS


def test_a_text_that_nobody_has_seen_is_soft_and_told_once() -> None:
    with capture_logs() as logs:
        for number in range(3):
            decline, verdict = declines.decline_of(f"Zorp failure {number}{number}")
            assert decline.category is DeclineCategory.SOFT
            assert decline.gateway_code is None
            assert verdict is declines.Verdict.UNMAPPED
    assert [entry["code"] for entry in logs] == ["zorp failure #"]


DOCUMENTED_STATUSES = "abandoned failed ongoing pending processing queued reversed success"
DOCUMENTED_REFUND_STATUSES = "pending processing processed failed needs-attention"


def test_every_documented_status_is_mapped() -> None:
    assert set(STATUSES) == set(DOCUMENTED_STATUSES.split())
    assert set(REFUND_STATUSES) == set(DOCUMENTED_REFUND_STATUSES.split())


def test_an_unknown_status_is_pending() -> None:
    assert read_payment(row(status="teleported")).status is PaymentStatus.PENDING
    refund = {"id": 1, "status": "teleported", "amount": 100, "currency": "NGN"}
    assert read_refund(refund).status is RefundStatus.PENDING


# Answers to a charge


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("success", Approved),
        ("failed", Declined),
        ("abandoned", Pending),
        ("queued", Pending),
        ("send_otp", Pending),
        ("teleported", Pending),
    ],
)
async def test_a_charge_is_what_its_status_says(status: str, kind: type[Outcome]) -> None:
    outcome, _ = await charged(200, attempted(status=status, gateway_response="Declined"))
    assert isinstance(outcome, kind)


async def test_an_approval_without_an_id_is_looked_up() -> None:
    outcome, _ = await charged(200, attempted(id=None))
    assert isinstance(outcome, Pending)


async def test_a_failure_on_a_fault_further_down_is_looked_up_before_it_is_believed() -> None:
    outcome, _ = await charged(200, attempted(status="failed", gateway_response="Error, please try again"))
    assert isinstance(outcome, Pending)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (
            400,
            refused("Duplicate Transaction Reference", type="validation_error"),
        ),
        (400, refused("Zorp", type="api_error", code="unknown")),
        (400, refused("Request timed out", type="processor_error")),
        (200, {"status": "true", "data": row()}),
        (200, attempted(amount=12550.5)),
        (200, attempted(amount=True)),
        (200, attempted(currency="ngn")),
        (200, []),
    ],
)
async def test_what_says_nothing_sure_is_unknown(status: int, answer: object) -> None:
    outcome, _ = await charged(status, answer)
    assert isinstance(outcome, Unknown)


async def test_a_refused_request_has_charged_nobody() -> None:
    token, _ = await charged(400, refused("Email does not match Authorization code. Please confirm."))
    assert isinstance(token, Declined)
    assert token.decline.code is DeclineCode.INVALID_TOKEN
    other, _ = await charged(400, refused("Zorp is required", type="validation_error"))
    assert isinstance(other, Declined)
    assert other.decline.category is DeclineCategory.CONFIGURATION


async def test_a_bad_key_is_told_by_400_too() -> None:
    outcome, _ = await charged(400, refused("Invalid key"))
    assert isinstance(outcome, NotSent)
    assert outcome.cause is NotSentCause.UNAUTHORIZED


async def test_a_paused_card_sends_the_customer_to_its_page() -> None:
    url = "https://checkout.paystack.com/x1"
    data = {"paused": True, "authorization_url": url, "reference": to_wire(REFERENCE), "access_code": "x1"}
    outcome, _ = await charged(200, {"status": True, "message": "", "data": data})
    assert isinstance(outcome, ActionRequired)
    assert (outcome.next_action.type, outcome.next_action.url) == (NextActionType.REDIRECT, url)


# Counting


def test_what_was_asked_for_counts_where_the_customer_bears_the_fee() -> None:
    payment = read_payment(row(amount=13000))
    assert (payment.amount, payment.amount_captured) == (12550, 12550)
    short = read_payment(row(amount=100))
    assert (short.amount, short.amount_captured) == (12550, 100)


def test_the_franc_is_counted_in_hundredths_it_does_not_have() -> None:
    payment = read_payment(row(currency="XOF", amount=500_000, requested_amount=500_000))
    assert payment.amount_captured == 5_000


async def test_money_that_is_back_already_is_no_payment() -> None:
    payment = read_payment(row(status="reversed"))
    assert (payment.amount_captured, payment.amount_refunded) == (12550, 12550)
    found = check(
        payment, reference=REFERENCE, amount=12550, currency="NGN", capture_method=CaptureMethod.AUTOMATIC
    )
    assert isinstance(found, Mismatch)


@pytest.mark.parametrize(
    ("currency", "network", "phone", "sent"),
    [
        ("GHS", "MTN", "+233 55 123-4987", {"phone": "0551234987", "provider": "mtn"}),
        ("GHS", "TELECEL", "0201234987", {"phone": "0201234987", "provider": "vod"}),
        ("KES", None, "+254710000000", {"phone": "+254710000000", "provider": "mpesa"}),
        ("XOF", "WAVE", "+2250700000000", {"phone": "0700000000", "provider": "wave"}),
    ],
)
async def test_a_phone_is_written_as_its_country_does(
    currency: str, network: str | None, phone: str, sent: Mapping[str, str]
) -> None:
    method = PaymentMethod(type=MethodType.MOBILE_MONEY, network=network, phone=phone)
    answer = {"status": True, "data": {"status": "pay_offline", "reference": to_wire(REFERENCE)}}
    outcome, (body,) = await charged(200, answer, asked(method, amount=5000, currency=currency))
    assert isinstance(outcome, ActionRequired)
    assert outcome.next_action.type is NextActionType.MOBILE_PROMPT
    assert body["mobile_money"] == sent
    assert body["amount"] == ("500000" if currency == "XOF" else "5000")


async def test_equal_requests_give_equal_bytes_with_a_reference_that_paystack_allows() -> None:
    _, first = await charged(200, attempted())
    _, second = await charged(200, attempted())
    assert json.dumps(first) == json.dumps(second)
    assert first[0]["reference"] == "att-01jdk2m3xv8q4w7y9z0a1b2c3d-1"
    assert from_wire(first[0]["reference"]) == REFERENCE
    assert from_wire("someone-elses") == "someone-elses"


@pytest.mark.parametrize("value", ["", " ", "a b", "k\u00e4y"])
def test_a_key_that_could_not_be_sent_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(ValidationError):
        PaystackCredentials(secret_key=SecretStr(value))


# An outside check: pypaystack2, which shares nothing with adapter or sandbox


@pytest.fixture
def outsider(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncPaystackClient:
    monkeypatch.setattr(AbstractAPIClient, "_BASE_URL", sandbox.gateways["paystack"])
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return AsyncPaystackClient(secret_key=f"sk_test_sandbox_{ACCOUNT}")


async def test_another_client_reads_what_the_sandbox_says(outsider: AsyncPaystackClient) -> None:
    reference = attempt_id(new_id(Prefix.CHECKOUT), 1).replace("_", "-")
    page: Any = await outsider.transactions.initialize(
        amount=20_000, email="a@example.com", reference=reference
    )
    assert page.status
    assert page.data is not None
    assert page.data.reference == reference
    waiting: Any = await outsider.transactions.verify(reference)
    assert waiting.data is not None
    assert waiting.data.status == "abandoned"

    paid: Any = await outsider.transactions.charge(
        amount=20_000, email="a@example.com", auth_code="paystack-tok-success", reference=f"{reference}-2"
    )
    assert paid.data is not None
    assert paid.data.status == "success"
    again: Any = await outsider.transactions.charge(
        amount=20_000, email="a@example.com", auth_code="paystack-tok-success", reference=f"{reference}-2"
    )
    assert (again.status_code, again.status) == (400, False)
    assert again.message == "Duplicate Transaction Reference"

    made: Any = await outsider.refunds.create(transaction=f"{reference}-2", amount=5_000)
    assert made.status
    assert made.raw is not None


async def test_another_verifier_takes_the_sandboxs_signatures(
    control: SandboxClient, adapters: dict[str, Adapters]
) -> None:
    verifier = AsyncPaystackClient(secret_key=f"sk_test_sandbox_{ACCOUNT}")
    trial = Trial(CASE, control, adapters["paystack"])
    route = f"POST /webhooks/{ACCOUNT}"
    async with scripted_server() as ours:
        ours.on(route, text(200, ""))
        await control.settings(webhook_base=f"{ours.base_url}/webhooks")
        await trial.paid()

        async def arrived() -> int:
            return len(ours.asked(route))

        await trial.until(arrived, bool)
        await control.settings(webhook_base=None)
        for sent in ours.asked(route):
            signature = sent.headers["x-paystack-signature"]
            assert verifier.is_verified_webhook_payload(sent.body, signature)
            assert not verifier.is_verified_webhook_payload(sent.body + b" ", signature)


async def test_a_refunds_event_names_its_transaction_not_itself() -> None:
    gateway = adapter("http://127.0.0.1:1")
    body = json.dumps(
        {"event": "refund.processed", "data": {"id": 7, "transaction_reference": to_wire(REFERENCE)}}
    ).encode()
    event = gateway.read_webhook(*CASE.webhook.signed(body, secret=KEY, at=NOW), NOW)
    assert (event.kind, event.reference, event.payment_id) == ("refund.processed", REFERENCE, None)
    dispute = {"event": "charge.dispute.create", "data": {"id": 9, "transaction": row()}}
    body = json.dumps(dispute).encode()
    event = gateway.read_webhook(*CASE.webhook.signed(body, secret=KEY, at=NOW), NOW)
    assert (event.reference, event.payment_id) == (REFERENCE, "4099260516")
    await gateway.aclose()


async def test_a_page_of_the_sandbox_is_paid_by_a_browser(
    control: SandboxClient, adapters: dict[str, Adapters]
) -> None:
    trial = Trial(CASE, control, adapters["paystack"])
    handle = await trial.opened()
    async with httpx.AsyncClient(trust_env=False) as browser:
        declined = await browser.post(handle.page_url or "", data={"action": "decline"})
        assert "failed" in declined.text
        paid = await browser.post(handle.page_url or "", data={"action": "pay"})
    assert paid.status_code == 302
    assert f"reference={to_wire(trial.reference)}" in paid.headers["location"]
    assert await trial.ledger() == [("capture", handle.amount, handle.currency)]
