"""Every bad value of a checkout request is refused with its status, code and place, and never repeated.

The rows are those of the bad-input catalogue in the reliability reference (part C).
"""

import json
from typing import Any

import httpx
import pytest

from api.schemas import CheckoutRequest
from domain.checkout import MethodType, PaymentMethod
from domain.money import EXPONENTS
from tests.api.edge.toy import CANARY, KEY, VALID, assert_problem

JSON = {"Content-Type": "application/json"}


async def post(api: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await api.post("/v1/checkouts", content=body, headers={**KEY, **JSON})


async def send(api: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    body = {**VALID, "metadata": {"canary": CANARY}, **fields}
    return await api.post("/v1/checkouts", json=body, headers=KEY)


async def understood(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await api.post("/v1/checkouts", json={**VALID, **fields}, headers=KEY)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize(
    ("literal", "fault"),
    [
        ("-1", "too_small"),
        ("-0", "too_small"),
        ("0", "too_small"),
        ("1.5", "wrong_type"),
        ("10.00", "wrong_type"),
        ("10.0", "wrong_type"),
        ("0.30000000000000004", "wrong_type"),
        ("1e2", "wrong_type"),
        ("1E2", "wrong_type"),
        ("1e308", "wrong_type"),
        ("1e999", "wrong_type"),
        ('"10"', "wrong_type"),
        ('"1e2"', "wrong_type"),
        ('" 10"', "wrong_type"),
        ('"\u0661\u0660"', "wrong_type"),
        ("true", "wrong_type"),
        ("null", "wrong_type"),
        ("[]", "wrong_type"),
        ("[10]", "wrong_type"),
        ("{}", "wrong_type"),
        ("1000000000001", "too_large"),
        ("9007199254740993", "too_large"),
        ("9223372036854775807", "too_large"),
        ("9223372036854775808", "too_large"),
        ("-9223372036854775809", "too_large"),
        ("9" * 5000, "too_large"),
    ],
)
@pytest.mark.parametrize("currency", ["NGN", "JPY", "KWD"])
async def test_amounts_refused(api: httpx.AsyncClient, literal: str, fault: str, currency: str) -> None:
    body = f'{{"currency": "{currency}", "amount": {literal}, "reference": "{CANARY}"}}'
    problem = assert_problem(
        await post(api, body.encode()), 422, "invalid_request", path="/amount", fault=fault
    )
    assert len(literal) < 4 or literal.strip('"') not in json.dumps(problem)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "01", "+1", ".5", "1.", "0x10", "1_000"])
async def test_amounts_that_are_no_json(api: httpx.AsyncClient, literal: str) -> None:
    body = f'{{"currency": "NGN", "amount": {literal}, "reference": "{CANARY}"}}'
    assert_problem(await post(api, body.encode()), 400, "malformed_request")


@pytest.mark.parametrize("amount", [1, 12500, 10**12])
async def test_amounts_taken(api: httpx.AsyncClient, amount: int) -> None:
    assert (await understood(api, amount=amount))["request"]["amount"] == amount


async def test_both_required_fields_are_named_when_missing(api: httpx.AsyncClient) -> None:
    problem = assert_problem(await post(api, b"{}"), 422, "invalid_request", path="/amount", fault="missing")
    assert [error["path"] for error in problem["errors"]] == ["/amount", "/currency"]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("ngn", "wrong_case"),
        ("Ngn", "wrong_case"),
        *(
            (code, "not_allowed")
            for code in ("NG", "US", "XXX", "XTS", "XAU", "BTC", "DEM", "ZWD", "CLF", "", " NGN")
        ),
        ("\uff2e\uff27\uff2e", "not_allowed"),
        ("NGN\n", "not_allowed"),
        (CANARY, "not_allowed"),
        (566, "wrong_type"),
        (["NGN"], "wrong_type"),
    ],
)
async def test_currencies_refused(api: httpx.AsyncClient, value: Any, fault: str) -> None:
    assert_problem(await send(api, currency=value), 422, "invalid_request", path="/currency", fault=fault)


async def test_every_currency_of_iso_4217_is_taken() -> None:
    for code in EXPONENTS:
        assert CheckoutRequest.model_validate({"amount": 1, "currency": code}).currency == code


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("ng", "wrong_case"),
        *((code, "not_allowed") for code in ("UK", "ZZ", "XX", "T1", "NGA", "", "\uff2e\uff27")),
    ],
)
async def test_countries_refused(api: httpx.AsyncClient, value: str, fault: str) -> None:
    response = await send(api, customer={"country": value, "name": CANARY})
    assert_problem(response, 422, "invalid_request", path="/customer/country", fault=fault)


