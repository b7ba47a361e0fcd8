"""Turns whatever a request runs into into a problem document. Nothing of the request is repeated."""

import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar, cast

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import (
    PROBLEM_JSON,
    REFUSED,
    BodyTooLarge,
    CardDataRefused,
    FieldError,
    Forbidden,
    InsufficientScope,
    InternalError,
    InvalidRequest,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    ProblemDocument,
    RateLimited,
    RequestTimeout,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    problem_responses,
    respond,
)
from domain.card_numbers import safe_pointer

_E = TypeVar("_E", bound=Exception)

_log = structlog.get_logger(__name__)

_BY_STATUS: Final[Mapping[int, type[Problem]]] = {
    kind.status: kind
    for kind in (
        MalformedRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        RequestTimeout,
        BodyTooLarge,
        UnsupportedMediaType,
        InvalidRequest,
        RateLimited,
        InternalError,
        Unavailable,
    )
}

# pydantic's type of error -> (code, message). `{n}` is the bound that our own schema sets.
_MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("missing", "is required"),
    "extra_forbidden": ("unknown_field", "is not a field of this request"),
    "string_type": ("wrong_type", "must be a string"),
    "int_type": ("wrong_type", "must be an integer"),
    "int_parsing": ("wrong_type", "must be an integer"),
    "int_from_float": ("wrong_type", "must be an integer"),
    "bool_type": ("wrong_type", "must be true or false"),
    "bool_parsing": ("wrong_type", "must be true or false"),
    "list_type": ("wrong_type", "must be a list"),
    "dict_type": ("wrong_type", "must be an object"),
    "model_type": ("wrong_type", "must be an object"),
    "model_attributes_type": ("wrong_type", "must be an object"),
    "enum": ("not_allowed", "must be one of {n}"),
    "literal_error": ("not_allowed", "must be one of {n}"),
    "string_too_long": ("too_long", "must have at most {n} characters"),
    "string_too_short": ("too_short", "must have at least {n} characters"),
    "too_long": ("too_long", "must have at most {n} entries"),
    "too_short": ("too_short", "must have at least {n} entries"),
    "greater_than_equal": ("too_small", "must be at least {n}"),
    "greater_than": ("too_small", "must be more than {n}"),
    "less_than_equal": ("too_large", "must be at most {n}"),
    "less_than": ("too_large", "must be less than {n}"),
}
_BOUNDS: Final = ("expected", "max_length", "min_length", "ge", "gt", "le", "lt")
_ANYWHERE: Final = (RequestTimeout, BodyTooLarge, RateLimited)
"""What the edge may answer before any operation."""
_GUARDED: Final = (MalformedRequest, UnsupportedMediaType, CardDataRefused)
"""And what the guard of JSON may, which stands before all but the webhooks."""
_BY_KEY: Final = (Unauthorized, InsufficientScope)
_PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


class ResponseCutShort(Exception):
    """A fault after the answer had begun: the server must drop the connection. Carries no detail."""


def install(app: FastAPI) -> None:
    """Answer every fault of `app` with a problem document, and document that in its OpenAPI.

    Call it after every other `add_middleware`: what is added last stands outermost, and the last resort has
    to stand around the guard too.
    """
    _answer(app, Problem, lambda problem: problem)
    _answer(app, RequestValidationError, lambda error: problem_of(error.errors()))
    _answer(app, HTTPException, _problem_of_framework)
    app.add_middleware(LastResort)
    _document(app)


def _answer(app: FastAPI, kind: type[_E], problem: Callable[[_E], Problem]) -> None:
    async def handle(request: Request, error: Exception) -> Response:
        return respond(problem(cast(_E, error)), request.scope)

    app.add_exception_handler(kind, handle)


def _problem_of_framework(error: HTTPException) -> Problem:
    """What the framework refuses: unknown paths (404), other methods (405, with `Allow`), and so on."""
    kind = _BY_STATUS.get(error.status_code)
    if kind is None:
        kind = MalformedRequest if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else InternalError
    problem = kind()
    problem.headers |= error.headers or {}
    return problem


def problem_of(errors: Iterable[Mapping[str, Any]]) -> Problem:
    """What pydantic found, as a problem. Its `msg`, `input`, `ctx` and `url` stay behind."""
    found: list[FieldError] = []
    for error in errors:
        where, *steps = error["loc"]
        if where == "path":
            return NotFound()
        if error["type"] == "json_invalid":
            return MalformedRequest()
        if where == "body" and not steps and error["type"] == "missing":
            return MalformedRequest("A JSON body is required.")
        found.append(_field_error(str(where), steps, error))
    return InvalidRequest(errors=found)


def _field_error(where: str, steps: list[str | int], error: Mapping[str, Any]) -> FieldError:
    context = error.get("ctx", {})
    own = error["type"].startswith(REFUSED)
    path = context["path"] if own and "path" in context else _path(where, steps)
    if own:
        return FieldError(path=path, code=error["type"].removeprefix(REFUSED), message=error["msg"])
    code, message = _MESSAGES.get(error["type"], ("invalid", "is not valid"))
    bound = next((context[name] for name in _BOUNDS if name in context), "")
    return FieldError(path=path, code=code, message=message.replace("{n}", str(bound)))


def _path(where: str, steps: list[str | int]) -> str:
    if where == "body":
        return safe_pointer(step for step in steps if step != "[key]")
    name = str(steps[0]) if steps else ""
    return f"{where}:{name if _PARAMETER.fullmatch(name) else '?'}"


class LastResort:
    """The outermost middleware: an exception that nobody caught becomes a 500 and one log line.

    The line has the kinds of the exceptions and where they came from. Their texts stay out: those of
    pydantic and of the database quote what was sent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            _log.error(
                "request.failed",
                method=scope["method"],
                route=getattr(scope.get("route"), "path", None),
                request_id=scope.get("state", {}).get("request_id"),
                errors=_kinds(error),
                frames=_frames(error),
            )
            if started:
                raise ResponseCutShort from None
            await respond(InternalError(), scope)(scope, receive, send)


def _kinds(error: BaseException) -> list[str]:
    """The exception and what it came from, outermost first, by type only."""
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < 10:
        kinds.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        cause = cause.__cause__ or cause.__context__
    return kinds


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _document(app: FastAPI) -> None:
    """Put our problem document where FastAPI documents a validation error of its own."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        schema = original()
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        if "ProblemDocument" in components:
            return schema
        generated = TypeAdapter(ProblemDocument).json_schema(ref_template="#/components/schemas/{model}")
        components |= {**generated.pop("$defs"), "ProblemDocument": generated}
        for unused in ("HTTPValidationError", "ValidationError"):
            components.pop(unused, None)
        for path, operations in schema.get("paths", {}).items():
            for operation in operations.values():
                refusal = operation["responses"].get("422")
                if refusal and "HTTPValidationError" in str(refusal):
                    operation["responses"]["422"] = problem_responses(InvalidRequest)[422]
                _may_answer(operation, _ANYWHERE)
                if not path.startswith("/webhooks/"):
                    _may_answer(operation, _GUARDED)
                if {"HTTPBearer": []} in operation.get("security", []):
                    _may_answer(operation, _BY_KEY)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend its OpenAPI


def _may_answer(operation: dict[str, Any], kinds: Iterable[type[Problem]]) -> None:
    """Add these problems to what an operation is described to answer."""
    for status, answer in problem_responses(*kinds).items():
        known = operation["responses"].setdefault(str(status), answer)
        examples = known["content"][PROBLEM_JSON]["examples"]
        for code, example in answer["content"][PROBLEM_JSON]["examples"].items():
            examples.setdefault(code, example)
