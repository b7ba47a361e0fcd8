"""Operators who are signed in, as a request shows it: a cookie, and for what changes something a CSRF token.

The cookie holds 256 random bits and nothing else; the database keeps their SHA-256. The CSRF token is derived
from them (HMAC) and kept nowhere: whoever knows it has read the answer to a signed-in call, which no other
site can (no CORS), while the cookie itself is out of every script's reach.
"""

import hashlib
import hmac
from ipaddress import ip_address
from typing import Final

from fastapi import Request, Response

from api.errors import CsrfTokenWrong, Unauthorized
from api.services import Services
from config.settings import Environment
from domain.operator import Operator
from storage import operator_sessions
from storage.operator_sessions import ID_LENGTH, LIFE_SECONDS, SignedIn

_PLAIN: Final = "smartpay_session"
_SECURE: Final = "__Host-smartpay_session"
"""Browsers take a name with this beginning only over TLS, for this host alone and every path."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
HEADER: Final = "x-csrf-token"


def csrf_token(session_id: str) -> str:
    return hmac.digest(session_id.encode(), b"csrf", hashlib.sha256).hex()


def session_id_of(request: Request, parts: Services) -> str | None:
    """The session that the cookie names, live or not."""
    found = request.cookies.get(_SECURE if _secure(request, parts) else _PLAIN)
    return found if found is not None and len(found) == ID_LENGTH else None


async def by_session(request: Request, parts: Services) -> Operator | None:
    """A signed-in operator. Raises Unauthorized for a session that is over, CsrfTokenWrong."""
    session_id = session_id_of(request, parts)
    if session_id is None:
        return None
    if request.method not in _SAFE:
        check_csrf(request, session_id)
    found = await signed_in(parts, session_id)
    if found is None:
        raise Unauthorized("The session has ended. Sign in again.")
    request.state.session_id = session_id
    return found.operator


async def signed_in(parts: Services, session_id: str, *, used: bool = True) -> SignedIn | None:
    async with parts.database.transaction() as session:
        return await operator_sessions.find(session, session_id, used=used)


def check_csrf(request: Request, session_id: str) -> None:
    given = request.headers.getlist(HEADER)
    if len(given) != 1 or not hmac.compare_digest(given[0].encode(), csrf_token(session_id).encode()):
        raise CsrfTokenWrong


def set_cookie(request: Request, response: Response, parts: Services, session_id: str) -> None:
    secure = _secure(request, parts)
    response.set_cookie(
        _SECURE if secure else _PLAIN,
        session_id,
        max_age=LIFE_SECONDS,
        path="/",
        httponly=True,
        secure=secure,
        samesite="strict",
    )


def forget_cookie(request: Request, response: Response, parts: Services) -> None:
    secure = _secure(request, parts)
    response.delete_cookie(
        _SECURE if secure else _PLAIN, path="/", httponly=True, secure=secure, samesite="strict"
    )


def _secure(request: Request, parts: Services) -> bool:
    """Over TLS alone, but for a development machine that talks to itself."""
    if parts.settings.environment is Environment.PRODUCTION:
        return True
    host = request.url.hostname or ""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
