"""What is measured beside each other, and how each is put under load."""

import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from bench.http_load import Load, put_load
from bench.stand import Stand
from bench.straight import body
from devstack.ports import HOST


def encoded(make: Callable[[int], dict[str, Any]], number: int = 2000) -> list[bytes]:
    """So many customers' requests."""
    return [json.dumps(make(each), separators=(",", ":")).encode() for each in range(number)]


_BODIES: Final = encoded(body)
_MOST: Final = 1500
"""Requests a second that are made ahead, each under a key of its own."""
_CONNECTIONS: Final = 200


class Contestant(NamedTuple):
    key: str
    name: str
    parts: Sequence[str]
    """The processes whose work it is."""
    port: Callable[[Stand], int] | None = None
    """Where it is reached over HTTP; None: through Temporal's own client."""


CONTESTANTS: Final = (
    Contestant("a", "empty workflow", ("temporal", "empty worker", "driver")),
    Contestant(
        "b", "straight checkout, started directly", ("temporal", "worker", "postgres", "sandbox", "driver")
    ),
    Contestant(
        "c",
        "straight checkout, through HTTP",
        ("temporal", "worker", "api", "postgres", "sandbox", "driver"),
        lambda stand: stand.stack.ports.api,
    ),
    Contestant(
        "d", "naive handler, nothing durable", ("naive", "sandbox", "driver"), lambda stand: stand.naive
    ),
    Contestant(
        "e",
        "the same on DBOS, through HTTP",
        ("dbos", "postgres", "sandbox", "driver"),
        lambda stand: stand.dbos,
    ),
)


async def ready(
    stand: Stand, contestant: Contestant, *, at_once: int, seconds: float, rate: float | None = None
) -> Callable[[], Awaitable[Load]]:
    """What puts so many at a time on it, or with a `rate` so many a second. All is written that it needs."""
    if contestant.key == "a":
        return partial(stand.direct.empty, at_once=at_once, seconds=seconds, rate=rate)
    if contestant.port is None:
        ids = await stand.direct.accepted(seconds=seconds, rate=rate)
        return partial(stand.direct.checkouts, ids, at_once=at_once, seconds=seconds, rate=rate)
    port = contestant.port(stand)
    return partial(
        put_load,
        [port],
        requests(port, stand.stack.api_key, int(seconds * _MOST)),
        connections=at_once if rate is None else _CONNECTIONS,
        seconds=seconds,
        warm_up=0.0,
        good=succeeded,
        rate=rate,
    )


async def load(
    stand: Stand, contestant: Contestant, *, at_once: int, seconds: float, rate: float | None = None
) -> Load:
    """So many at a time, or with a `rate` so many a second."""
    return await (await ready(stand, contestant, at_once=at_once, seconds=seconds, rate=rate))()


def succeeded(head: bytes, body: bytes) -> bool:
    """Created, and paid."""
    return head.startswith(b"HTTP/1.1 201") and b'"status":"succeeded"' in body


def requests(port: int, api_key: str, number: int, bodies: Sequence[bytes] = _BODIES) -> list[bytes]:
    """So many requests for a checkout as bytes, each under a key of its own."""
    run = secrets.token_hex(6)
    head = (
        f"POST /v1/checkouts HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {api_key}\r\n"
        "Content-Type: application/json\r\nPrefer: wait=30\r\n"
    )
    texts = (bodies[index % len(bodies)] for index in range(number))
    return [
        f"{head}Idempotency-Key: {run}-{index}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text
        for index, text in enumerate(texts)
    ]
