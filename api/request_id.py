"""Gives every request an id, in its logs, its problem documents and its answer."""

import os

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class RequestId:
    """Outermost: whatever happens inside can be found again by the `Request-Id` that the caller saw."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{os.urandom(16).hex()}"
        header = (b"request-id", request_id.encode())
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            structlog.contextvars.reset_contextvars(**bound)
