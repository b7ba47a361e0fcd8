"""What we send Stripe for a charge, and what each of its answers means."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.capabilities import Capabilities
from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from domain.conclude import check
from domain.decline import DeclineCategory, DeclineCode
from domain.outcome import (
    ActionRequired,
    Approved,
    Declined,
    Mismatch,
    NotSent,
    NotSentCause,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways.base import Unsupported
from gateways.stripe import REGISTRATION
from gateways.stripe_currencies import STRIPE_EXPONENTS, from_stripe, to_stripe
from gateways.stripe_declines import DECLINES
from tests.contract.scripted import Answer, reset, says, silent, text
from tests.contract.stripe_wire import (
    INTENTS,
    PAGE,
    REFERENCE,
    SESSIONS,
    declined,
    error,
    intent,
    request,
    scripted_stripe,
    session,
)

CHARGE = f"POST {INTENTS}"
OPEN = f"POST {SESSIONS}"


async def test_a_card_is_created_and_confirmed_in_one_call() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CHARGE, says(intent()))
        outcome = await stripe.charge(request(challenge=True))

    assert isinstance(outcome, Approved)
    assert outcome.payment.status is PaymentStatus.CAPTURED
    assert (outcome.payment.amount, outcome.payment.amount_captured) == (12_345, 12_345)
    assert outcome.payment.reference == REFERENCE
    (sent,) = script.received
    assert sent.form == {
        "amount": "12345",
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "allowed_payment_method_types[0]": "card",
        "capture_method": "automatic",
        "confirm": "true",
        "return_url": "https://shop.example/return",
        "metadata[attempt]": REFERENCE,
        "metadata[checkout]": "co_01jdk2m3xv8q4w7y9z0a1b2c3d",
        "receipt_email": "customer@example.com",
        "payment_method_options[card][request_three_d_secure]": "any",
        "expand[0]": "latest_charge",
    }
    assert sent.headers["idempotency-key"] == f"{REFERENCE}/charge"
    assert sent.headers["authorization"] == "Bearer sk_test_secret"


async def test_equal_requests_are_equal_bytes() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CHARGE, says(intent()))
        script.on(OPEN, says(session()))
        for ahead in (timedelta(minutes=5), timedelta(hours=2), timedelta(days=3)):
            for method in (request().method, PAGE):
                asked = request(method=method, expires_at=datetime.now(UTC) + ahead)
                await stripe.charge(asked)
                await stripe.charge(asked)
                first, second = script.received[-2:]
                assert first.body == second.body


async def test_nothing_about_this_machine_is_reported() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CHARGE, says(intent()))
        await stripe.charge(request())
        await stripe.charge(request())
    for sent in script.received:
        assert "x-stripe-client-telemetry" not in sent.headers
        assert "telemetry_id" not in sent.headers["x-stripe-client-user-agent"]
        assert "platform" not in sent.headers["x-stripe-client-user-agent"]


async def test_a_page_is_opened_for_one_amount() -> None:
    lapses = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    async with scripted_stripe() as (stripe, script):
        script.on(OPEN, says(session()))
        outcome = await stripe.charge(
            request(method=PAGE, capture_method=CaptureMethod.MANUAL, expires_at=lapses)
        )

    assert isinstance(outcome, ActionRequired)
    assert outcome.payment_id == "cs_1"
    assert outcome.next_action.url == "https://checkout.stripe.com/c/pay/cs_1"
    assert outcome.next_action.expires_at is not None
    assert script.received[0].form == {
        "mode": "payment",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "12345",
        "line_items[0][price_data][product_data][name]": "Payment",
        "client_reference_id": REFERENCE,
        "metadata[attempt]": REFERENCE,
        "metadata[checkout]": "co_01jdk2m3xv8q4w7y9z0a1b2c3d",
        "payment_intent_data[capture_method]": "manual",
        "payment_intent_data[metadata][attempt]": REFERENCE,
        "payment_intent_data[metadata][checkout]": "co_01jdk2m3xv8q4w7y9z0a1b2c3d",
        "adaptive_pricing[enabled]": "false",
        "success_url": "https://shop.example/return",
        "cancel_url": "https://shop.example/return",
        "expires_at": str(int(lapses.timestamp())),
        "customer_email": "customer@example.com",
        "expand[0]": "payment_intent.latest_charge",
    }


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), timedelta(minutes=29), timedelta(hours=23)])
async def test_a_page_lapses_within_what_stripe_allows(ahead: timedelta) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(OPEN, says(session()))
        await stripe.charge(request(method=PAGE, expires_at=datetime.now(UTC) + ahead))
    lapses = datetime.fromtimestamp(int(script.received[0].form["expires_at"]), UTC)
    assert timedelta(minutes=30) < lapses - datetime.now(UTC) < timedelta(hours=24)


async def test_a_page_open_for_longer_than_stripe_allows_is_left_to_stripe() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(OPEN, says(session()))
        await stripe.charge(request(method=PAGE, expires_at=datetime.now(UTC) + timedelta(days=2)))
    assert "expires_at" not in script.received[0].form


async def test_an_unknown_customer_is_not_made_up() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CHARGE, says(intent()))
        script.on(OPEN, says(session()))
        await stripe.charge(request(customer=Customer()))
        await stripe.charge(request(customer=Customer(), method=PAGE))
    assert all("email" not in field for sent in script.received for field in sent.form)


def redirect(url: str | None) -> dict[str, Any]:
    return {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": "https://shop.example"}}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (intent("succeeded"), Approved),
        (intent("requires_capture"), Approved),
        (intent("requires_action", next_action=redirect("https://hooks.stripe.com/3ds")), ActionRequired),
        (intent("requires_action", next_action=redirect(None)), Pending),
        (intent("requires_action", next_action={"type": "use_stripe_sdk"}), Pending),
        (intent("requires_action"), Pending),
        (intent("processing"), Pending),
        (intent("requires_confirmation"), Pending),
        (intent("requires_payment_method"), Pending),
        (intent("a_status_of_next_year"), Pending),
        (intent("requires_payment_method", last_payment_error={"code": "card_declined"}), Declined),
    ],
)
async def test_what_a_status_means(answer: dict[str, Any], kind: type) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CHARGE, says(answer))
        outcome = await stripe.charge(request())
    assert isinstance(outcome, kind)
    if not isinstance(outcome, Approved):
        assert outcome.payment_id == "pi_1"  # type: ignore[union-attr]  # every kind above has one


@pytest.mark.parametrize("decline_code", sorted(DECLINES))
async def test_every_documented_decline_is_definite(decline_code: str) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CHARGE, says(declined(decline_code, network_decline_code="51"), status=402))
        outcome = await stripe.charge(request())
    assert isinstance(outcome, Declined)
    assert (outcome.decline.category, outcome.decline.code) == DECLINES[decline_code]
    assert (outcome.decline.gateway_code, outcome.decline.network_code) == (decline_code, "51")
    assert outcome.payment_id == "pi_1"


async def test_an_unmapped_decline_is_soft() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CHARGE, says(declined("a_reason_of_next_year", code="also_new"), status=402))
        outcome = await stripe.charge(request())
    assert isinstance(outcome, Declined)
    assert outcome.decline.category is DeclineCategory.SOFT
    assert outcome.decline.code is DeclineCode.GENERIC_DECLINE
    assert outcome.decline.gateway_code == "a_reason_of_next_year"


async def test_a_code_that_is_no_code_is_not_repeated() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CHARGE, says(declined("call ada@example.com", network_decline_code="a@b"), status=402))
        outcome = await stripe.charge(request())
    assert isinstance(outcome, Declined)
    assert (outcome.decline.gateway_code, outcome.decline.network_code) == ("card_declined", None)
    assert "ada" not in outcome.model_dump_json()


@pytest.mark.parametrize(
    ("failure", "category", "code"),
    [
        (error("resource_missing", param="payment_method"), "customer", "invalid_token"),
        (error(None, param="payment_method"), "customer", "invalid_token"),
        (error("amount_too_small", param="amount"), "configuration", "invalid_amount"),
        (error("parameter_invalid_integer", param="line_items[0][price_data]"), "configuration", None),
        (error(None, param="currency"), "configuration", "currency_not_supported"),
        (error("payment_method_types_no_longer_supported"), "configuration", "merchant_configuration"),
        (error("url_invalid", param="return_url"), "configuration", "merchant_configuration"),
    ],
)
async def test_a_request_that_stripe_refuses_is_declined(
    failure: dict[str, Any], category: str, code: str | None
) -> None:
    async with scripted_stripe() as (stripe, script):
        for status in (400, 404):
            script.on(CHARGE, says(failure, status=status))
            outcome = await stripe.charge(request())
            assert isinstance(outcome, Declined)
            assert outcome.decline.category == category
            assert code is None or outcome.decline.code == code


async def test_a_refusal_that_shows_a_payment_under_way_is_no_decline() -> None:
    async with scripted_stripe() as (stripe, script):
        for status, kind in (("processing", Pending), ("succeeded", Approved)):
            script.on(CHARGE, says(error("a_new_code", payment_intent=intent(status)), status=400))
            assert isinstance(await stripe.charge(request()), kind)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(silent, Unknown, id="no answer"),
        pytest.param(reset, Unknown, id="reset"),
        pytest.param(says(error(type="api_error"), status=500), Unknown, id="500"),
        pytest.param(text(503, "<html>over capacity</html>"), Unknown, id="503 as html"),
        pytest.param(text(200, ""), Unknown, id="empty"),
        pytest.param(text(200, "<html>"), Unknown, id="html"),
        pytest.param(text(200, b"\xff\xfe"), Unknown, id="not text"),
        pytest.param(text(200, "[" * 100_000), Unknown, id="deep"),
        pytest.param(text(200, '{"id": "pi_1", "status":'), Unknown, id="cut off json"),
        pytest.param(says([]), Unknown, id="a list"),
        pytest.param(says(None), Unknown, id="null"),
        pytest.param(says(7), Unknown, id="a number"),
        pytest.param(says({}), Unknown, id="nothing in it"),
        pytest.param(says(intent(amount="12345")), Unknown, id="amount as text"),
        pytest.param(says(intent(amount=123.45)), Unknown, id="amount as a fraction"),
        pytest.param(says(intent(amount=True)), Unknown, id="amount as a truth"),
        pytest.param(says(intent(amount=-1)), Unknown, id="amount below nothing"),
        pytest.param(says(intent(amount=12_350, currency="ugx")), Unknown, id="a part of a shilling"),
        pytest.param(says(intent(metadata=[])), Unknown, id="metadata as a list"),
        pytest.param(says(intent(last_payment_error="no")), Unknown, id="error as text"),
        pytest.param(says(intent(created=10**30)), Unknown, id="created after the end of time"),
        pytest.param(text(402, "declined"), Unknown, id="402 that cannot be read"),
        pytest.param(says({"error": "invalid_grant"}, status=402), Unknown, id="402 of another kind"),
        pytest.param(says(error("strange"), status=418), Unknown, id="418"),
        pytest.param(says(error("strange"), status=409), Unknown, id="409 of another kind"),
        pytest.param(
            says(error("idempotency_key_in_use", type="idempotency_error"), status=409), Pending, id="in use"
        ),
        pytest.param(
            says(error(None, type="idempotency_error"), status=400), Unknown, id="key of another request"
        ),
    ],
)
async def test_whatever_is_not_clear_is_looked_up(answer: Answer, kind: type) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CHARGE, answer)
        script.on(OPEN, answer)
        for method in (request().method, PAGE):
            outcome = await stripe.charge(request(method=method))
            assert isinstance(outcome, kind)
            assert "customer@example.com" not in outcome.model_dump_json()
        assert len(script.received) == 2


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (401, NotSentCause.UNAUTHORIZED),
        (403, NotSentCause.UNAUTHORIZED),
        (429, NotSentCause.RATE_LIMITED),
    ],
)
async def test_turned_away_at_the_door(status: int, cause: NotSentCause) -> None:
    async with scripted_stripe() as (stripe, script):
        for answer in (
            says(error("rate_limit"), status=status, retry_after="2"),
            text(status, "no", retry_after="2"),
        ):
            script.on(CHARGE, answer)
            outcome = await stripe.charge(request())
            assert isinstance(outcome, NotSent)
            assert outcome.cause is cause
            assert outcome.retry_after == (2 if status == 429 else None)


async def test_a_notice_of_stripe_disturbs_nothing() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CHARGE, says(intent(), stripe_notice="an upgrade is available"))
        assert isinstance(await stripe.charge(request()), Approved)


@pytest.mark.parametrize(
    ("currency", "amount", "units"),
    [("USD", 12_345, 12_345), ("JPY", 500, 500), ("UGX", 5, 500), ("ISK", 5, 500), ("KWD", 5_120, 5_120)],
)
async def test_amounts_are_sent_in_stripes_units(currency: str, amount: int, units: int) -> None:
    async with scripted_stripe() as (stripe, script):
        made = intent(amount=units, amount_received=units, currency=currency.lower(), latest_charge="ch_1")
        script.on(CHARGE, says(made))
        script.on(OPEN, says(session(amount_total=units, currency=currency.lower())))
        outcome = await stripe.charge(request(currency=currency, amount=amount))
        await stripe.charge(request(currency=currency, amount=amount, method=PAGE))

    assert script.received[0].form["amount"] == str(units)
    assert script.received[1].form["line_items[0][price_data][unit_amount]"] == str(units)
    assert isinstance(outcome, Approved)
    assert (outcome.payment.amount, outcome.payment.amount_captured) == (amount, amount)


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [("KWD", 5_124, DeclineCode.INVALID_AMOUNT), ("MGA", 500, DeclineCode.CURRENCY_NOT_SUPPORTED)],
)
async def test_what_stripe_cannot_express_is_not_sent(currency: str, amount: int, code: DeclineCode) -> None:
    async with scripted_stripe() as (stripe, script):
        outcome = await stripe.charge(request(currency=currency, amount=amount))
    assert isinstance(outcome, Declined)
    assert (outcome.decline.code, outcome.decline.category) == (code, DeclineCategory.CONFIGURATION)
    assert script.received == []


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 99},
        {"currency": "eur"},
        {"currency": "xyz"},
        {"metadata": {"attempt": "att_another"}},
        {"amount_received": 5, "latest_charge": "ch_1"},
    ],
)
async def test_another_payment_than_asked_for_is_a_mismatch(changes: dict[str, Any]) -> None:
    asked = request()
    async with scripted_stripe() as (stripe, script):
        script.on(CHARGE, says(intent(**changes)))
        outcome = await stripe.charge(asked)
    assert isinstance(outcome, Approved)
    checked = check(
        outcome.payment,
        reference=asked.reference,
        amount=asked.amount,
        currency=asked.currency,
        capture_method=asked.capture_method,
    )
    assert isinstance(checked, Mismatch)


async def test_mobile_money_is_not_for_stripe() -> None:
    async with scripted_stripe() as (stripe, script):
        with pytest.raises(Unsupported):
            await stripe.charge(request(method=PaymentMethod(type=MethodType.MOBILE_MONEY)))
    assert script.received == []


def test_every_currency_survives_the_way_there_and_back() -> None:
    for currency in STRIPE_EXPONENTS:
        assert from_stripe(to_stripe(1_230, currency), currency) == 1_230


def test_what_is_declared() -> None:
    """The figures that protect money; changing one is a decision."""
    declared: Capabilities = REGISTRATION.capabilities
    longest_call = 80.0
    credentials = REGISTRATION.credentials.model_fields
    ours = credentials["connect_timeout"].default + credentials["read_timeout"].default
    assert declared.quiet_period > timedelta(seconds=longest_call + ours + 60)
    assert declared.key_life == timedelta(hours=24)
    assert declared.fence
    assert {"UGX", "XAF", "RWF", "ZAR", "USD", "EUR"} <= declared.currencies
    assert declared.maximum["UGX"] == 999_999