@pytest.mark.parametrize(
    "value",
    [
        "53998",
        "5399831",
        "5399AB",
        "",
        " 539983",
        "539983\n",
        "\u0665\u0663\u0669\u0669\u0668\u0663",
        "5399-83",
    ],
)
async def test_bins_refused(api: httpx.AsyncClient, value: str) -> None:
    response = await send(api, payment_method={"type": "card", "bin": value})
    assert_problem(response, 422, "invalid_request", path="/payment_method/bin", fault="invalid_bin")


@pytest.mark.parametrize(
    "value", ["539983123", "5399831234", "539983 1234567", "5399831234567890", 539983123]
)
async def test_longer_bins_are_card_data(api: httpx.AsyncClient, value: Any) -> None:
    response = await send(api, payment_method={"type": "card", "bin": value})
    problem = assert_problem(response, 422, "card_data_refused")
    assert "errors" not in problem
    assert str(value) not in response.text


@pytest.mark.parametrize("value", ["539983", "53998312"])
async def test_bins_taken(api: httpx.AsyncClient, value: str) -> None:
    answer = await understood(api, payment_method={"type": "card", "bin": value})
    assert answer["payment_method"]["bin"] == value


@pytest.mark.parametrize(
    ("fields", "path", "fault"),
    [
        ({"reference": ""}, "/reference", "too_short"),
        ({"reference": "  "}, "/reference", "blank"),
        ({"reference": "x" * 256}, "/reference", "too_long"),
        ({"reference": 1001}, "/reference", "wrong_type"),
        ({"reference": f"{CANARY}\n"}, "/reference", "invalid_text"),
        ({"reference": f"{CANARY}\x1b[31m"}, "/reference", "invalid_text"),
        ({"reference": f"{CANARY}\u202e"}, "/reference", "invalid_text"),
        ({"reference": f"{CANARY}\u2066"}, "/reference", "invalid_text"),
        ({"customer": {"email": "x"}}, "/customer/email", "invalid_email"),
        ({"customer": {"email": f"{CANARY}@"}}, "/customer/email", "invalid_email"),
        ({"customer": {"email": f"{CANARY}@shop"}}, "/customer/email", "invalid_email"),
        ({"customer": {"email": "a@b@shop.example"}}, "/customer/email", "invalid_email"),
        ({"customer": {"email": "a b@shop.example"}}, "/customer/email", "invalid_email"),
        (
            {"customer": {"email": "a@shop.example\r\nBcc: b@shop.example"}},
            "/customer/email",
            "invalid_email",
        ),
        ({"customer": {"email": "x" * 65 + "@shop.example"}}, "/customer/email", "invalid_email"),
        ({"customer": {"email": "x@" + "shop." * 50 + "example"}}, "/customer/email", "too_long"),
        ({"customer": {"name": "x" * 201}}, "/customer/name", "too_long"),
        ({"customer": {"name": "a\x00b"}}, "/customer/name", "invalid_text"),
        ({"customer": {"phone": "08031234567"}}, "/customer/phone", "invalid_phone"),
        ({"customer": {"phone": "+0803123"}}, "/customer/phone", "invalid_phone"),
        ({"customer": {"phone": "+1" + "2" * 15}}, "/customer/phone", "invalid_phone"),
        (
            {"customer": {"phone": "+\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668"}},
            "/customer/phone",
            "invalid_phone",
        ),
        *(
            ({"customer": {"ip": ip}}, "/customer/ip", "invalid_ip")
            for ip in (
                "unknown",
                "0x7f.1",
                "1.2.3",
                "999.1.1.1",
                "010.1.1.1",
                "fe80::1%eth0",
                "41.58.0.1, 1.1.1.1",
                "",
            )
        ),
        ({"customer": {"ip": "1.1.1.1, " * 1000}}, "/customer/ip", "too_long"),
        ({"customer": []}, "/customer", "wrong_type"),
        ({"payment_method": "card"}, "/payment_method", "wrong_type"),
        ({"payment_method": {"type": CANARY}}, "/payment_method/type", "not_allowed"),
        ({"payment_method": {"type": "mobile_money"}}, "/payment_method/phone", "missing"),
        ({"payment_method": {"network": "MTN\n"}}, "/payment_method/network", "invalid_name"),
        ({"payment_method": {"tokens": {"stripe": ""}}}, "/payment_method/tokens/stripe", "too_short"),
        ({"payment_method": {"tokens": {"stripe": "a b"}}}, "/payment_method/tokens/stripe", "invalid_token"),
        (
            {"payment_method": {"tokens": {"stripe": "\u00e9"}}},
            "/payment_method/tokens/stripe",
            "invalid_token",
        ),
        ({"payment_method": {"tokens": {"stripe": "x" * 256}}}, "/payment_method/tokens/stripe", "too_long"),
        ({"payment_method": {"tokens": {"Stripe": "x"}}}, "/payment_method/tokens/Stripe", "invalid_name"),
        ({"payment_method": {"tokens": {f"../{CANARY}": "x"}}}, "/payment_method/tokens/?", "invalid_name"),
        (
            {"payment_method": {"tokens": {f"g{n}": "x" for n in range(11)}}},
            "/payment_method/tokens",
            "too_long",
        ),
        ({"allow_redirect": "true"}, "/allow_redirect", "wrong_type"),
        ({"allow_redirect": 1}, "/allow_redirect", "wrong_type"),
        ({"capture_method": "MANUAL"}, "/capture_method", "not_allowed"),
        ({"gateway": "Stripe"}, "/gateway", "invalid_name"),
        ({"gateway": "../etc/passwd"}, "/gateway", "invalid_name"),
        ({"gateway": "x" * 41}, "/gateway", "too_long"),
        ({"metadata": {"a": 1}}, "/metadata/a", "wrong_type"),
        ({"metadata": {"a": None}}, "/metadata/a", "wrong_type"),
        ({"metadata": {"a": {}}}, "/metadata/a", "wrong_type"),
        ({"metadata": {"a": "x" * 501}}, "/metadata/a", "too_long"),
        ({"metadata": {"a" * 41: "x"}}, "/metadata/?", "too_long"),
        ({"metadata": {"": "x"}}, "/metadata/?", "too_short"),
        ({"metadata": {"a": f"{CANARY}\u202e"}}, "/metadata/a", "invalid_text"),
        ({"metadata": {f"{CANARY}\n": "x"}}, "/metadata/?", "invalid_text"),
        ({"metadata": {f"k{n}": "x" for n in range(51)}}, "/metadata", "too_long"),
        ({"return_url": "javascript:alert(1)"}, "/return_url", "invalid_url"),
        ({"return_url": f"https://{CANARY}@evil.example/"}, "/return_url", "invalid_url"),
        ({"return_url": f"http://shop.example/{CANARY}"}, "/return_url", "https_required"),
        ({"return_url": f"https://localhost/{CANARY}"}, "/return_url", "address_not_public"),
        ({"notification_url": f"http://127.0.0.1:9000/{CANARY}"}, "/notification_url", "address_not_public"),
        ({"notification_url": "https://169.254.169.254/latest"}, "/notification_url", "address_not_public"),
        (
            {"notification_url": f"https://shop.example:6379/{CANARY}"},
            "/notification_url",
            "port_not_allowed",
        ),
        *(
            ({field: CANARY}, f"/{field}", "unknown_field")
            for field in ("role", "status", "amount_captured", "merchant_id", "id", "__proto__", "Amount")
        ),
        ({"customer": {"admin": True, "name": CANARY}}, "/customer/admin", "unknown_field"),
        ({"unknown_null": None}, "/unknown_null", "unknown_field"),
        ({f"{CANARY}<b>": 1}, "/?", "unknown_field"),
    ],
)
async def test_fields_refused(api: httpx.AsyncClient, fields: dict[str, Any], path: str, fault: str) -> None:
    assert_problem(await send(api, **fields), 422, "invalid_request", path=path, fault=fault)


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE checkouts; --",
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "=cmd|' /C calc'!A0",
        "{{7*7}}${7*7}#{7*7}",
        "../../etc/passwd",
        "%00%0a%2e%2e%2f",
        "\u00c5sa \u674e \u0645\u062d\u0645\u062f \U0001f600",
        "null",
    ],
)
async def test_hostile_looking_text_is_plain_text(api: httpx.AsyncClient, text: str) -> None:
    answer = await understood(api, reference=text, customer={"name": text}, metadata={"note": text})
    assert answer["request"]["reference"] == answer["customer"]["name"] == text
    assert answer["request"]["metadata"] == {"note": text}


