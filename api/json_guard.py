"""Stands before the application: reads a body within limits, and lets only strict JSON without card data in.

For every request but those under `raw_prefixes`
    - the address and the headers are searched for card numbers;
    - the body arrives within a time and a size, whatever `Content-Length` says, or is refused (408, 413);
    - a body has `Content-Type: application/json` in UTF-8 and no Content-Encoding (415);
    - it is one JSON document by RFC 8259 and RFC 7493 (400): no byte order mark, duplicate name, NaN,
      Infinity or trailing text, and not too deep or too large a structure;
    - its texts hold no NUL and no half of a surrogate pair, its integers fit 64 bits (422);
    - it holds no card data (422 `card_data_refused`): counted, logged by place only, and forgotten.

Under `raw_prefixes` (webhooks: their signatures cover raw bytes) only size and time are held. Under
`sealed_prefixes` (ciphertext in base64, where digits look like cards by chance) a larger body is
taken, which is not searched: nothing of it is stored, logged or passed on.

The application gets the original bytes, in one message.
"""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from email.message import Message as EmailMessage
from types import MappingProxyType
from typing import Any, Final, NoReturn

import structlog
from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.envelope import card_data_in
from api.errors import (
    BodyTooLarge,
    CardDataRefused,
    InvalidRequest,
    MalformedRequest,
    Problem,
    RequestTimeout,
    UnsupportedMediaType,
    respond,
)
from domain.card_numbers import find_card_data, safe_pointer

_log = structlog.get_logger(__name__)

CARD_DATA_REFUSED: Final = Counter(
    "smartpay_card_data_refused_total", "Requests refused because they held card data (PCI DSS 12.10.7)."
)

_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_MAX_INTEGER: Final = 2**63 - 1
_ANNOUNCES_BODY: Final = (b"content-length", b"transfer-encoding")


class Limits(BaseModel):
    """What a request may be. Sizes in bytes, time in seconds."""

    model_config = ConfigDict(frozen=True)

    json_body: int = 64 * 1024
    raw_body: int = 256 * 1024
    receive_seconds: float = 10.0
    """From the start of the body to its end."""
    depth: int = 32
    keys: int = 1000


class JsonGuard:
    """Pure ASGI middleware. `app.add_middleware(JsonGuard)`, before `error_handlers.install(app)`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        raw_prefixes: Iterable[str] = ("/webhooks/",),
        sealed_prefixes: Iterable[str] = (),
        limits: Limits | None = None,
        limits_under: Mapping[str, Limits] = MappingProxyType({}),
    ) -> None:
        """`limits_under`: other limits, for paths that begin so."""
        self._app = app
        self._raw_prefixes = tuple(raw_prefixes)
        self._sealed_prefixes = tuple(sealed_prefixes)
        self._limits = limits or Limits()
        self._limits_under = dict(limits_under)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._admit(scope, receive)
        except Problem as problem:
            await respond(problem, scope)(scope, receive, send)
            return
        if body is not None:
            whole = {"type": "http.request", "body": body, "more_body": False}
            await self._app(scope, _replay(whole, receive), send)

    async def _admit(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body, once it is known to be harmless; None where the client is gone. Raises Problem."""
        path = _path(scope)
        if path.startswith(self._raw_prefixes):
            return await self._read(scope, receive, self._limits.raw_body)
        limits = next(
            (each for prefix, each in self._limits_under.items() if path.startswith(prefix)), self._limits
        )
        _search_envelope(scope)
        sealed = _path(scope).startswith(self._sealed_prefixes)
        body = await self._read(scope, receive, limits.json_body)
        if body:
            _check_media_type(scope)
            document = parse(body, limits)
            place = None if sealed else find_card_data(document)
            if place is not None:
                _refuse_card_data(place)
            _check_values(document)
        return body

    async def _read(self, scope: Scope, receive: Receive, most: int) -> bytes | None:
        declared = _headers(scope, b"content-length")
        if declared and declared[0].isdecimal() and (len(declared[0]) > 18 or int(declared[0]) > most):
            raise BodyTooLarge(headers={"Connection": "close"})
        if not any(name in _ANNOUNCES_BODY for name, _ in scope["headers"]):
            # There is none (RFC 9112, 6.3), as with every GET: no clock has to be set to find its end.
            first = await receive()
            if first["type"] == "http.request" and not (first.get("body") or first.get("more_body")):
                return b""
            receive = _replay(first, receive)
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.receive_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise BodyTooLarge(headers={"Connection": "close"})
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise RequestTimeout(headers={"Connection": "close"}) from None


