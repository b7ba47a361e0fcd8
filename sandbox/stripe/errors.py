"""Stripe's errors. Sources: https://docs.stripe.com/api/errors, https://docs.stripe.com/error-codes"""

import json
from typing import Any

from sandbox.exchange import Answer, Refusal
from sandbox.stripe.identifiers import new_id


def answer(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """JSON the way Stripe prints it, with a request id."""
    return Answer(
        status,
        json.dumps(body, indent=2, ensure_ascii=False).encode(),
        {"Request-Id": new_id("req", 14), **(headers or {})},
    )


def error_body(type_: str, message: str, code: str | None = None, **more: Any) -> dict[str, Any]:
    error: dict[str, Any] = {}
    if code is not None:
        error["code"] = code
        error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
    error.update({name: value for name, value in more.items() if value is not None})
    return {"error": {**error, "message": message, "type": type_}}


def invalid(message: str, *, code: str | None = None, param: str | None = None) -> Refusal:
    """400 that fails validation: never kept by the idempotency layer, which starts with the execution."""
    return Refusal(answer(error_body("invalid_request_error", message, code, param=param), 400))


def conflict(message: str, code: str, *, param: str | None = None, **more: Any) -> Refusal:
    """400 from the execution: the object's state does not allow it."""
    return Refusal(
        answer(error_body("invalid_request_error", message, code, param=param, **more), 400), kept=True
    )


def missing(what: str, identifier: str, param: str, status: int = 404) -> Refusal:
    """404 (400 where the id was a parameter): there is no such object."""
    body = error_body(
        "invalid_request_error", f"No such {what}: '{identifier}'", "resource_missing", param=param
    )
    return Refusal(answer(body, status))
