"""Below HTTP: connections that are reset, held without an answer, or refused at the port."""

import asyncio
import contextlib
import socket
import struct
from typing import Any, Final

import uvicorn
from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_KEEP_ALIVE_SECONDS: Final = 75
_BACKLOG: Final = 1024
_FAREWELL_SECONDS: Final = 0.05
"""Long enough for a client on this machine to see that its idle connections are gone."""
_TRANSPORT: Final = "transport"


class _Connection(HttpToolsProtocol):
    """Lets the application reach the connection that a request came in on."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][_TRANSPORT] = self.transport


async def reset(scope: Scope, receive: Receive) -> None:
    """End the connection with a TCP reset and no (further) answer."""
    transport: asyncio.Transport = scope["state"][_TRANSPORT]
    sock = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _gone(receive)


async def hang(scope: Scope, receive: Receive, seconds: float, closing: asyncio.Event) -> None:
    """Hold the connection without a word, then close it. Ends early if the client leaves or at exit."""
    waits = [asyncio.create_task(wait) for wait in (_gone(receive), closing.wait())]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    scope["state"][_TRANSPORT].close()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Listener:
    """One port. Closed, it refuses connections, yet stays ours: the port is held by a deaf socket."""

    def __init__(self, host: str, port: int, app: Any) -> None:
        config = uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        config.load()
        self._config = config
        self._state = ServerState()
        self._host = host
        self._socket = self._bound(port)
        self.port: int = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def open(self) -> None:
        if self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Connection(self._config, self._state, {}), sock=self._socket, backlog=_BACKLOG
            )

    async def refuse(self) -> None:
        """Stop listening; idle connections end now, those with a request under way after its answer."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        await asyncio.sleep(0)
        self._socket.close()
        self._socket = self._bound(self.port)
        for connection in list(self._state.connections):
            connection.shutdown()
        await asyncio.sleep(_FAREWELL_SECONDS)

    async def close(self, grace: float) -> None:
        """For good. Requests under way have `grace` seconds, then their connections are cut."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=grace)
        for connection in list(self._state.connections):
            connection.transport.abort()
        self._socket.close()

    def _bound(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self._host, port))
        sock.setblocking(False)
        return sock
