"""Customers return to the merchant's own sites only, whatever the address looks like."""

import hashlib

import asyncpg
import httpx

from tests.attacks.front import Front, Holder, production, serving

ORIGINS = ("https://shop.example", "https://pay.shop.example:8443", "https://xn--mnchen-3ya.example")


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


async def test_no_trick_leads_anywhere_else(database_url: str) -> None:
    problems: list[str] = []
    async with serving(database_url, **production()) as front:
        holder = await front.holder("Listed", origins=ORIGINS)
        for url in TRICKS:
            answer = await post(front, holder, url)
            blamed = [error["path"] for error in answer.json().get("errors", [])]
            if (answer.status_code, blamed) != (422, ["/return_url"]) or "evil" in answer.text:
                problems.append(f"{url!r}: {answer.status_code} {answer.text}")
    assert not problems, "\n".join(problems)
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM checkouts") == 0
    finally:
        await connection.close()


GOOD = (
    "https://shop.example",
    "https://shop.example/return?order=1&x=https://evil.example/",
    "https://SHOP.example:443/return",
    "https://shop.example./return",
    "https://pay.shop.example:8443/a/b",
    "https://m\u00fcnchen.example/danke",
    "https://xn--mnchen-3ya.example/danke",
)


async def test_the_listed_origins_pass(database_url: str) -> None:
    """As far as the next thing that is asked for: Temporal, which is down."""
    async with serving(database_url, **production()) as front:
        holder = await front.holder("Passing", origins=ORIGINS)
        answers = [await post(front, holder, url) for url in GOOD]
    assert answers[0].status_code == 201
    assert {answer.status_code for answer in answers} <= {201, 503}, [answer.text for answer in answers]


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
