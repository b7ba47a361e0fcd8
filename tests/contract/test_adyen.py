"""What is Adyen's own: codes, counting, notices; and Adyen's own library as judge and as client."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from Adyen import Adyen as AdyenClient
from Adyen import AdyenError
from Adyen.util import is_valid_hmac_notification
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from domain.decline import DeclineCategory, DeclineCode
from domain.dispute import DisputeStatus
from domain.ids import Prefix, attempt_id, new_id
from domain.money import EXPONENTS as ISO_EXPONENTS
from domain.outcome import (
    Approved,
    Canceled,
    Declined,
    GatewayPayment,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways import adyen_declines as declines
from gateways import adyen_notices as notices
from gateways.adyen import REGISTRATION, Adyen, AdyenCredentials
from gateways.adyen_answers import RESULT_CODES
from gateways.adyen_currencies import EXPONENTS, from_wire, to_wire
from gateways.adyen_notices import Notice
from gateways.base import (
    ChargeRequest,
    EventSubject,
    Found,
    InvalidSignature,
    PaymentHandle,
    RefundStatus,
)
from sandbox.client import SandboxClient
from tests.contract.case import ACCOUNT
from tests.contract.cases.adyen import CASE
from tests.contract.scripted import scripted_server, text
from tests.contract.trial import Adapters, Trial
from tests.sandbox_process import SandboxProcess

Json = dict[str, Any]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REFERENCE = "att_01jdk2m3xv8q4w7y9z0a1b2c3d_1"
PSP = "NC6HT9CRT65ZGN82"
LINK = "PLE83C39B0A0DE0C1E"

# The table of https://docs.adyen.com/development-resources/refusal-reasons, but for 0, which is none.
REFUSAL_REASONS = [
    str(code) for code in (*range(2, 13), *range(14, 30), *range(31, 47)) if code not in (13, 30)
]


def asked(card: str = "shopper-1/8415995487234100", **changes: object) -> ChargeRequest:
    return ChargeRequest.model_validate(
        {
            "reference": REFERENCE,
            "idempotency_key": f"{REFERENCE}:charge",
            "amount": 12_345,
            "currency": "EUR",
            "capture_method": CaptureMethod.AUTOMATIC,
            "method": PaymentMethod(type=MethodType.CARD, tokens={"adyen": card}),
            "customer": Customer(email="ada@example.com", country="NL", ip="145.0.0.1"),
            "return_url": "https://shop.example/return",
            "expires_at": NOW + timedelta(hours=1),
            **changes,
        }
    )


def payment(**changes: object) -> Json:
    return {
        "pspReference": PSP,
        "resultCode": "Authorised",
        "merchantReference": REFERENCE,
        "amount": {"currency": "EUR", "value": 12_345},
        **changes,
    }


def adapter(base_url: str = "http://127.0.0.1:1") -> Adyen:
    built = REGISTRATION.build(
        AdyenCredentials(
            base_url=base_url,
            api_key=SecretStr("key"),
            merchant_account="TestMerchant",
            hmac_key=SecretStr("00ff"),
        )
    )
    assert isinstance(built, Adyen)
    return built


async def charged(
    status: int, answer: object, request: ChargeRequest | None = None, **headers: str
) -> tuple[Outcome, Json]:
    """The outcome of an answer, and the body that was sent for it."""
    async with scripted_server() as server:
        for path in ("/payments", "/paymentLinks"):
            server.on(f"POST {path}", text(status, json.dumps(answer), **headers))
        gateway = adapter(server.base_url)
        try:
            outcome = await gateway.charge(request or asked())
        finally:
            await gateway.aclose()
        return outcome, json.loads(server.received[0].body)


def handle(
    *told: Notice, method: CaptureMethod = CaptureMethod.AUTOMATIC, **changes: object
) -> PaymentHandle:
    return PaymentHandle.model_validate(
        {
            "reference": REFERENCE,
            "amount": 12_345,
            "currency": "EUR",
            "sent_at": NOW,
            "capture_method": method,
            "notices": tuple(each.model_dump_json(exclude_none=True) for each in told),
            **changes,
        }
    )


def notice(event: str = "AUTHORISATION", *, success: bool = True, **changes: object) -> Notice:
    about = {} if event == "AUTHORISATION" else {"original": PSP, "psp": f"{event[:10]}1"}
    values = {"psp": PSP, "reference": REFERENCE, "value": 12_345, "currency": "EUR", **about, **changes}
    return Notice.model_validate({"event": event, "success": success, **values})


def read(found: PaymentHandle) -> GatewayPayment:
    (payment,) = notices.payments(found, notices.read(found))
    return payment


# What is sent


async def test_a_stored_card_is_charged_for_its_own_shopper() -> None:
    _, sent = await charged(200, payment())

    assert sent["paymentMethod"] == {"type": "scheme", "storedPaymentMethodId": "8415995487234100"}
    assert sent["shopperReference"] == "shopper-1"
    assert sent["captureDelayHours"] == 0
    assert sent["amount"] == {"currency": "EUR", "value": 12_345}


async def test_a_manual_capture_is_asked_for_whatever_the_account_does() -> None:
    _, card = await charged(200, payment(), asked(capture_method=CaptureMethod.MANUAL))
    page = asked(capture_method=CaptureMethod.MANUAL, method=PaymentMethod(type=MethodType.HOSTED))
    _, link = await charged(500, {}, page)

    assert card["additionalData"] == {"manualCapture": "true"}
    assert "captureDelayHours" not in card
    assert link["manualCapture"] is True
    assert link["expiresAt"] == "2026-03-01T13:00:00Z"


@pytest.mark.parametrize(
    ("amount", "currency", "value"),
    [(1_500, "ISK", 150_000), (9_900, "CLP", 990_000), (1_250_000, "IDR", 12_500), (5_000, "JPY", 5_000)],
)
def test_adyen_counts_some_currencies_its_own_way(amount: int, currency: str, value: int) -> None:
    assert to_wire(amount, currency) == value
    assert from_wire(value, currency) == amount


def test_only_the_documented_currencies_differ_from_iso() -> None:
    differing = {name for name, exponent in EXPONENTS.items() if ISO_EXPONENTS[name] != exponent}
    assert differing == {"CLP", "CVE", "IDR", "ISK"}


async def test_what_cannot_be_counted_is_not_sent() -> None:
    gateway = adapter()
    outcome = await gateway.charge(asked(amount=1_050, currency="IDR"))
    assert isinstance(outcome, Declined)
    assert outcome.decline.code is DeclineCode.INVALID_AMOUNT
    await gateway.aclose()


def test_keys_are_short_enough() -> None:
    """At most 64 characters."""
    attempt = attempt_id(new_id(Prefix.CHECKOUT), 10)
    refund = f"{Prefix.REFUND}_{attempt.removeprefix('att_')}_3"
    for key in (
        f"{attempt}:charge",
        f"{attempt}:capture:999999999999",
        f"{attempt}:void",
        f"{refund}:refund",
    ):
        assert len(key) <= 64, key


@pytest.mark.parametrize("field", ["hmac_key", "api_key"])
def test_credentials_that_cannot_be_are_refused(field: str) -> None:
    values = {"api_key": "key", "merchant_account": "Test", "hmac_key": "00ff"}
    with pytest.raises(ValidationError):
        AdyenCredentials.model_validate({**values, field: "not hex "})


# What is answered


def test_every_documented_refusal_is_mapped() -> None:
    assert list(declines.DOCUMENTED) == REFUSAL_REASONS


@pytest.mark.parametrize("code", REFUSAL_REASONS)
def test_a_refusal_is_the_same_by_code_as_by_words(code: str) -> None:
    by_code = declines.decline_of(code)
    assert by_code.gateway_code == code
    assert declines.decline_of(None, declines.DOCUMENTED[code].reason) == by_code


def test_an_unknown_refusal_is_soft_and_told_once() -> None:
    with capture_logs() as logs:
        for _ in range(3):
            decline = declines.decline_of("987", "Something new")
            assert (decline.category, decline.code) == (DeclineCategory.SOFT, DeclineCode.GENERIC_DECLINE)
    assert [(log["event"], log["code"]) for log in logs] == [("gateway.unmapped_code", "987")]


OUTCOMES: dict[str, type] = {
    "AuthenticationFinished": Pending,
    "AuthenticationNotRequired": Pending,
    "Authorised": Approved,
    "Cancelled": Canceled,
    "ChallengeShopper": Declined,
    "Error": Declined,
    "IdentifyShopper": Declined,
    "PartiallyAuthorised": Approved,
    "Pending": Pending,
    "PresentToShopper": Pending,
    "Received": Pending,
    "RedirectShopper": Declined,
    "Refused": Declined,
}


def test_every_documented_result_is_tried() -> None:
    assert set(OUTCOMES) == RESULT_CODES


@pytest.mark.parametrize("result", OUTCOMES)
async def test_a_result_is_what_adyen_says_it_is(result: str) -> None:
    outcome, _ = await charged(200, payment(resultCode=result))
    assert isinstance(outcome, OUTCOMES[result])


async def test_an_unknown_result_is_pending_and_told_once() -> None:
    with capture_logs() as logs:
        for _ in range(2):
            outcome, _ = await charged(200, payment(resultCode="BrandNew"))
            assert isinstance(outcome, Pending)
    assert [log["code"] for log in logs if log["event"] == "gateway.unmapped_code"] == ["BrandNew"]


@pytest.mark.parametrize(
    "answer",
    [
        payment(amount=None),
        payment(amount={"currency": "EUR", "value": "12345"}),
        payment(amount={"currency": "EUR", "value": 123.45}),
        payment(merchantReference=None),
        {"resultCode": "Authorised"},
        [],
    ],
)
async def test_a_success_that_cannot_be_read_is_unknown(answer: object) -> None:
    outcome, _ = await charged(200, answer)
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize(
    ("status", "problem", "header", "expected"),
    [
        (422, {"errorCode": "803", "errorType": "validation"}, None, Declined),
        (422, {"errorCode": "704", "errorType": "validation"}, "true", Pending),
        (409, {"errorCode": "704", "errorType": "validation"}, None, Unknown),
        (422, {"errorCode": "905", "errorType": "configuration"}, None, Unknown),
        (422, {"errorCode": "101", "errorType": "validation"}, "true", Unknown),
        (500, {"errorCode": "903", "errorType": "internal"}, None, Unknown),
        (503, {"errorCode": "703", "errorType": "internal"}, "true", Unknown),
    ],
)
async def test_only_a_refused_request_is_a_refusal(
    status: int, problem: Json, header: str | None, expected: type
) -> None:
    headers = {} if header is None else {"transient-error": header}
    outcome, _ = await charged(status, {"status": status, "message": "no", **problem}, **headers)
    assert isinstance(outcome, expected)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("active", "requires_action"),
        ("completed", "pending"),
        ("paymentPending", "pending"),
        ("new", "pending"),
    ],
)
async def test_a_link_tells_how_its_page_stands(status: str, expected: str) -> None:
    found = await looked_up(status)
    assert [each.status for each in found.payments] == [expected]


async def test_a_link_that_has_expired_unpaid_has_no_payments() -> None:
    assert await looked_up("expired") == Found(payments=())


async def looked_up(status: str) -> Found:
    link = {
        "id": LINK,
        "url": "https://test.adyen.link/PLE83C39B0A0DE0C1E",
        "status": status,
        "reference": REFERENCE,
        "amount": {"currency": "EUR", "value": 12_345},
    }
    async with scripted_server() as server:
        server.on(f"GET /paymentLinks/{LINK}", text(200, json.dumps(link)))
        gateway = adapter(server.base_url)
        answer = await gateway.look_up(handle(payment_id=LINK, page_url=link["url"]))
        await gateway.aclose()
    assert isinstance(answer, Found)
    return answer


# What webhooks vouch for


def test_a_payment_is_what_its_notices_say_together() -> None:
    manual = CaptureMethod.MANUAL
    paid = notice()
    assert read(handle(paid)).status is PaymentStatus.CAPTURED
    assert read(handle(paid, method=manual)).status is PaymentStatus.AUTHORIZED
    taken = read(handle(paid, notice("CAPTURE", value=5_000), method=manual))
    assert (taken.status, taken.amount_captured) == (PaymentStatus.CAPTURED, 5_000)
    assert read(handle(paid, notice("CANCELLATION"), method=manual)).status is PaymentStatus.CANCELED
    assert (
        read(handle(paid, notice("CAPTURE", success=False), method=manual)).status is PaymentStatus.AUTHORIZED
    )
    assert read(handle(paid, notice("REFUND", value=345))).amount_refunded == 345
    assert read(handle(paid, notice("CAPTURE_FAILED"))).status is PaymentStatus.PENDING
    refused = read(handle(notice(success=False, reason="Expired Card")))
    assert refused.decline is not None
    assert refused.decline.code is DeclineCode.EXPIRED_CARD


STORY = (
    notice(success=False, reason="Refused"),
    notice(),
    notice("CAPTURE", value=9_000),
    notice("CAPTURE", psp="another", value=99_000, success=False),
    notice("REFUND", psp="refund-1", value=1_000, reference="re_1"),
    notice("REFUND", psp="refund-2", value=2_000, reference="re_2"),
    notice("REFUNDED_REVERSED", psp="refund-2", value=2_000),
    notice("CHARGEBACK", psp="dispute-1"),
    notice("CHARGEBACK_REVERSED", psp="dispute-1"),
)


@given(st.permutations([*STORY, *STORY]), st.integers(min_value=0, max_value=3))
def test_neither_order_nor_repeats_of_webhooks_matter(told: list[Notice], cut: int) -> None:
    """I18."""
    expected = handle(*STORY, method=CaptureMethod.MANUAL)
    given_so = handle(*told, *told[:cut], method=CaptureMethod.MANUAL)

    assert read(given_so) == read(expected)
    assert read(given_so).amount_captured == 9_000
    made = {each.refund_id: each for each in notices.refunds(PSP, notices.read(given_so))}
    assert {name: each.status for name, each in made.items()} == {
        "re_1": RefundStatus.SUCCEEDED,
        "re_2": RefundStatus.FAILED,
    }
    [dispute] = notices.disputes(PSP, notices.read(given_so))
    assert dispute.status is DisputeStatus.WON


def test_notices_of_other_payments_are_not_ours() -> None:
    strange = notice(reference="att_another_1", psp="OTHERPAYMENT2222")
    other_capture = notice("CAPTURE", original="OTHERPAYMENT2222")
    found = handle(strange, other_capture, notice(), method=CaptureMethod.MANUAL)
    assert read(found).status is PaymentStatus.AUTHORIZED


async def test_a_payment_that_was_named_and_never_told_of_is_undecided() -> None:
    gateway = adapter()
    answer = await gateway.look_up(handle(payment_id=PSP))
    assert isinstance(answer, Found)
    assert [each.status for each in answer.payments] == [PaymentStatus.PENDING]
    await gateway.aclose()


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        ("AUTHORISATION", EventSubject.PAYMENT),
        ("CHARGEBACK", EventSubject.DISPUTE),
        ("REFUND_FAILED", EventSubject.FAILED_REFUND),
        ("CAPTURE_FAILED", EventSubject.FAILED_CAPTURE),
    ],
)
def test_a_webhook_says_what_it_is_about(event: str, subject: EventSubject) -> None:
    body = changed(eventCode=event, originalReference="" if event == "AUTHORISATION" else PSP)
    told = notices.read_webhook(body, [bytes.fromhex(CASE.webhook.secret)], f"SandboxECOM-{ACCOUNT}")
    assert (told.subject, told.reference) == (subject, REFERENCE)
    assert told.payment_id == ("pi_1" if event == "AUTHORISATION" else PSP)


@pytest.mark.parametrize(
    "changes",
    [
        {"merchantAccountCode": "SomebodyElse"},
        {"pspReference": ""},
        {"success": "perhaps"},
        {"amount": {"value": 5, "currency": "euro"}},
        {"amount": {"value": 50, "currency": "ISK"}},
    ],
)
def test_a_genuine_webhook_that_makes_no_sense_vouches_for_nothing(changes: Json) -> None:
    told = notices.read_webhook(
        changed(**changes), [bytes.fromhex(CASE.webhook.secret)], f"SandboxECOM-{ACCOUNT}"
    )
    assert (told.kind, told.notice, told.reference) == ("unreadable", None, None)


def test_a_batch_is_not_read_in_part() -> None:
    one = json.loads(changed())
    body = json.dumps({**one, "notificationItems": one["notificationItems"] * 2}).encode()
    with pytest.raises(InvalidSignature):
        notices.read_webhook(body, [bytes.fromhex(CASE.webhook.secret)], f"SandboxECOM-{ACCOUNT}")


def test_a_notice_holds_nothing_of_the_card() -> None:
    body = changed(
        additionalData={"cardSummary": "1111", "cardHolderName": "Ada", "shopperEmail": "ada@example.com"}
    )
    told = notices.read_webhook(body, [bytes.fromhex(CASE.webhook.secret)], f"SandboxECOM-{ACCOUNT}")
    assert told.notice is not None
    for secret in ("1111", "Ada", "ada@example.com"):
        assert secret not in told.notice


def changed(**changes: object) -> bytes:
    """A genuine webhook with other contents."""
    body = json.loads(CASE.webhook.write(reference=REFERENCE, payment_id="pi_1", event_id="evt_1"))
    body["notificationItems"][0]["NotificationRequestItem"] |= changes
    return CASE.webhook.signed(json.dumps(body).encode(), secret=CASE.webhook.secret, at=NOW).body


# Adyen's own library


@pytest.fixture
def trial(control: SandboxClient, adapters: dict[str, Adapters]) -> Trial:
    return Trial(CASE, control, adapters["adyen"])


async def test_adyens_own_verifier_accepts_what_we_accept(trial: Trial) -> None:
    handle = await trial.authorized()
    await trial.settled(lambda: trial.gateway.capture(trial.capturing(handle, handle.amount)))
    await trial.refunded(handle, await trial.gateway.refund(trial.refunding(handle, 1_000)))

    rows = await trial.control.webhooks(gateway="adyen", reference=handle.reference)

    assert [row["event"] for row in rows] == ["AUTHORISATION", "CAPTURE", "REFUND"]
    for row in rows:
        assert is_valid_hmac_notification(row["body"], CASE.webhook.secret)
        assert not is_valid_hmac_notification(row["body"], "00ff")
        body = json.dumps(row["body"]).encode()
        assert trial.gateway.read_webhook(body, {}, NOW).kind == row["event"]


async def test_adyens_own_client_can_use_the_sandbox(sandbox: SandboxProcess, trial: Trial) -> None:
    """What the sandbox speaks is not merely our own belief: paths, headers, answers and errors."""
    client = AdyenClient(xapikey=f"adyen_test_sandbox_{ACCOUNT}", platform="test")
    checkout = client.checkout
    apis = (checkout.payments_api, checkout.payment_links_api, checkout.modifications_api)
    for api in apis:
        api.baseUrl = sandbox.gateways["adyen"]
    account, reference = f"SandboxECOM-{ACCOUNT}", trial.reference
    money = {"currency": "EUR", "value": 2_000}
    charge = {
        "merchantAccount": account,
        "reference": reference,
        "amount": money,
        "paymentMethod": {"type": "scheme", "storedPaymentMethodId": "adyen-tok-success"},
        "shopperReference": "shopper-1",
        "additionalData": {"manualCapture": "true"},
        "returnUrl": "https://shop.example/return",
    }

    def use() -> tuple[Any, ...]:
        first = checkout.payments_api.payments(charge, idempotency_key=reference).message
        again = checkout.payments_api.payments(charge, idempotency_key=reference).message
        psp = first["pspReference"]
        captured = checkout.modifications_api.capture_authorised_payment(
            {"merchantAccount": account, "amount": money}, psp
        )
        link = checkout.payment_links_api.payment_links(
            {"merchantAccount": account, "reference": reference, "amount": money}
        )
        expired = checkout.payment_links_api.update_payment_link({"status": "expired"}, link.message["id"])
        return first, again, captured, link, expired

    first, again, captured, link, expired = await asyncio.to_thread(use)

    assert first == again
    assert first["resultCode"] == "Authorised"
    assert (captured.status_code, captured.message["status"]) == (201, "received")
    assert (link.status_code, link.message["status"]) == (201, "active")
    assert expired.message["status"] == "expired"
    assert await trial.until(trial.ledger, lambda rows: len(rows) == 2) == [
        ("authorize", 2_000, "EUR"),
        ("capture", 2_000, "EUR"),
    ]
    with pytest.raises(AdyenError):
        await asyncio.to_thread(checkout.payments_api.payments, {**charge, "amount": None})


async def test_the_page_is_one_that_a_browser_can_pay(trial: Trial, client: SandboxClient) -> None:
    handle = await trial.opened()
    async with httpx.AsyncClient(trust_env=False) as browser:
        refused = await browser.post(handle.page_url or "", data={"action": "decline"})
        assert "refused" in refused.text
        paid = await browser.post(handle.page_url or "", data={"action": "pay"})
        assert paid.status_code == 302
        assert (await browser.get(handle.page_url or "")).status_code == 410
    assert await trial.ledger() == [("capture", handle.amount, handle.currency)]
