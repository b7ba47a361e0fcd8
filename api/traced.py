"""Requests as spans, carried on from a caller's `traceparent`. Not those that only ask how we are."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config import tracing

_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})


class Traced:
    """Outermost, and only where traces are on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self._app(scope, receive, send)
            return
        with tracing.served(scope["method"], Headers(scope=scope)) as answered:

            async def send_and_tell(message: Message) -> None:
                if answered is not None and message["type"] == "http.response.start":
                    # The route as it is declared: a path may hold what a caller has made up.
                    answered(message["status"], getattr(scope.get("route"), "path", None))
                await send(message)

            await self._app(scope, receive, send_and_tell)
