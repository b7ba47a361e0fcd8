"""What the guard keeps away from the application: by raw bytes, as a hostile client would send them."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from api.errors import MalformedRequest
from api.json_guard import JsonGuard, Limits, parse
from tests.api.edge.toy import CANARY, KEY, VALID, assert_problem, client

VISA = "4242424242424242"
JSON = {"Content-Type": "application/json"}
GOOD = json.dumps(VALID).encode()


async def post(api: httpx.AsyncClient, content: Any, **headers: str) -> httpx.Response:
    return await api.post("/v1/checkouts", content=content, headers={**KEY, **JSON, **headers})


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"}",
        b"canary-zq7731",
        b'{"amount": 12500, "currency": "NGN"',
        b'{"amount": 12500, "currency": "NGN",}',
        b"{'amount': 12500, 'currency': 'NGN'}",
        b"{amount: 12500}",
        GOOD + b" canary-zq7731",
        GOOD + GOOD,
        b"\xef\xbb\xbf" + GOOD,
        GOOD.decode().encode("utf-16"),
        GOOD.decode().encode("utf-16-le"),
        GOOD.decode().encode("utf-32"),
        b'{"amount": 12500, "currency": "NGN", "reference": "\xff"}',
        b'{"amount": 12500, "currency": "NGN", "reference": "\xed\xa0\x80"}',
        b'{"amount": 12500, "currency": "NGN", "reference": "\xc0\xaf"}',
        b'{"amount": 1, "currency": "NGN", "amount": 12500}',
        b'{"amount": 1, "currency": "NGN", "metadata": {"canary-zq7731": "1", "canary-zq7731": "2"}}',
        b'{"amount": 1, "currency": "NGN", "\\u0061mount": 12500}',
        b'{"amount": NaN, "currency": "NGN"}',
        b'{"amount": Infinity, "currency": "NGN"}',
        b'{"amount": 1, "currency": "NGN", "reference": "a\nb"}',
        b'{"amount": 1, "currency": "NGN", "reference": "\\x41"}',
        b'{"amount": 1, "currency": "NGN", /* canary-zq7731 */ "reference": "x"}',
        b"[" * 10_000,
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"metadata": ' + b"[" * 33 + b"]" * 33 + b"}",
        b'{"metadata": {' + b",".join(b'"k%d": "v"' % n for n in range(1001)) + b"}}",
        b'"\\"' * 20_000,
        b"   ",
    ],
)
async def test_what_is_not_strict_json(api: httpx.AsyncClient, body: bytes) -> None:
    assert_problem(await post(api, body), 400, "malformed_request")


async def test_no_body_where_one_is_needed(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/checkouts", headers=KEY)
    assert assert_problem(response, 400, "malformed_request")["detail"] == "A JSON body is required."


@pytest.mark.parametrize("body", [b"null", b"[]", b'"canary-zq7731"', b"1", b"true", b"[" * 32 + b"]" * 32])
async def test_json_that_is_no_object(api: httpx.AsyncClient, body: bytes) -> None:
    assert_problem(await post(api, body), 422, "invalid_request", path="", fault="wrong_type")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"amount": 1, "currency": "NGN", "reference": "canary-zq7731\\ud800"}', "/reference"),
        ('{"amount": 1, "currency": "NGN", "reference": "\\udfff\\ud83d"}', "/reference"),
        ('{"amount": 1, "currency": "NGN", "reference": "canary-zq7731\\u0000"}', "/reference"),
        ('{"amount": 1, "currency": "NGN", "metadata": {"a\\u0000": "x"}}', "/metadata"),
        ('{"amount": 1, "currency": "NGN", "metadata": {"a": ["x", "\\ud800"]}}', "/metadata/a/1"),
        ('{"\\ud800": 1}', ""),
    ],
)
async def test_text_that_cannot_be_stored(api: httpx.AsyncClient, text: str, path: str) -> None:
    assert_problem(await post(api, text.encode()), 422, "invalid_request", path=path, fault="invalid_text")


async def test_a_surrogate_pair_is_a_character(api: httpx.AsyncClient) -> None:
    response = await post(api, b'{"amount": 1, "currency": "NGN", "reference": "\\ud83d\\ude00"}')
    assert response.json()["request"]["reference"] == "\U0001f600"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "json",
        "application/problem+json",
    ],
)
async def test_other_content_types(api: httpx.AsyncClient, content_type: str) -> None:
    response = await post(api, GOOD, **{"Content-Type": content_type})
    assert_problem(response, 415, "unsupported_media_type")


async def test_no_content_type(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/checkouts", content=GOOD, headers=KEY)
    assert_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
    ],
)
async def test_json_content_types(api: httpx.AsyncClient, content_type: str) -> None:
    assert (await post(api, GOOD, **{"Content-Type": content_type})).status_code == 201


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity"])
async def test_compressed_bodies_are_not_opened(api: httpx.AsyncClient, encoding: str) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    assert_problem(await post(api, bomb, **{"Content-Encoding": encoding}), 415, "unsupported_media_type")


async def test_identity_is_no_compression(api: httpx.AsyncClient) -> None:
    assert (await post(api, GOOD, **{"Content-Encoding": "identity"})).status_code == 201


async def in_chunks(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * size


async def test_a_large_body_is_refused_by_what_it_says(api: httpx.AsyncClient) -> None:
    body = b'{"reference": "' + CANARY.encode() + b"x" * 1_000_000 + b'"}'
    response = await post(api, body)
    assert_problem(response, 413, "body_too_large")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("said", [None, "2", "-1", "99999999999999999999999999", "\u00b2", "x"])
async def test_a_large_body_is_refused_whatever_it_says(api: httpx.AsyncClient, said: str | None) -> None:
    headers = [(b"content-type", b"application/json")]
    headers += [(b"content-length", said.encode("latin-1"))] if said else []
    request = api.build_request("POST", "/v1/checkouts", content=in_chunks(8192, 9), headers=headers)
    assert_problem(await api.send(request), 413, "body_too_large")


async def test_a_body_of_exactly_the_limit_passes(api: httpx.AsyncClient) -> None:
    assert (await post(api, GOOD + b" " * (64 * 1024 - len(GOOD)))).status_code == 201
    assert_problem(await post(api, GOOD + b" " * (64 * 1024 - len(GOOD) + 1)), 413, "body_too_large")


@pytest.mark.parametrize("path", ["/v1/checkouts", "/webhooks/stripe"])
async def test_a_body_that_never_ends_is_given_up(path: str) -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with client(Limits(receive_seconds=0.05)) as api:
        response = await api.post(path, content=drip(), headers=JSON)
    assert_problem(response, 408, "request_timeout")
    assert response.headers["connection"] == "close"


async def test_a_client_that_leaves_reaches_no_application() -> None:
    async def application(*_: object) -> None:
        raise AssertionError("reached")

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        raise AssertionError("answered")

    scope = {"type": "http", "method": "POST", "path": "/v1/checkouts", "headers": [], "query_string": b""}
    await JsonGuard(application)(scope, receive, send)


async def test_webhooks_are_left_raw(api: httpx.AsyncClient) -> None:
    raw = b"\xff\x00{" + VISA.encode() + b"{" * 100 + b" " * 100_000
    headers = {"Content-Type": "text/plain", "X-Signature": VISA}
    response = await api.post("/webhooks/stripe", content=raw, headers=headers)
    assert bytes.fromhex(response.json()["body"]) == raw


async def test_webhooks_have_a_limit_of_their_own(api: httpx.AsyncClient) -> None:
    assert_problem(await api.post("/webhooks/stripe", content=b"x" * (256 * 1024 + 1)), 413, "body_too_large")


async def test_webhooks_are_recognised_behind_a_proxys_prefix() -> None:
    async with client() as plain:
        app = plain._transport.app  # type: ignore[attr-defined]  # httpx shows no public way to it
        transport = httpx.ASGITransport(app=app, root_path="/pay")
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as api:
            assert (await api.post("/pay/webhooks/stripe", content=b"raw")).status_code == 200
            assert_problem(await api.post("/pay/v1/checkouts", content=b"raw"), 415, "unsupported_media_type")


CARD_BODIES = [
    ({"reference": VISA}, "/reference"),
    ({"reference": "4242 4242-4242.4242"}, "/reference"),
    ({"reference": "4242\u00a04242\u200b42424242"}, "/reference"),
    ({"reference": "".join(chr(0xFF10 + int(digit)) for digit in VISA)}, "/reference"),
    ({"reference": "NDI0MjQyNDI0MjQyNDI0Mg=="}, "/reference"),
    ({"amount": int(VISA)}, "/amount"),
    ({"customer": {"email": f"{VISA}@shop.example"}}, "/customer/email"),
    ({"customer": {"name": "378282246310005"}}, "/customer/name"),
    ({"customer": {"phone": "+378282246310005"}}, "/customer/phone"),
    ({"metadata": {VISA: "x"}}, "/metadata"),
    ({"metadata": {"a": VISA[:8], "b": VISA[8:]}}, "/metadata"),
    ({"metadata": {"CVV": "123"}}, "/metadata/CVV"),
    ({"payment_method": {"type": "card", "cvc": "123"}}, "/payment_method/cvc"),
    ({"payment_method": {"type": "card", "number": VISA}}, "/payment_method/number"),
    ({"payment_method": {"tokens": {"stripe": VISA}}}, "/payment_method/tokens/stripe"),
    ({"return_url": f"https://shop.example/?card={VISA}"}, "/return_url"),
    ({"card": {"track2": f";{VISA}=2812101"}}, "/card/track2"),
]


@pytest.mark.parametrize(("fields", "place"), CARD_BODIES)
async def test_card_data_in_bodies(api: httpx.AsyncClient, fields: dict[str, Any], place: str) -> None:
    before = REGISTRY.get_sample_value("smartpay_card_data_refused_total") or 0
    with capture_logs() as logs:
        response = await post(api, json.dumps({**VALID, "gateway": CANARY, **fields}).encode())
    problem = assert_problem(response, 422, "card_data_refused")
    assert "errors" not in problem
    assert logs == [{"event": "card_data.refused", "path": place, "log_level": "warning"}]
    assert REGISTRY.get_sample_value("smartpay_card_data_refused_total") == before + 1
    for secret in (VISA, VISA[:8], "378282246310005"):
        assert secret not in response.text


@pytest.mark.parametrize(
    ("url", "headers", "place"),
    [
        (f"/v1/checkouts/{VISA}", {}, "url"),
        ("/v1/checkouts/4242%204242%204242%204242", {}, "url"),
        (f"/v1/checkouts?reference={VISA}", {}, "query"),
        ("/v1/checkouts?reference=4242+4242+4242+4242", {}, "query"),
        (f"/v1/checkouts?{VISA}=1", {}, "query"),
        ("/v1/checkouts?bin=539983123", {}, "query"),
        ("/v1/checkouts?cvv=123", {}, "query"),
        ("/v1/checkouts", {"User-Agent": f"shop/1.0 ({VISA})"}, "header:user-agent"),
        ("/v1/checkouts", {"Idempotency-Key": VISA}, "header:idempotency-key"),
        ("/v1/checkouts", {"X-Note": "4242 4242 4242 4242"}, "header:x-note"),
        ("/v1/checkouts", {f"X-{VISA}": "1"}, "header:?"),
        ("/nowhere", {"X-Note": VISA}, "header:x-note"),
    ],
)
async def test_card_data_around_bodies(
    api: httpx.AsyncClient, url: str, headers: dict[str, str], place: str
) -> None:
    with capture_logs() as logs:
        response = await api.get(url, headers={"X-Canary": CANARY, **headers})
    assert_problem(response, 422, "card_data_refused")
    assert [entry["path"] for entry in logs] == [place]
    assert VISA not in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"},
        {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-4242424242424242-01"},
        {"X-Datadog-Trace-Id": "4242424242424242"},
        {"Cookie": "_ga=GA1.1.424242424.4242424242"},
        {"X-Forwarded-For": "41.58.0.1, 102.89.32.4"},
        {"X-Request-Start": "t=1780315200.123"},
    ],
)
async def test_headers_that_are_no_card_data(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await api.get("/v1/checkouts", headers=headers)).status_code == 200


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**6), 10**6)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_strict_json_reads_what_json_writes(value: Any) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert parse(text, Limits()) == value


@given(st.binary(max_size=200) | st.text('{}[]",:\\ 01eE+-.ntfu', max_size=200).map(str.encode))
def test_no_body_is_a_fault(body: bytes) -> None:
    with suppress(MalformedRequest):
        parse(body, Limits())