async def test_the_whole_request_arrives_in_the_domains_words(api: httpx.AsyncClient) -> None:
    answer = await understood(
        api,
        reference="order-1001",
        customer={
            "email": "a@shop.example",
            "name": "A",
            "phone": "+234 803-123 4567",
            "ip": "2001:DB8:0::1",
            "country": "NG",
        },
        payment_method={
            "type": "card",
            "bin": "539983",
            "tokens": {"stripe": "pm_card_visa", "stripe-eu": "pm_x"},
        },
        allow_redirect=False,
        capture_method="manual",
        return_url="HTTPS://Shop.Example/return?x=1",
        notification_url="https://shop.example:8443/hooks",
        gateway="stripe-eu",
        metadata={"cart": "42", "empty": ""},
    )
    assert answer["customer"] == {
        "email": "a@shop.example",
        "name": "A",
        "phone": "+2348031234567",
        "ip": "2001:db8::1",
        "country": "NG",
    }
    assert answer["payment_method"] == {
        "type": "card",
        "bin": "539983",
        "tokens": {"stripe": "pm_card_visa", "stripe-eu": "pm_x"},
        "network": None,
        "phone": None,
    }
    assert answer["return_url"] == "https://shop.example/return?x=1"
    assert answer["notification_url"] == "https://shop.example:8443/hooks"


