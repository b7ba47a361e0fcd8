"""Every way an exchange can fail, on a real socket: only a request that never left counts as not sent."""

import asyncio
import gzip
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from domain.outcome import NotSent, NotSentCause, Unknown
from gateways.base import Credentials
from gateways.transport import MAX_RESPONSE_BYTES, open_client, refusal, retry_after, send
from tests.contract.scripted import (
    Answer,
    Scripted,
    drip,
    hang_up,
    raw,
    reset,
    says,
    scripted_server,
    silent,
    text,
)

TOTAL = 20.0
"""Seconds that no exchange takes which is not about time."""


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(Credentials(base_url="", connect_timeout=TOTAL, read_timeout=TOTAL)) as opened:
        yield opened


@pytest.fixture
async def hasty() -> AsyncIterator[httpx.AsyncClient]:
    """Does not wait long for a connection."""
    async with open_client(Credentials(base_url="", connect_timeout=0.3)) as opened:
        yield opened


@pytest.fixture
async def gateway() -> AsyncIterator[Scripted]:
    async with scripted_server() as script:
        yield script


async def test_an_answer_of_any_status_is_handed_over(client: httpx.AsyncClient, gateway: Scripted) -> None:
    for status in (200, 402, 500):
        gateway.on("POST /charge", says({"status": status}, status=status))
        answer = await send(
            client, client.build_request("POST", f"{gateway.base_url}/charge"), total_timeout=TOTAL
        )
        assert isinstance(answer, httpx.Response)
        assert (answer.status_code, answer.json()) == (status, {"status": status})


async def test_what_an_account_s_limit_holds_back_was_not_sent(gateway: Scripted) -> None:
    """As many as a second has go at once; the others find no place within their connect time-out."""
    answers = await at_once(5, gateway, connect_timeout=0.05, max_per_second=2)
    held = [each for each in answers if isinstance(each, NotSent)]
    assert [each.cause for each in held] == [NotSentCause.HELD_BACK] * 3
    assert len(gateway.asked("POST /charge")) == 2


async def test_a_limit_lets_through_what_can_wait(gateway: Scripted) -> None:
    answers = await at_once(30, gateway, connect_timeout=5, max_per_second=20)
    assert all(isinstance(each, httpx.Response) for each in answers)


async def at_once(
    number: int, gateway: Scripted, *, connect_timeout: float, max_per_second: float
) -> list[httpx.Response | NotSent | Unknown]:
    limited = Credentials(
        base_url="", connect_timeout=connect_timeout, read_timeout=2, max_per_second=max_per_second
    )
    gateway.on("POST /charge", says({}))
    async with open_client(limited) as client:
        requests = [client.build_request("POST", f"{gateway.base_url}/charge") for _ in range(number)]
        return await asyncio.gather(*(send(client, each, total_timeout=10) for each in requests))


async def test_connections_are_kept(client: httpx.AsyncClient, gateway: Scripted) -> None:
    gateway.on("GET /", says({}))
    for _ in range(3):
        await send(client, client.build_request("GET", gateway.base_url + "/"), total_timeout=TOTAL)
    assert gateway.connections == 1


async def test_a_proxy_is_not_asked_for_this_machine(
    gateway: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, _refused())
    gateway.on("GET /", says({}))
    proxied = open_client(Credentials(base_url=""))
    local = await send(proxied, proxied.build_request("GET", gateway.base_url), total_timeout=TOTAL)
    other = await send(proxied, proxied.build_request("GET", "http://gateway.invalid"), total_timeout=TOTAL)
    await proxied.aclose()
    assert isinstance(local, httpx.Response)
    assert isinstance(other, NotSent)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(reset, id="reset"),
        pytest.param(hang_up, id="closed without an answer"),
        pytest.param(raw(b"not http at all\r\n\r\n"), id="not http"),
        pytest.param(text(200, b"x" * (MAX_RESPONSE_BYTES + 1)), id="too big"),
        pytest.param(text(200, gzip.compress(b"0" * 10**8, 1), content_encoding="gzip"), id="gzip bomb"),
        pytest.param(text(302, "", location="http://127.0.0.1:9/elsewhere"), id="redirect"),
    ],
)
async def test_whatever_happens_after_sending_is_unknown(
    client: httpx.AsyncClient, gateway: Scripted, fault: Answer
) -> None:
    gateway.on("POST /charge", fault)

    answer = await send(
        client, client.build_request("POST", f"{gateway.base_url}/charge"), total_timeout=TOTAL
    )

    assert isinstance(answer, Unknown)
    assert len(gateway.received) == 1


