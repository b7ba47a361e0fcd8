"""Bad input through the running API: a problem document, no echo, no row, no run. Never a 500."""

import json
import secrets
from collections.abc import Mapping
from typing import NamedTuple

import asyncpg
from temporalio.client import Client

from tests.e2e.requests import Json, card
from tests.live import Shop, eventually, new_key

CANARY = f"canary{secrets.randbelow(10**8):08}"
"""With more digits than the name of a field may have that an answer repeats, and fewer than a card number."""
PAN = "4242424242424242"


class Row(NamedTuple):
    title: str
    body: str | bytes
    status: int
    code: str = "invalid_request"
    headers: Mapping[str, str] | None = None
    """Instead of a good key and content type."""


def with_(title: str, path: str, value: object, status: int = 422, code: str = "invalid_request") -> Row:
    """A good request but for one value; `path` is dotted."""
    body: Json = {**card(), "metadata": {"note": CANARY}}
    *way, last = path.split(".")
    place = body
    for step in way:
        place = place.setdefault(step, {})
    place[last] = value
    return Row(title, json.dumps(body), status, code)


def raw(title: str, body: str | bytes, status: int = 400, code: str = "malformed_request") -> Row:
    return Row(title, body, status, code)


GOOD = json.dumps({**card(), "metadata": {"note": CANARY}})
NESTED = '{"metadata":' * 4_000
JSON_TYPE = {"Content-Type": "application/json"}

AMOUNTS: tuple[object, ...] = (
    0,
    -1,
    1.5,
    10.0,
    "10",
    "1e2",
    None,
    True,
    [],
    {},
    2**53 + 1,
    2**63,
    10**4000,
    "\u0661\u0660",
)

ROWS: tuple[Row, ...] = (
    *(with_(f"amount {value!r:.20}", "amount", value) for value in AMOUNTS),
    raw(
        "amount 1e308", f'{{"amount":1e308,"currency":"USD","reference":"{CANARY}"}}', 422, "invalid_request"
    ),
    raw("amount NaN", f'{{"amount":NaN,"currency":"USD","reference":"{CANARY}"}}'),
    *(
        with_(f"currency {value!r}", "currency", value)
        for value in ("usd", "US", "XXX", "XTS", "BTC", "\uff35\uff33\uff24", "", 840, None, CANARY)
    ),
    *(
        with_(f"country {value!r}", "customer.country", value)
        for value in ("UK", "ZZ", "us", "T1", "NGA", "", CANARY)
    ),
    *(
        with_(f"BIN {value!r}", "payment_method.bin", value)
        for value in ("12345", "1234567", "abcdef", 123456)
    ),
    with_("an unknown field", CANARY, "x"),
    with_("an unknown field inside", f"customer.{CANARY}", "x"),
    with_("a status of one's own", "status", "succeeded"),
    with_("a merchant of one's own", "merchant_id", "mer_x"),
    with_("an unknown gateway", "gateway", "paypall"),
    with_("an address inside", "notification_url", "https://169.254.169.254/latest"),
    with_("a script as return address", "return_url", "javascript:alert(1)"),
    with_("NUL", "reference", f"a\0{CANARY}"),
    with_("half of a surrogate pair", "reference", f"\ud800{CANARY}"),
    with_("a right-to-left override", "customer.name", f"\u202e{CANARY}"),
    with_("a card number", "reference", PAN, code="card_data_refused"),
    with_("a card number as a name", f"metadata.{PAN}", "x", code="card_data_refused"),
    with_("a security code", "metadata.cvv", "123", code="card_data_refused"),
    with_("too many names", "metadata", {f"k{number}": CANARY for number in range(60)}),
    with_("a body over 64 KiB", "metadata.note", CANARY * 6000, 413, "body_too_large"),
    raw("nesting", NESTED),
    raw("nesting that closes", '{"metadata":' + "[" * 5000 + "]" * 5000 + "}"),
    raw("nothing", b""),
    raw("no object", f'["{CANARY}"]', 422, "invalid_request"),
    raw("no JSON", f"amount={CANARY}"),
    raw("trailing text", GOOD + CANARY),
    raw("a name twice", f'{{"amount":1,"amount":2,"currency":"USD","reference":"{CANARY}"}}'),
    raw("a byte order mark", b"\xef\xbb\xbf" + GOOD.encode()),
    raw("UTF-16", GOOD.encode("utf-16")),
    Row("no key", GOOD, 400, "idempotency_key_missing", JSON_TYPE),
    Row("an overlong key", GOOD, 400, "idempotency_key_invalid", {**JSON_TYPE, "Idempotency-Key": "k" * 256}),
    Row("an empty key", GOOD, 400, "idempotency_key_invalid", {**JSON_TYPE, "Idempotency-Key": ""}),
    Row("a key with blanks", GOOD, 400, "idempotency_key_invalid", {**JSON_TYPE, "Idempotency-Key": "a b"}),
    Row("a card number as key", GOOD, 422, "card_data_refused", {**JSON_TYPE, "Idempotency-Key": PAN}),
    *(
        Row(f"content type {kind!r}", GOOD, 415, "unsupported_media_type", {"Content-Type": kind})
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=latin-1",
            "",
        )
    ),
    Row(
        "a compressed body",
        GOOD,
        415,
        "unsupported_media_type",
        {**JSON_TYPE, "Content-Encoding": "gzip", "Idempotency-Key": "k"},
    ),
)


async def test_bad_input_is_refused_without_an_echo_a_row_or_a_run(
    shop: Shop, database: asyncpg.Connection, temporal: Client
) -> None:
    problems: list[str] = []
    for row in ROWS:
        headers = row.headers or {**JSON_TYPE, "Idempotency-Key": new_key()}
        body = row.body.encode("utf-8", "surrogatepass") if isinstance(row.body, str) else row.body
        answer = await shop.http.post("/v1/checkouts", content=body, headers=dict(headers))
        told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        found = (answer.status_code, told.get("code"), answer.headers.get("content-type"))
        if found != (row.status, row.code, "application/problem+json"):
            problems.append(f"{row.title}: {found} instead of {row.status} {row.code}")
        everything = answer.text + str(answer.headers.multi_items())
        if CANARY in everything or PAN in everything:
            problems.append(f"{row.title}: what was sent is repeated: {answer.text}")
    assert not problems, "\n".join(problems)

    count = "SELECT count(*) FROM checkouts WHERE merchant_id = $1"
    assert await database.fetchval(count, shop.merchant_id) == 0
    good = await shop.check_out(card())  # so that the search is known to have caught up
    assert good["status"] == "succeeded"

    async def runs() -> int:
        return (await temporal.count_workflows(f"Merchant = '{shop.merchant_id}'")).count

    assert await eventually("the good checkout's run is listed", runs, every=0.2) == 1


async def test_unknown_addresses_and_methods_are_problem_documents_too(shop: Shop) -> None:
    for method, path, status, code in (
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/checkouts/", 404, "not_found"),
        ("DELETE", "/v1/checkouts", 405, "method_not_allowed"),
        ("GET", f"/v1/checkouts/co_{CANARY}", 404, "not_found"),
        ("GET", f"/v1/checkouts/{PAN}", 422, "card_data_refused"),
        ("GET", "/v1/checkouts/..%2f..%2fetc", 404, "not_found"),
    ):
        answer = await shop.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
        assert answer.headers["content-type"] == "application/problem+json"
        assert CANARY not in answer.text
        assert PAN not in answer.text
