"""What the Flutterwave adapter makes of the answers to a charge."""

import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.checkout import CaptureMethod
from domain.conclude import check
from domain.decline import DeclineCategory, DeclineCode
from domain.outcome import (
    ActionRequired,
    Approved,
    Declined,
    Mismatch,
    NextActionType,
    NotSent,
    Pending,
    Unknown,
)
from gateways.base import RefundRequest
from gateways.flutterwave_declines import decline_of
from tests.contract.flutterwave_wire import (
    CARD,
    NOW,
    PAGE,
    REFERENCE,
    Wire,
    error,
    handle,
    request,
    success,
    transaction,
)

REDIRECT = "https://ravesandboxapi.flutterwave.com/mockvbvpage?ref=FLW-1"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (success(transaction(status="pending")), Pending),
        (success(transaction(status="processing-something-new")), Pending),
        (
            success(
                transaction(
                    status="pending", meta={"authorization": {"mode": "redirect", "redirect": REDIRECT}}
                )
            ),
            ActionRequired,
        ),
        (success(None, meta={"authorization": {"mode": "redirect", "redirect": REDIRECT}}), ActionRequired),
        (
            success(transaction(status="pending"), meta={"authorization": {"mode": "callback"}}),
            ActionRequired,
        ),
        (success(transaction(status="pending", payment_type="mobilemoneyug")), ActionRequired),
        (success(transaction(status="pending"), meta={"authorization": {"mode": "otp"}}), Pending),
        (
            success(
                transaction(status="pending"),
                meta={"authorization": {"mode": "redirect", "redirect": "javascript:alert(1)"}},
            ),
            Pending,
        ),
        (success(transaction(status="failed", processor_response="Insufficient Funds")), Declined),
        (success(transaction(status="failed", processor_response="FAILURE: TIMED_OUT")), Pending),
        (success(transaction(status="failed", processor_response="Duplicate Transaction")), Pending),
        (error("Wrong token or email passed"), Declined),
        (error("Card declined: insufficient funds"), Declined),
        (error("Please enter a valid redirect url"), Declined),
        (error("amount is required", 422), Declined),
        (error("Duplicate transaction reference"), Unknown),
        (error("Transaction with this reference already exists"), Unknown),
        (error("An error occured. Please contact support"), Unknown),
        (error("A sentence that nobody has seen yet"), Unknown),
        (error("not here", 404), Unknown),
        (error("An error occurred. Please contact support", 503), Unknown),
        (httpx.Response(200, content=b""), Unknown),
        (httpx.Response(200, content=b"<html>hello</html>"), Unknown),
        (httpx.Response(502, content=b"<html>bad gateway</html>"), Unknown),
        (httpx.Response(302, headers={"location": "https://elsewhere.test"}), Unknown),
        (error("Authorization required", 401), NotSent),
        (error("Forbidden", 403), NotSent),
        (httpx.Response(429, headers={"retry-after": "2"}, json={}), NotSent),
    ],
)
async def test_what_a_charge_answers(answer: httpx.Response, kind: type) -> None:
    outcome = await Wire(answer).gateway.charge(request())
    assert isinstance(outcome, kind)
    if isinstance(outcome, ActionRequired) and outcome.next_action.type is NextActionType.REDIRECT:
        assert outcome.next_action.url == REDIRECT


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (httpx.ConnectError("refused"), NotSent),
        (httpx.ConnectTimeout("slow"), NotSent),
        (httpx.ReadTimeout("slow"), Unknown),
        (httpx.RemoteProtocolError("reset"), Unknown),
    ],
)
async def test_faults_of_the_wire_are_outcomes(fault: Exception, expected: type) -> None:
    outcome = await Wire({"/tokenized-charges": fault}).gateway.charge(request())
    assert isinstance(outcome, expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": True},
        {"id": "../1"},
        {"tx_ref": None},
        {"tx_ref": "a b\u0000"},
        {"amount": None},
        {"amount": True},
        {"amount": -5},
        {"amount": "12e3"},
        {"amount": 125.505},
        {"amount": 10**30},
        {"amount": [125]},
        {"currency": None},
        {"currency": "ngn"},
        {"currency": "XXX"},
        {"status": None},
        {"charged_amount": "lots"},
    ],
)
async def test_a_success_that_cannot_be_read_is_unknown(changes: dict[str, object]) -> None:
    wire = Wire(success(transaction(**changes)))
    assert isinstance(await wire.gateway.charge(request()), Unknown)
    assert isinstance(await wire.gateway.look_up(handle(payment_id="288200108")), Unknown)


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"success","data":{"amount":NaN}}',
        b'{"status":"success","data":{"id":1,"amount":1e999999999999,"currency":"NGN","status":"successful"}}',
        b'{"status":"success","data":{"id":' + b"9" * 5_000 + b"}}",
        b"[" * 100_000,
        b"\xff\xfe{}",
        b'["success"]',
        b'{"status":"success","data":{}}',
        b'{"status":"success"}',
    ],
)
async def test_hostile_bodies_are_unknown(body: bytes) -> None:
    wire = Wire(httpx.Response(200, content=body))
    assert isinstance(await wire.gateway.charge(request()), Unknown)
    assert isinstance(await wire.gateway.look_up(handle()), Unknown)
    assert isinstance(await wire.gateway.look_up_refunds(handle(payment_id="1")), Unknown)