async def test_null_is_the_same_as_leaving_out(api: httpx.AsyncClient) -> None:
    optional = [name for name, field in CheckoutRequest.model_fields.items() if not field.is_required()]
    nulls = await understood(api, **dict.fromkeys(optional))
    assert nulls == await understood(api)
    assert nulls["request"]["payment_method"]["type"] == "hosted"
    assert nulls["request"]["allow_redirect"] is True


@pytest.mark.parametrize(
    ("method", "customer"),
    [
        ({"phone": "+256772123456"}, None),
        ({}, {"phone": "+256772123456"}),
        ({"network": "MTN"}, {"phone": "+256 772 123456"}),
    ],
)
def test_mobile_money_prompts_the_customers_phone(
    method: dict[str, str], customer: dict[str, str] | None
) -> None:
    body = CheckoutRequest.model_validate(
        {**VALID, "payment_method": {"type": "mobile_money", **method}, "customer": customer}
    )
    assert body.to_domain().payment_method == PaymentMethod(
        type=MethodType.MOBILE_MONEY, network=method.get("network"), phone="+256772123456"
    )


def test_loopback_addresses_pass_only_where_the_deployment_says_so() -> None:
    body = CheckoutRequest.model_validate({**VALID, "notification_url": "http://127.0.0.1:41234/hooks"})
    assert body.to_domain(allow_loopback=True).notification_url == "http://127.0.0.1:41234/hooks"


def test_a_fingerprint_tells_what_is_asked_not_how_it_is_written() -> None:
    def fingerprint(**fields: Any) -> str:
        return CheckoutRequest.model_validate({**VALID, **fields}).fingerprint()

    plain = fingerprint()
    assert plain == fingerprint(
        reference=None, payment_method={"type": "hosted"}, metadata={}, allow_redirect=True
    )
    assert fingerprint(metadata={"a": "1", "b": "2"}) == fingerprint(metadata={"b": "2", "a": "1"})
    assert fingerprint(customer={"phone": "+234 8031234567"}) == fingerprint(
        customer={"phone": "+2348031234567"}
    )
    others = [
        fingerprint(amount=12501),
        fingerprint(currency="GHS"),
        fingerprint(reference="x"),
        fingerprint(metadata={"a": "1"}),
        fingerprint(payment_method={"type": "card"}),
        fingerprint(allow_redirect=False),
    ]
    assert len({plain, *others}) == len(others) + 1


@pytest.mark.parametrize(
    ("content", "amount"), [(b"", None), (b"{}", None), (b'{"amount": 5}', 5), (b"null", None)]
)
async def test_a_body_may_be_left_out_where_nothing_is_required(
    api: httpx.AsyncClient, content: bytes, amount: int | None
) -> None:
    headers = JSON if content else {}
    response = await api.post("/v1/checkouts/co_1/capture", content=content, headers=headers)
    assert response.json() == {"id": "co_1", "amount": amount}