def parse(body: bytes, limits: Limits) -> Any:
    """Strict JSON -> values; a number with a fraction or an exponent is a float. Raises MalformedRequest."""
    try:
        text = body.decode("utf-8", errors="strict")
    except UnicodeDecodeError:
        raise MalformedRequest("The body is not UTF-8.") from None
    if text.startswith("\ufeff"):
        raise MalformedRequest("The body begins with a byte order mark.")
    _check_depth(text, limits.depth)
    keys = 0

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal keys
        keys += len(pairs)
        if keys > limits.keys:
            raise MalformedRequest(f"The body has more than {limits.keys} names.")
        built = dict(pairs)
        if len(built) != len(pairs):
            raise MalformedRequest("A name stands twice in the same object.")
        return built

    try:
        return json.loads(text, object_pairs_hook=build, parse_int=_integer, parse_constant=_refuse_constant)
    except ValueError:
        raise MalformedRequest from None


def _check_depth(text: str, most: int) -> None:
    """Before parsing, which recurses: a body of brackets alone must not reach the interpreter's limit."""
    depth = 0
    for token in _BRACKET.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth > most:
                    raise MalformedRequest(f"The body nests deeper than {most} levels.")
            case "]" | "}":
                depth -= 1


def _integer(literal: str) -> int:
    """Integers of any length, without the time that a number of thousands of digits would take."""
    return int(literal) if len(literal) <= 20 else _MAX_INTEGER + 1


def _refuse_constant(_: str) -> NoReturn:
    raise MalformedRequest("NaN and Infinity are not JSON.")


def _check_values(document: Any) -> None:
    """Raises InvalidRequest for what PostgreSQL cannot store or other programs cannot read."""
    pending: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while pending:
        steps, value = pending.pop()
        match value:
            case dict():
                if any(_UNSTORABLE.search(key) for key in value):
                    raise _unstorable(steps)
                pending += [((*steps, key), inner) for key, inner in value.items()]
            case list():
                pending += [((*steps, index), inner) for index, inner in enumerate(value)]
            case str() if _UNSTORABLE.search(value):
                raise _unstorable(steps)
            case int() if not -_MAX_INTEGER <= value <= _MAX_INTEGER:
                raise InvalidRequest.at(safe_pointer(steps), "too_large", "does not fit 64 bits")


def _unstorable(steps: tuple[str | int, ...]) -> InvalidRequest:
    return InvalidRequest.at(
        safe_pointer(steps), "invalid_text", "holds a NUL character or half of a surrogate pair"
    )


def _search_envelope(scope: Scope) -> None:
    """Path, query and headers. Raises CardDataRefused."""
    place = card_data_in(scope, _path(scope))
    if place is not None:
        _refuse_card_data(place)


def _refuse_card_data(place: str) -> NoReturn:
    CARD_DATA_REFUSED.inc()
    _log.warning("card_data.refused", path=place)
    raise CardDataRefused


def _check_media_type(scope: Scope) -> None:
    types = _headers(scope, b"content-type")
    encodings = _headers(scope, b"content-encoding")
    if len(types) != 1 or any(encoding.strip().lower() not in ("", "identity") for encoding in encodings):
        raise UnsupportedMediaType
    header = EmailMessage()
    header["Content-Type"] = types[0]
    charset = header.get_param("charset", "utf-8")
    if header.get_content_type() != "application/json" or str(charset).lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType


def _headers(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _path(scope: Scope) -> str:
    """The path that the application routes by: without the prefix that a proxy added."""
    path: str = scope["path"]
    root = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _replay(first: Message, receive: Receive) -> Receive:
    """This message first, then whatever follows (more of the body, a disconnect)."""
    pending = [first]

    async def next_message() -> Message:
        return pending.pop() if pending else await receive()

    return next_message