async def test_amounts_are_read_exactly_and_as_numbers_or_text() -> None:
    for amount in (b"90071992547409.93", b'"90071992547409.93"'):
        body = json.dumps({"status": "success", "data": transaction(charged_amount=None, amount=0)}).encode()
        wire = Wire(httpx.Response(200, content=body.replace(b'"amount": 0', b'"amount": ' + amount)))
        assert isinstance(await wire.gateway.charge(request()), Unknown)  # above any checkout
    body = json.dumps({"status": "success", "data": transaction(charged_amount=None, amount=0)}).encode()
    wire = Wire(httpx.Response(200, content=body.replace(b'"amount": 0', b'"amount": 9999999999.99')))
    outcome = await wire.gateway.charge(request())
    assert isinstance(outcome, Approved)
    assert outcome.payment.amount == 999_999_999_999


@pytest.mark.parametrize(("charged", "matches"), [(127.3, True), (125.5, True), (None, True), (120, False)])
async def test_a_customer_who_paid_less_has_not_paid(charged: float | None, matches: bool) -> None:
    wire = Wire(success(transaction(charged_amount=charged)))
    outcome = await wire.gateway.charge(request())
    assert isinstance(outcome, Approved)
    checked = check(
        outcome.payment,
        reference=REFERENCE,
        amount=12_550,
        currency="NGN",
        capture_method=CaptureMethod.AUTOMATIC,
    )
    assert isinstance(checked, Approved if matches else Mismatch)


