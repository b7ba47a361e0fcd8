"""Lets the browser of whoever uses Temporal's web UI call the codec endpoint, and that alone, from there.

No other path answers another origin, and no other origin is answered: `TEMPORAL_UI_ORIGIN` names the one.
"""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.json_guard import Limits

PREFIX: Final = "/v1/admin/codec/"
LIMITS: Final = Limits(json_body=1024 * 1024)
_PREFLIGHT_LASTS: Final = "600"


class CodecCors:
    def __init__(self, app: ASGIApp, *, origin: str | None) -> None:
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._origin is None or headers.get("origin") != self._origin:
            await self._app(scope, receive, send)
            return
        origin = self._origin

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["Access-Control-Allow-Origin"] = origin
                answer["Access-Control-Allow-Credentials"] = "true"
                answer.append("Vary", "Origin")
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            allowed = {
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Namespace",
                "Access-Control-Max-Age": _PREFLIGHT_LASTS,
            }
            await Response(status_code=204, headers=allowed)(scope, receive, send_allowed)
            return
        await self._app(scope, receive, send_allowed)
