"""Flutterwave's JSON: decimal major units, `status`/`message`/`data` around everything.

Errors: https://developer.flutterwave.com/docs/integration-guides/errors
"""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sandbox.currency import EXPONENTS, to_major
from sandbox.exchange import Answer, Call, Refusal
from sandbox.flutterwave.models import CURRENCIES

_MAX_MINOR: Final = 10**13


def success(message: str, data: object = None, *, meta: object = None) -> Answer:
    body: dict[str, object] = {"status": "success", "message": message}
    if meta is not None:
        body["meta"] = meta
    if data is not None:
        body["data"] = data
    return Answer(200, encode(body))


def failure(status: int, message: str) -> Answer:
    return Answer(status, encode({"status": "error", "message": message, "data": None}))


def refused(message: str, status: int = 400) -> Refusal:
    return Refusal(failure(status, message))


def encode(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, default=_number).encode()


def body_of(call: Call) -> Mapping[str, Any]:
    """The JSON object sent; numbers with a point as exact decimals. Raises Refusal."""
    try:
        body = json.loads(call.body or b"{}", parse_float=Decimal)
    except ValueError:
        raise refused("Invalid JSON in request body") from None
    if not isinstance(body, dict):
        raise refused("Invalid JSON in request body")
    return body


def text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return str(value) if isinstance(value, str | int | Decimal) and str(value) else None


def required(body: Mapping[str, Any], *names: str) -> None:
    """Raises Refusal for the first one that is absent."""
    for name in names:
        if text(body, name) is None:
            raise refused(f"{name} is required")


def money(body: Mapping[str, Any]) -> tuple[int, str]:
    """amount in ISO minor units, currency (NGN unless given). Raises Refusal."""
    currency = text(body, "currency") or "NGN"
    if currency not in CURRENCIES:
        raise refused(f"Invalid currency: {currency}")
    return minor(text(body, "amount"), currency), currency


def minor(value: str | None, currency: str) -> int:
    """Major units -> minor units. Raises Refusal for what is no positive amount of that currency."""
    try:
        scaled = Decimal(value or "").scaleb(EXPONENTS[currency])
    except InvalidOperation:
        raise refused("amount must be a number") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or not 0 < scaled <= _MAX_MINOR:
        raise refused("amount is not valid for this currency")
    return int(scaled)


def major(amount: int, currency: str) -> Decimal:
    return to_major(amount, currency)


def _number(value: object) -> object:
    """A decimal as JSON prints it: 125.5, and 100 rather than 100.00."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(type(value).__name__)