@pytest.mark.parametrize(
    ("text", "category", "code"),
    [
        ("Insufficient Funds", DeclineCategory.SOFT, DeclineCode.INSUFFICIENT_FUNDS),
        (
            "FAILURE: INSUFFICIENT_FUNDS (Not sufficient funds)",
            DeclineCategory.SOFT,
            DeclineCode.INSUFFICIENT_FUNDS,
        ),
        ("FAILURE: DECLINED (Do not honour)", DeclineCategory.SOFT, DeclineCode.DO_NOT_HONOR),
        ("Expired Card, Capture", DeclineCategory.CUSTOMER, DeclineCode.EXPIRED_CARD),
        ("Suspected Fraud, Retain Card", DeclineCategory.FRAUD, DeclineCode.SUSPECTED_FRAUD),
        ("Restricted Card, Retain Card", DeclineCategory.HARD, DeclineCode.CARD_LOST_OR_STOLEN),
        ("Restricted Card", DeclineCategory.HARD, DeclineCode.CARD_RESTRICTED),
        ("Incorrect PIN", DeclineCategory.CUSTOMER, DeclineCode.INVALID_PIN),
        ("Invalid Card Verification Code!", DeclineCategory.CUSTOMER, DeclineCode.INVALID_CVC),
        ("Invalid Transaction", DeclineCategory.HARD, DeclineCode.TRANSACTION_NOT_PERMITTED),
        (
            "Function Not Permitted to Cardholder",
            DeclineCategory.HARD,
            DeclineCode.TRANSACTION_NOT_PERMITTED,
        ),
        (
            "Function Not Permitted to Terminal",
            DeclineCategory.CONFIGURATION,
            DeclineCode.MERCHANT_CONFIGURATION,
        ),
        ("AUTHENTICATION_FAILED", DeclineCategory.AUTHENTICATION, DeclineCode.AUTHENTICATION_FAILED),
        ("Issuer or Switch Inoperative", DeclineCategory.SOFT, DeclineCode.ISSUER_UNAVAILABLE),
        ("Transaction Error", DeclineCategory.SOFT, DeclineCode.PROCESSING_ERROR),
        ("Duplicate Transaction", DeclineCategory.HARD, DeclineCode.DUPLICATE_TRANSACTION),
        ("Mocked a Failed Transaction", DeclineCategory.SOFT, DeclineCode.GENERIC_DECLINE),
        ("A reason from the future", DeclineCategory.SOFT, DeclineCode.GENERIC_DECLINE),
        (None, DeclineCategory.SOFT, DeclineCode.GENERIC_DECLINE),
        (42, DeclineCategory.SOFT, DeclineCode.GENERIC_DECLINE),
    ],
)
def test_documented_failures_have_standard_names(
    text: object, category: DeclineCategory, code: DeclineCode
) -> None:
    decline, _ = decline_of(text)
    assert (decline.category, decline.code) == (category, code)


async def test_outcomes_carry_no_customer_data_and_no_secret() -> None:
    told = "OTP sent to 234802***4177 and ada@example.com, token flw-t1nf-token, card 5531886652142950"
    answers = (
        success(transaction(status="failed", processor_response=told)),
        success(transaction(status="failed", processor_response=f"Incorrect PIN. {told}")),
        error(told),
        error(f"email is required: {told}"),
        httpx.Response(200, content=told.encode()),
        httpx.Response(500, content=told.encode()),
    )
    for answer in answers:
        outcome = (await Wire(answer).gateway.charge(request())).model_dump_json()
        for secret in ("ada@", "example", "flw-t1nf", "5531", "4177", "FLWSECK"):
            assert secret not in outcome


_SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_ANYTHING = st.recursive(
    _SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
_ROW = st.fixed_dictionaries(
    {},
    optional={
        name: st.just(value) | _ANYTHING
        for name, value in {
            **transaction(),
            "amount_refunded": 1,
            "comments": "re_1",
            "tx_id": 1,
            "link": "https://page.test/1",
            "meta": {"authorization": {"mode": "redirect", "redirect": REDIRECT}},
        }.items()
    },
)
_ENVELOPE = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["success", "error"]) | _ANYTHING,
        "message": st.text(max_size=40) | _ANYTHING,
        "data": _ROW | st.lists(_ROW | _ANYTHING, max_size=3) | _ANYTHING,
        "meta": st.just({"page_info": {"total_pages": 1}}) | _ANYTHING,
    },
)


@settings(max_examples=60)
@given(body=_ENVELOPE | _ANYTHING, status=st.sampled_from([200, 201, 400, 404, 422]))
async def test_nothing_that_is_answered_raises(body: object, status: int) -> None:
    wire = Wire(httpx.Response(status, content=json.dumps(body).encode()))
    gateway, known = wire.gateway, handle(payment_id="288200108", page_url="https://page.test/1")
    for method in (CARD, PAGE):
        await gateway.charge(request(method=method))
    await gateway.look_up(known)
    await gateway.look_up_refunds(known)
    await gateway.close(known)
    await gateway.refund(RefundRequest(handle=known, refund_id="re_1", amount=2_550, idempotency_key="key"))
    gateway.read_webhook(json.dumps(body).encode(), {"verif-hash": "the-hash"}, NOW)
