"""What is sent to Adyen and what it answers: counting, codes, links."""

import json

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from domain.checkout import CaptureMethod, MethodType, PaymentMethod
from domain.decline import DeclineCategory, DeclineCode
from domain.ids import Prefix, attempt_id, new_id
from domain.money import EXPONENTS as ISO_EXPONENTS
from domain.outcome import (
    Approved,
    Canceled,
    Declined,
    Pending,
    Unknown,
)
from gateways import adyen_declines as declines
from gateways.adyen import AdyenCredentials
from gateways.adyen_answers import RESULT_CODES
from gateways.adyen_currencies import EXPONENTS, from_wire, to_wire
from gateways.base import (
    Found,
)
from tests.contract.adyen_wire import (
    LINK,
    REFERENCE,
    Json,
    adapter,
    asked,
    charged,
    handle,
    payment,
)
from tests.contract.scripted import scripted_server, text

# The table of https://docs.adyen.com/development-resources/refusal-reasons, but for 0, which is none.
REFUSAL_REASONS = [
    str(code) for code in (*range(2, 13), *range(14, 30), *range(31, 47)) if code not in (13, 30)
]


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
    more = {} if header is None else {"transient_error": header}
    outcome, _ = await charged(status, {"status": status, "message": "no", **problem}, None, **more)
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
