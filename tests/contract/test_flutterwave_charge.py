"""What the Flutterwave adapter sends to be paid, byte for byte."""

import pytest

from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from domain.decline import DeclineCategory
from domain.outcome import (
    ActionRequired,
    Approved,
    Declined,
    NextActionType,
)
from tests.contract.flutterwave_wire import (
    CARD,
    PAGE,
    REFERENCE,
    Wire,
    error,
    mobile,
    request,
    success,
    transaction,
)


@pytest.mark.parametrize(
    ("currency", "amount", "digits"),
    [
        ("UGX", 5_000, b"5000"),
        ("XOF", 1, b"1"),
        ("NGN", 12_550, b"125.50"),
        ("NGN", 1, b"0.01"),
        ("KES", 10_000, b"100.00"),
        ("NGN", 999_999_999_999, b"9999999999.99"),
    ],
)
async def test_amounts_are_sent_digit_by_digit(currency: str, amount: int, digits: bytes) -> None:
    for method in (CARD, PAGE):
        wire = Wire(error("something else"))
        await wire.gateway.charge(request(currency=currency, amount=amount, method=method))
        assert b'"amount":' + digits + b',"currency":"' + currency.encode() in wire.sent[0].content


async def test_equal_requests_are_equal_bytes() -> None:
    for method in (CARD, PAGE, mobile("MTN")):
        wire = Wire(error("something else"))
        currency = "UGX" if method.type is MethodType.MOBILE_MONEY else "NGN"
        await wire.gateway.charge(request(method=method, currency=currency))
        await wire.gateway.charge(request(method=method, currency=currency))
        first, second = wire.sent
        assert first.content == second.content
        assert first.url == second.url


async def test_a_saved_card_is_charged_with_its_token_and_email() -> None:
    wire = Wire(success(transaction()))
    outcome = await wire.gateway.charge(request())
    assert isinstance(outcome, Approved)
    assert outcome.payment.payment_id == "288200108"
    assert outcome.payment.amount_captured == 12_550
    assert wire.sent[0].url == "https://flutterwave.test/v3/tokenized-charges"
    assert wire.sent[0].headers["authorization"] == "Bearer FLWSECK-secret"
    assert wire.body == {
        "token": "flw-t1nf-token",
        "email": "ada@example.com",
        "tx_ref": REFERENCE,
        "amount": 125.5,
        "currency": "NGN",
        "country": "UG",
        "ip": "41.58.0.1",
        "redirect_url": "https://shop.example/return",
        "narration": REFERENCE,
    }


async def test_a_page_lapses_and_does_not_retry_for_ever() -> None:
    link = "https://checkout.flutterwave.com/v3/hosted/pay/flwlnk-1"
    wire = Wire(success({"link": link}))
    outcome = await wire.gateway.charge(request(method=PAGE))
    assert isinstance(outcome, ActionRequired)
    assert (outcome.next_action.type, outcome.next_action.url) == (NextActionType.REDIRECT, link)
    assert wire.sent[0].url.path == "/v3/payments"
    assert wire.body["configurations"] == {"session_duration": 30, "max_retry_attempt": 5}
    assert wire.body["customer"] == {
        "email": "ada@example.com",
        "name": "Ada",
        "phonenumber": "+256 700 000-000",
    }


@pytest.mark.parametrize(
    ("currency", "network", "phone", "charge_type", "country", "sent_network"),
    [
        ("UGX", "MTN", "+256700000000", "mobile_money_uganda", "UG", "MTN"),
        ("UGX", "airtel", "0700 000 000", "mobile_money_uganda", "UG", "AIRTEL"),
        ("GHS", "VODAFONE", "+233540000000", "mobile_money_ghana", "GH", "VODAFONE"),
        ("RWF", None, "+250780000000", "mobile_money_rwanda", "RW", None),
        ("TZS", "HALOPESA", "+255620000000", "mobile_money_tanzania", "TZ", "Halopesa"),
        ("ZMW", "ZAMTEL", "+260950000000", "mobile_money_zambia", "ZM", "Zamtel"),
        ("XAF", "MTN", "+237670000000", "mobile_money_franco", "CM", "MTN"),
        ("XOF", None, "+2250700000000", "mobile_money_franco", "CI", None),
        ("XOF", "ORANGEMONEY", "+221770000000", "mobile_money_franco", "SN", "ORANGEMONEY"),
        ("KES", "MPESA", "+254700000000", "mpesa", "KE", None),
    ],
)
async def test_mobile_money_of_each_country(
    currency: str, network: str | None, phone: str, charge_type: str, country: str, sent_network: str | None
) -> None:
    wire = Wire(success(transaction(status="pending", payment_type="mobilemoney", currency=currency)))
    await wire.gateway.charge(request(currency=currency, amount=5_000, method=mobile(network, phone)))
    assert wire.sent[0].url == f"https://flutterwave.test/v3/charges?type={charge_type}"
    body = wire.body
    assert body["country"] == country
    assert body.get("network") == sent_network
    assert body["phone_number"] == phone.replace(" ", "").removeprefix("+")
    assert body.get("order_id") == (REFERENCE if currency == "RWF" else None)


@pytest.mark.parametrize(
    ("changes", "category"),
    [
        ({"capture_method": CaptureMethod.MANUAL}, DeclineCategory.CONFIGURATION),
        ({"customer": Customer(name="Ada")}, DeclineCategory.CONFIGURATION),
        ({"currency": "JPY"}, DeclineCategory.CONFIGURATION),
        ({"currency": "XXX"}, DeclineCategory.CONFIGURATION),
        ({"method": PaymentMethod(type=MethodType.CARD, tokens={})}, DeclineCategory.CONFIGURATION),
        ({"method": mobile("MTN", "+234700000000")}, DeclineCategory.CONFIGURATION),
        ({"currency": "UGX", "method": mobile("SAFARICOM")}, DeclineCategory.CONFIGURATION),
        ({"currency": "UGX", "method": mobile("MTN", "call me")}, DeclineCategory.CUSTOMER),
        ({"currency": "XOF", "method": mobile(None, "+33600000000")}, DeclineCategory.CUSTOMER),
    ],
)
async def test_what_cannot_be_asked_is_not_sent(
    changes: dict[str, object], category: DeclineCategory
) -> None:
    wire = Wire({})
    outcome = await wire.gateway.charge(request(**changes))
    assert isinstance(outcome, Declined)
    assert outcome.decline.category is category
    assert wire.sent == []