@pytest.mark.parametrize(
    ("slow", "read_timeout", "total_timeout"),
    [
        pytest.param(silent, 1, TOTAL, id="no answer"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), 1, TOTAL, id="half an answer"),
        pytest.param(drip, TOTAL, 1, id="a byte at a time"),
    ],
)
async def test_an_answer_that_takes_too_long_is_unknown(
    gateway: Scripted, slow: Answer, read_timeout: float, total_timeout: float
) -> None:
    gateway.on("POST /charge", slow)

    async with open_client(Credentials(base_url="", read_timeout=read_timeout)) as client:
        request = client.build_request("POST", f"{gateway.base_url}/charge")
        async with asyncio.timeout(TOTAL):
            answer = await send(client, request, total_timeout=total_timeout)

    assert isinstance(answer, Unknown)
    await gateway.until_received(1)


def _refused() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(_refused, id="refused"),
        pytest.param(lambda: "http://no-such-gateway.invalid", id="unknown name"),
    ],
)
async def test_without_a_connection_nothing_was_sent(
    client: httpx.AsyncClient, address: Callable[[], str]
) -> None:
    answer = await send(client, client.build_request("POST", address()), total_timeout=10)

    assert isinstance(answer, NotSent)
    assert answer.cause is NotSentCause.UNREACHABLE


async def test_a_failed_handshake_is_not_sent(hasty: httpx.AsyncClient, gateway: Scripted) -> None:
    """The server speaks no TLS at all."""
    url = gateway.base_url.replace("http://", "https://")

    answer = await send(hasty, hasty.build_request("POST", url), total_timeout=TOTAL)

    assert isinstance(answer, NotSent)
    assert gateway.received == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with the openssl command")
async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await made.wait() == 0
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async with scripted_server(context) as gateway:
        gateway.on("POST /", says({}))
        answer = await send(client, client.build_request("POST", gateway.base_url), total_timeout=TOTAL)

    assert isinstance(answer, NotSent)
    assert gateway.received == []


async def test_a_connection_that_never_completes_is_not_sent(hasty: httpx.AsyncClient) -> None:
    """A listener that accepts nothing, its backlog full: the handshake of one more stays unanswered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            answer = await send(hasty, hasty.build_request("POST", url), total_timeout=TOTAL)
        finally:
            for filler in fillers:
                filler.close()

    assert isinstance(answer, NotSent)


def test_statuses_that_mean_the_same_everywhere() -> None:
    for status in (401, 403):
        assert refusal(status, {}) == NotSent(cause=NotSentCause.UNAUTHORIZED, detail=f"status {status}")
    limited = refusal(429, {"retry-after": "7"})
    assert isinstance(limited, NotSent)
    assert (limited.cause, limited.retry_after) == (NotSentCause.RATE_LIMITED, 7)
    assert isinstance(refusal(503, {}), Unknown)
    assert [refusal(status, {}) for status in (200, 400, 402, 404, 409)] == [None] * 5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5),
        ("0.25", 0.25),
        ("0", 0),
        ("1000000000", 300),
        ("9" * 400, None),
        ("-5", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2815 07:28:00 GMT", 300),
    ],
)
def test_how_long_to_wait_is_capped(value: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": value}) == seconds


def test_a_date_to_wait_for_is_a_number_of_seconds() -> None:
    waiting = retry_after({"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=90))})
    assert waiting is not None
    assert 85 <= waiting <= 90


def test_no_advice_is_none() -> None:
    assert retry_after({}) is None
