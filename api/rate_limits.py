"""How often one key, and one address, may ask: token buckets, kept by each process for itself.

With n API processes a client may thus have up to n times what is set here. That is enough for what the
limits are for: one client must not use up what all share. What may not be exceeded by a single request,
however the requests are spread, is held by the database.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network
from typing import Final

from prometheus_client import Counter
from starlette.types import ASGIApp, Receive, Scope, Send

from api.client_address import client_address, is_shared
from api.errors import RateLimited, respond
from config.settings import Settings

REFUSED: Final = Counter("smartpay_rate_limited_total", "Requests refused by a rate limit.", ["limit"])

BURST_SECONDS: Final = 2.0
"""A bucket holds what is allowed in so many seconds."""
MOST_CLIENTS: Final = 20_000
"""Remembered at once, the longest unheard of are forgotten first: memory stays bounded under a flood."""
FORGED_BURST: Final = 50
"""Webhooks with a bad signature that an address may send at once: a secret was mistyped, or rotated."""
_UNLIMITED: Final = frozenset({"/healthz"})


class Limiter:
    """Token buckets by name. Each is one number: when it will be full again."""

    def __init__(
        self,
        per_second: float,
        burst: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        most: int = MOST_CLIENTS,
    ) -> None:
        self._cost = 1 / per_second
        self._depth = max(1.0, burst) * self._cost
        self._clock = clock
        self._most = most
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, who: str) -> float:
        """Take a token. Returns 0, or for how many seconds there is none."""
        now = self._clock()
        full_at = max(now, self._full_at.get(who, now)) + self._cost
        wait = full_at - now - self._depth
        if wait > 1e-9:
            return wait
        self._full_at[who] = full_at
        self._full_at.move_to_end(who)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return 0.0

    def wait(self, who: str) -> float:
        """For how many seconds there is no token; takes none."""
        now = self._clock()
        return max(0.0, self._full_at.get(who, now) - now + self._cost - self._depth)


class RateLimits:
    """The limits of one process."""

    def __init__(self, settings: Settings) -> None:
        self._keys = _limiter(settings.rate_limit_per_key)
        self._addresses = _limiter(settings.rate_limit_per_address)
        self._forged = Limiter(settings.rate_limit_forged, FORGED_BURST)

    def check_key(self, key_id: str) -> None:
        """Raises RateLimited."""
        _refuse("key", self._keys.take(key_id))

    def check_address(self, scope: Scope) -> None:
        """Raises RateLimited; for a webhook also where the address has sent too many forged ones lately: they
        cost neither the reading of a body nor the check of a signature any more. Not so where genuine ones
        may come from the same address, that of a proxy which nobody configured."""
        address = network_of(client_address(scope))
        _refuse("address", self._addresses.take(address))
        if str(scope["path"]).startswith("/webhooks/") and not is_shared(scope):
            _refuse("forged", self._forged.wait(address))

    def forged(self, scope: Scope) -> None:
        """Count a webhook whose signature was bad."""
        self._forged.take(network_of(client_address(scope)))


class AddressLimit:
    """ASGI middleware, inside `ClientAddress`: refuses before a body is read or a key looked up."""

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _UNLIMITED:
            try:
                self._limits.check_address(scope)
            except RateLimited as problem:
                await respond(problem, scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or an IPv6 /64, all of which one customer has."""
    if ":" not in address:
        return address
    return str(IPv6Network((int(IPv6Address(address)) >> 64 << 64, 64)))


def _limiter(per_second: float) -> Limiter:
    return Limiter(per_second, per_second * BURST_SECONDS)


def _refuse(limit: str, wait: float) -> None:
    if wait > 0:
        REFUSED.labels(limit).inc()
        raise RateLimited(retry_after=wait)
