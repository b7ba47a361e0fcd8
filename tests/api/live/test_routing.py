"""`/v1/routing/resolve` through the running API: every reason, and nothing charged."""

import pytest

from tests.e2e.requests import card
from tests.live import Json, Shop


async def resolve(shop: Shop, **params: str) -> Json:
    answer = await shop.http.get("/v1/routing/resolve", params=params)
    found: Json = answer.raise_for_status().json()
    return found


def entries(listed: list[Json]) -> list[tuple[str, str]]:
    return [(entry["account"], entry["reason"]) for entry in listed]


async def test_the_country_is_told_with_its_source(shop: Shop) -> None:
    for params, country, source in (
        ({"country": "UG"}, "UG", "billing"),
        ({"ip": "41.58.0.1"}, "NG", "ip"),
        ({"ip": "41.58.0.1", "bin": "414720"}, "US", "bin"),
        ({"ip": "10.0.0.1"}, None, "default"),
        ({}, None, "default"),
    ):
        found = await resolve(shop, currency="USD", **params)
        assert (found["country"], found["country_source"]) == (country, source), params


async def test_the_plan_is_told_with_every_reason(shop: Shop) -> None:
    mapped = await resolve(shop, currency="USD", country="NG")
    assert entries(mapped["plan"]) == [
        ("flutterwave", "country_map"),
        ("paystack", "country_map"),
        ("stripe", "country_map"),
    ]
    default = await resolve(shop, currency="USD", country="US")
    assert entries(default["plan"]) == [("stripe", "default"), ("flutterwave", "default")]
    chosen = await resolve(shop, currency="USD", country="US", gateway="flutterwave")
    assert entries(chosen["plan"]) == [("flutterwave", "merchant_choice")]


@pytest.mark.parametrize(
    ("params", "excluded"),
    [
        ({"currency": "JPY"}, [("flutterwave", "currency_unsupported")]),
        ({"currency": "KPW"}, [("flutterwave", "currency_unsupported"), ("stripe", "currency_unsupported")]),
        ({"currency": "USD", "capture_method": "manual"}, [("flutterwave", "capture_unsupported")]),
        (
            {"currency": "UGX", "method": "mobile_money", "network": "MTN", "country": "UG"},
            [("stripe", "method_unsupported")],
        ),
    ],
)
async def test_what_is_left_out_is_told_with_the_reason(
    shop: Shop, params: dict[str, str], excluded: list[tuple[str, str]]
) -> None:
    found = await resolve(shop, **params)
    assert sorted(entries(found["excluded"])) == excluded
    assert not {account for account, _ in excluded} & {account for account, _ in entries(found["plan"])}


@pytest.mark.parametrize(
    "query",
    [
        *("", "currency=usd", "currency=XXX", "currency=USD&amount=0", "currency=USD&amount=1.5"),
        *("currency=USD&country=UK", "currency=USD&ip=1.2.3", "currency=USD&bin=12345"),
        *("currency=USD&method=cash", "currency=USD&amount=99999999999999999999"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(shop: Shop, query: str) -> None:
    answer = await shop.http.get(f"/v1/routing/resolve?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_checkout_gets_the_plan_that_was_foretold(shop: Shop) -> None:
    foretold = await resolve(shop, currency="USD", country="US", amount="4999")
    made = await shop.check_out(card())
    assert made["routing"] == foretold


async def test_other_ways_to_ask_are_answered_as_everywhere(shop: Shop) -> None:
    refused = await shop.http.post("/v1/routing/resolve", params={"currency": "USD"})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    unknown = await shop.http.get("/v1/routing/resolve/", params={"currency": "USD"})
    assert unknown.status_code == 404
    nobody = await shop.http.get("/v1/routing/resolve?currency=USD", headers={"Authorization": "Bearer no"})
    assert (nobody.status_code, nobody.headers["content-type"]) == (401, "application/problem+json")
    answer = await shop.http.get("/v1/routing/resolve", params={"currency": "USD"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["request-id"] != nobody.headers["request-id"]
    assert answer.headers["x-content-type-options"] == nobody.headers["x-content-type-options"] == "nosniff"
