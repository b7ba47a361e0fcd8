"""Where a request comes from: for limits and records, never for where a payer is.

`X-Forwarded-For` is believed as far as trusted proxies (`TRUSTED_PROXIES`) have written it, and not one entry
further: read from the right, the first address that is no trusted proxy is the client. Everything left of it
is the client's own claim. A request that no trusted proxy has passed on comes from whoever is connected.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

log = structlog.get_logger()

Address = IPv4Address | IPv6Address

UNKNOWN: Final = "unknown"
"""A connection without an address: a Unix socket."""
_MOST_HOPS: Final = 20
"""Proxies that one request may pass. What stands further left is not read, however long the header."""
_LONGEST: Final = 64
_WITH_PORT: Final = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")


class ClientAddress:
    """ASGI middleware: `client_address` and `is_shared` of a request for all inside."""

    def __init__(self, app: ASGIApp, trusted: Iterable[IPv4Network | IPv6Network]) -> None:
        self._app = app
        self._trusted = tuple(trusted)
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            state = scope.setdefault("state", {})
            state["client_address"], state["address_is_shared"] = self._of(scope)
        await self._app(scope, receive, send)

    def _of(self, scope: Scope) -> tuple[str, bool]:
        """The address, and whether it may be that of a proxy which nobody configured."""
        peer = _parsed(scope["client"][0]) if scope.get("client") else None
        if peer is None:
            return UNKNOWN, True
        if not self._is_trusted(peer):
            passed_on = any(name == b"x-forwarded-for" for name, _ in scope["headers"])
            if passed_on and not self._told:
                self._told = True  # once: behind such a proxy all clients look like one
                log.warning("proxy.untrusted", hint="X-Forwarded-For is ignored; see TRUSTED_PROXIES")
            return str(peer), passed_on
        client = peer
        for text in _hops(scope):
            hop = _parsed(text)
            if hop is None:
                break
            client = hop
            if not self._is_trusted(hop):
                break
        return str(client), False

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def client_address(scope: Scope) -> str:
    """The client's address in its normal form, or `unknown`."""
    return str(scope.get("state", {}).get("client_address", UNKNOWN))


def is_shared(scope: Scope) -> bool:
    """Whether others may come from the same address: what one of them does must not be held against all."""
    return bool(scope.get("state", {}).get("address_is_shared", True))


def _hops(scope: Scope) -> Iterator[str]:
    """The entries of all `X-Forwarded-For` headers, from the right."""
    lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    rest = b",".join(lines).decode("latin-1")
    for _ in range(_MOST_HOPS):
        rest, comma, last = rest.rpartition(",")
        yield last.strip(" \t")
        if not comma:
            return


@lru_cache(maxsize=4096)  # a connection's requests come from one address
def _parsed(text: str) -> Address | None:
    """An address, with or without a port; an IPv4 address that IPv6 wraps as what it is."""
    if len(text) > _LONGEST or "%" in text:
        return None
    with_port = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address((with_port[1] or with_port[2]) if with_port else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
