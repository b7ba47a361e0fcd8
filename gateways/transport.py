"""One HTTP exchange with a gateway: an answer, or what is known about the request that got none.

    no connection (refused, DNS, TLS, connect time-out, no free connection in the pool) -> NotSent
    held back by the account's own limit for too long                                   -> NotSent
    anything later (time-out, reset, too long, too big, redirected, undecodable)        -> Unknown

A caller maps the answer's body; `refusal` maps the statuses that mean the same at every gateway.
"""

import asyncio
import math
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

import httpx
from aiolimiter import AsyncLimiter

from config import tracing
from domain.outcome import NotSent, NotSentCause, Unknown
from gateways.base import Credentials

MAX_RESPONSE_BYTES: Final = 1024 * 1024
"""No gateway's answer to one payment comes near it; a larger one is not read to its end."""

MAX_RETRY_AFTER: Final = 300.0
"""Seconds: a gateway may ask for a pause, not for the rest of the day."""

_CONNECTIONS: Final = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=15.0)
_LOOPBACK: Final = ("all://127.0.0.1", "all://localhost", "all://[::1]")

# Raised by httpx only while it has no established connection, so before a byte of the request is written.
# ConnectError covers refusal, DNS and a failed TLS handshake; ProxyError a refused CONNECT.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def open_client(credentials: Credentials) -> httpx.AsyncClient:
    """A pooled client for one account. Follows no redirect and asks for uncompressed answers.

    Proxies come from the environment as usual, except towards loopback addresses.
    """
    return httpx.AsyncClient(
        verify=_trusted(),
        timeout=httpx.Timeout(
            connect=credentials.connect_timeout,
            read=credentials.read_timeout,
            write=credentials.read_timeout,
            pool=credentials.connect_timeout,
        ),
        limits=_CONNECTIONS,
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        mounts=dict.fromkeys(_LOOPBACK),
        event_hooks={} if credentials.max_per_second is None else {"request": [_pace(credentials)]},
    )


class _HeldBack(Exception):
    """There was no place for the request in time."""


def _pace(credentials: Credentials) -> Callable[[httpx.Request], Awaitable[None]]:
    """What has every request wait for its place. As many as one second has may go at once."""
    assert credentials.max_per_second is not None  # noqa: S101 - asked only then
    limiter = AsyncLimiter(credentials.max_per_second, 1.0)

    async def wait(_request: httpx.Request) -> None:
        try:
            async with asyncio.timeout(credentials.connect_timeout):
                await limiter.acquire()
        except TimeoutError:
            raise _HeldBack from None

    return wait


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """Certificates and host names are verified; read once, for reading the trusted roots takes a while."""
    return httpx.create_ssl_context()


def total_timeout(credentials: Credentials) -> float:
    """Seconds that one call may take altogether, however slowly its answer drips in."""
    return credentials.connect_timeout + credentials.read_timeout


async def send(
    client: httpx.AsyncClient, request: httpx.Request, *, total_timeout: float
) -> httpx.Response | NotSent | Unknown:
    """Exchange `request` for a fully read answer of any status but 3xx. No fault of the wire is raised."""
    try:
        async with asyncio.timeout(total_timeout):
            return await _exchange(client, request)
    except _HeldBack:
        return NotSent(cause=NotSentCause.HELD_BACK, detail="our limit for this account")
    except _NOT_SENT as fault:
        return NotSent(cause=NotSentCause.UNREACHABLE, detail=type(fault).__name__)
    except TimeoutError:
        return Unknown(detail="no complete answer in time")
    except (httpx.HTTPError, httpx.StreamError, OSError) as fault:
        return Unknown(detail=type(fault).__name__)


async def _exchange(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response | Unknown:
    with tracing.outgoing(request) as answered:
        response = await client.send(request, stream=True, follow_redirects=False)
        if answered is not None:
            answered(response.status_code)
        return await _read(request, response)


async def _read(request: httpx.Request, response: httpx.Response) -> httpx.Response | Unknown:
    try:
        if 300 <= response.status_code < 400:
            return Unknown(detail=f"redirected with {response.status_code}")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            # Never unpacked: a few kilobytes could grow without bound.
            return Unknown(detail="compressed answer")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_RESPONSE_BYTES:
                return Unknown(detail="answer too large")
    finally:
        await response.aclose()
    return httpx.Response(
        response.status_code, headers=response.headers, content=bytes(body), request=request
    )


def refusal(status: int, headers: Mapping[str, str]) -> NotSent | Unknown | None:
    """What a status means by itself: 401, 403 and 429 had no effect, 5xx may have had; None for the rest."""
    match status:
        case 401 | 403:
            return NotSent(cause=NotSentCause.UNAUTHORIZED, detail=f"status {status}")
        case 429:
            return NotSent(
                cause=NotSentCause.RATE_LIMITED, detail="status 429", retry_after=retry_after(headers)
            )
        case _ if status >= 500:
            return Unknown(detail=f"status {status}")
        case _:
            return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds asked for by Retry-After (number or date, RFC 9110 10.2.3), within 0..MAX_RETRY_AFTER."""
    value = httpx.Headers(headers).get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,6})?", value):
        seconds = float(value)
    else:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return math.ceil(min(max(seconds, 0.0), MAX_RETRY_AFTER) * 1000) / 1000
