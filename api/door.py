"""The door: sheds load before it is accepted, and refuses new checkouts while Temporal is known to be down.

What has been accepted is never refused again: a checkout whose start fails after its row is written is
answered with 201 and started by the sweep.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from api.errors import Overloaded, Unavailable

log = structlog.get_logger()

PROBE_EVERY = 1.0
"""Seconds between looks at a server that was down."""


class Door:
    def __init__(self, temporal: Client, *, most: int) -> None:
        """`most`: checkouts that this process creates at the same time."""
        self._temporal = temporal
        self._most = most
        self._inside = 0
        self._probe: asyncio.Task[None] | None = None

    @property
    def temporal_down(self) -> bool:
        return self._probe is not None

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Raises Overloaded where too many are inside already."""
        if self._inside >= self._most:
            raise Overloaded("Too many checkouts are being created; try again in a moment.", retry_after=1)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    def check_temporal(self) -> None:
        """Raises Unavailable while the server is known to be down."""
        if self.temporal_down:
            raise Unavailable("New checkouts cannot be started right now.", retry_after=2)

    def temporal_failed(self) -> None:
        """A call failed: refuse at the door until a probe succeeds."""
        if self._probe is None:
            log.warning("temporal.down")
            self._probe = asyncio.create_task(self._until_up(), name="temporal probe")

    async def aclose(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)

    async def _until_up(self) -> None:
        while True:
            if await reachable(self._temporal):
                break
            await asyncio.sleep(PROBE_EVERY)
        log.info("temporal.up")
        self._probe = None


async def reachable(temporal: Client) -> bool:
    """Whether the server answers within two seconds."""
    try:
        async with asyncio.timeout(2):
            return await temporal.service_client.check_health()
    except (RPCError, RuntimeError, TimeoutError):
        return False
