"""The real API in this process, behind the real HTTP server, with settings of its own. Temporal is down."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator
from typing import Any, NamedTuple

import httpx
import uvicorn

from api.__main__ import SERVER
from api.app import create_app
from config.keys import new_key
from config.settings import Environment, Settings
from devstack.ports import HOST
from domain.api_key import KeyScope
from storage import api_keys
from storage.database import Database
from storage.merchants import change_origins, create_merchant
from tests.patience import PATIENCE

_NOWHERE = f"{HOST}:1"


class _Server(uvicorn.Server):
    """Leaves the signals to the test run, and the test run alive where it does not start."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().serve(sockets)
        except SystemExit:
            raise RuntimeError("the API does not start; its log says why") from None


class Holder(NamedTuple):
    merchant_id: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


class Front:
    """Where it listens, and a client without a key."""

    def __init__(self, settings: Settings, port: int, http: httpx.AsyncClient) -> None:
        self.settings = settings
        self.port = port
        self.http = http

    async def holder(
        self, name: str, *, scopes: list[KeyScope] | None = None, origins: tuple[str, ...] = ()
    ) -> Holder:
        """A new merchant with a key."""
        database = Database(self.settings.sqlalchemy_url, pool_size=1, keys=self.settings.keys)
        try:
            async with database.transaction() as session:
                merchant = await create_merchant(session, name)
                await change_origins(session, merchant.id, add=origins, remove=(), actor="test")
                return Holder(merchant.id, await api_keys.issue(session, merchant.id, scopes=scopes))
        finally:
            await database.aclose()


@contextlib.asynccontextmanager
async def serving(database_url: str, **changes: Any) -> AsyncIterator[Front]:
    """`changes` go by the settings' names. One at a time in a process, which has its metrics once."""
    settings = Settings.model_validate({"database_url": database_url, "temporal_address": _NOWHERE} | changes)
    server = _Server(uvicorn.Config(create_app(settings), host=HOST, port=0, **SERVER))
    running = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(PATIENCE):
            while not server.started:
                if running.done():
                    await running
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(
            base_url=f"http://{HOST}:{port}", timeout=PATIENCE, trust_env=False
        ) as http:
            yield Front(settings, port, http)
    finally:
        server.should_exit = True
        await asyncio.wait_for(running, PATIENCE)


def production(**changes: Any) -> dict[str, Any]:
    """The settings of a deployment that customers reach by https."""
    return {
        "environment": Environment.PRODUCTION,
        "encryption_keys": new_key("test"),
        "public_url": "https://pay.example.com",
        **changes,
    }
