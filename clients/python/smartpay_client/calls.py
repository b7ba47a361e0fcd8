"""What is sent, what an answer means, and when to ask again: the same for both clients."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx


class SmartpayError(Exception):
    """Base of all errors of this client."""


class ApiError(SmartpayError):
    """The API has refused, with a problem document (RFC 9457). Programs decide by `code`."""

    def __init__(self, status: int, code: str, detail: str, request_id: str | None) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.request_id = request_id


class NoAnswer(SmartpayError):
    """No answer came. What was asked for may have happened: ask again with the same idempotency key."""

    def __init__(self, idempotency_key: str | None) -> None:
        super().__init__("no answer came; ask again with the same idempotency key")
        self.idempotency_key = idempotency_key


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    """Whether asking twice does no more than asking once."""

    @property
    def key(self) -> str | None:
        return self.headers.get("Idempotency-Key")


_PAUSES = (0.3, 1.0, 3.0)
"""Seconds before a repeat, where the answer asks for no other pause."""
_LONGEST_PAUSE = 30.0


def pause(call: Call, tries: int, retries: int, answer: httpx.Response | None) -> float | None:
    """Seconds until the next try; None: no more. `answer` is None where there was none."""
    if tries > retries:
        return None
    if answer is not None and answer.status_code in (429, 503):
        # Refused before anything was done: whatever it was, it may be asked again.
        asked = answer.headers.get("Retry-After", "")
        return min(float(asked), _LONGEST_PAUSE) if asked.isdigit() else _default(tries)
    return _default(tries) if answer is None and call.repeatable else None


def _default(tries: int) -> float:
    return _PAUSES[min(tries, len(_PAUSES)) - 1]


def read(answer: httpx.Response) -> dict[str, Any]:
    """The answer's body. Raises ApiError."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.is_success and isinstance(body, dict):
        return body
    told = body if isinstance(body, dict) else {}
    raise ApiError(
        answer.status_code,
        told.get("code", "unreadable_answer"),
        told.get("detail", "the answer is not the API's"),
        told.get("request_id") or answer.headers.get("Request-Id"),
    )


def _waiting(wait: int | None) -> dict[str, str]:
    return {} if wait is None else {"Prefer": f"wait={wait}"}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def create_checkout(key: str | None, wait: int | None, **fields: Any) -> Call:
    headers = {"Idempotency-Key": key or uuid.uuid4().hex, **_waiting(wait)}
    return Call("POST", "/v1/checkouts", _given(**fields), headers=headers)


def get_checkout(checkout_id: str) -> Call:
    return Call("GET", f"/v1/checkouts/{checkout_id}")


def list_checkouts(**query: Any) -> Call:
    return Call("GET", "/v1/checkouts", query={name: str(value) for name, value in _given(**query).items()})


def cancel_checkout(checkout_id: str, reason: str | None, wait: int | None) -> Call:
    return Call("POST", f"/v1/checkouts/{checkout_id}/cancel", _given(reason=reason), headers=_waiting(wait))


def capture_checkout(checkout_id: str, amount: int | None, wait: int | None) -> Call:
    return Call(
        "POST",
        f"/v1/checkouts/{checkout_id}/capture",
        _given(amount=amount),
        headers=_waiting(wait),
        repeatable=False,
    )


def create_refund(checkout_id: str, amount: int | None, reason: str | None, key: str | None) -> Call:
    return Call(
        "POST",
        f"/v1/checkouts/{checkout_id}/refunds",
        _given(amount=amount, reason=reason),
        headers={"Idempotency-Key": key or uuid.uuid4().hex},
    )
