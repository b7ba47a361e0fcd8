"""What every answer says to browsers: these answers are for programs, do nothing with them.

A route that serves pages of its own sets its own `Content-Security-Policy`; what a route has set is left.
No answer allows another origin to read it (CORS): merchants call from their servers, with a secret key.
"""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
VIEWER: Final = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data: https://fastapi.tiangolo.com; "
    "script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src https://cdn.jsdelivr.net; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of `/docs`, whose viewer comes from a CDN and begins with a script in the page. Off in production."""

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
YEAR: Final = 365 * 86400
_POLICY: Final = b"content-security-policy"


class SecurityHeaders:
    """ASGI middleware, outside of everything that may answer."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        """`https`: customers reach the API by https only (`PUBLIC_URL`), and browsers shall remember it."""
        self._app = app
        told = dict(HEADERS)
        if https:
            told["Strict-Transport-Security"] = f"max-age={YEAR}; includeSubDomains"
        self._headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = VIEWER if scope["path"] == "/docs" else NOTHING

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                set_already = {name for name, _ in headers}
                headers += (each for each in self._headers if each[0] not in set_already)
                if _POLICY not in set_already:
                    headers.append((_POLICY, policy.encode()))
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_with_headers)
