"""Customers return to the merchant's own sites only, whatever the address looks like."""

import hashlib
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from tests.attacks.front import Front, Holder, production, serving

ORIGINS = ("https://shop.example", "https://pay.shop.example:8443", "https://xn--mnchen-3ya.example")


@pytest.fixture(scope="module")
async def deployed(module_database_url: str) -> AsyncIterator[Front]:
    async with serving(module_database_url, **production()) as opened:
        yield opened


@pytest.fixture(scope="module")
async def shop(deployed: Front) -> Holder:
    return await deployed.holder("Listed", origins=ORIGINS)


async def post(front: Front, holder: Holder, url: str) -> httpx.Response:
    body = {"amount": 100, "currency": "USD", "return_url": url}
    key = f"key-{hashlib.sha256(url.encode()).hexdigest()[:20]}"
    headers = {**holder.headers, "Idempotency-Key": key, "Prefer": "wait=0"}
    return await front.http.post("/v1/checkouts", json=body, headers=headers)


TRICKS = [
    *("http://shop.example/", "HTTP://shop.example/", "ftp://shop.example/", "shop.example/return"),
    *(
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)//https://shop.example",
        "data:text/html,https://shop.example",
    ),
    *("//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example"),
    *("https:/shop.example", "https:///shop.example", "https:\\\\shop.example", "https://\\shop.example"),
    *(
        "%2f%2fevil.example",
        "https://shop.example/%2f%2fevil.example",
        "https://shop.example/%5c%5cevil.example",
    ),
    *(
        "https://shop.example@evil.example/",
        "https://shop.example:443@evil.example/",
        "https://u:p@shop.example/",
    ),
    *("https://shop.example\\@evil.example/", "https://evil.example\\.shop.example/"),
    *("https://evil.example/https://shop.example", "https://evil.example/?https://shop.example/"),
    *(
        "https://evil.example/#https://shop.example",
        "https://shop.example/#x",
        "https://shop.example#@evil.example",
    ),
    *("https://shop.example.evil.example/", "https://shop.exampleevil.example/", "https://evilshop.example/"),
    *("https://www.shop.example/", "https://x.pay.shop.example:8443/", "https://example/"),
    *("https://shop.example:8443/", "https://pay.shop.example/", "https://pay.shop.example:443/"),
    *("https://shop.example:80/", "https://shop.example:0443443/", "https://shop.example:/"),
    *("https://sh\u043ep.example/", "https://\u0455h\u043e\u0440.example/", "https://xn--shp-tdd.example/"),
    *(
        "https://\uff53hop.example/",
        "https://shop\u3002example/",
        "https://shop\u2024example/",
        "https://sh\u200bop.example/",
    ),
    *(
        "https://m\u00fcnchen.example.evil.example/",
        "https://shop%2eexample/",
        "https://shop.example%2eevil.example/",
    ),
    *(
        "https://shop.example%00.evil.example/",
        "https://shop.example%0d%0aX:1/",
        "https://shop.example/\r\nX: 1",
    ),
    *(
        " https://shop.example/",
        "https://shop.example /",
        "https://shop.example\t/",
        "\u0001https://shop.example/",
    ),
    *(
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://[::1]/",
        "https://localhost/",
        "https://169.254.169.254/",
    ),
]


@pytest.mark.parametrize("url", TRICKS)
async def test_no_trick_leads_anywhere_else(deployed: Front, shop: Holder, url: str) -> None:
    answer = await post(deployed, shop, url)
    assert answer.status_code == 422, answer.text
    assert [error["path"] for error in answer.json()["errors"]] == ["/return_url"]
    assert "evil" not in answer.text


async def test_nothing_was_stored_for_any_of_them(deployed: Front, shop: Holder) -> None:
    connection = await asyncpg.connect(deployed.settings.database_url)
    try:
        count = "SELECT count(*) FROM checkouts WHERE merchant_id = $1"
        assert await connection.fetchval(count, shop.merchant_id) == 0
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "https://shop.example/return?order=1&x=https://evil.example/",
        "https://SHOP.example:443/return",
        "https://shop.example./return",
        "https://pay.shop.example:8443/a/b",
        "https://m\u00fcnchen.example/danke",
        "https://xn--mnchen-3ya.example/danke",
    ],
)
async def test_the_listed_origins_pass(module_database_url: str, url: str) -> None:
    async with serving(module_database_url, **production()) as front:
        holder = await front.holder(f"Passing {url}", origins=ORIGINS)
        answer = await post(front, holder, url)
        assert answer.status_code == 201, answer.text


async def test_without_a_list_production_takes_none_and_development_any(database_url: str) -> None:
    async with serving(database_url, **production()) as front:
        holder = await front.holder("Without a list")
        answer = await post(front, holder, "https://shop.example/")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "origin_not_allowed")
    for changes in (production(require_return_origins=False), {}):
        async with serving(database_url, **changes) as front:
            assert (await post(front, holder, "https://shop.example/")).status_code in (200, 201)


async def test_a_repeat_is_answered_after_its_origin_has_gone(database_url: str) -> None:
    async with serving(database_url) as front:
        holder = await front.holder("Changing", origins=("https://shop.example",))
        first = await post(front, holder, "https://shop.example/")
        connection = await asyncpg.connect(database_url)
        await connection.execute("UPDATE merchant_origins SET origin = 'https://other.example'")
        await connection.close()
        again = await post(front, holder, "https://shop.example/")
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json()["id"] == first.json()["id"]
        assert (await post(front, holder, "https://shop.example/x")).status_code == 422
