"""Paystack's JSON: `status`/`message`/`data` around everything, amounts in hundredths.

Errors: https://paystack.com/docs/api/errors/
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from sandbox.currency import EXPONENTS
from sandbox.exchange import Answer, Call, Refusal
from sandbox.paystack.models import MINIMUM

_KEY: Final = re.compile(r"sk_test_sandbox_([a-z][a-z0-9-]{0,39})")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9.=-]{1,200}")
_MAX_SUBUNITS: Final = 10**9
_DECIMALS: Final = 2
"""Paystack counts hundredths, also of currencies that have none."""


def key_given(headers: Mapping[str, str]) -> str | None:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def account_of(key: str | None) -> str | None:
    match = _KEY.fullmatch(key or "")
    return None if match is None else match.group(1)


def secret_key(account: str) -> str:
    """Also what signs the webhooks."""
    return f"sk_test_sandbox_{account}"


def told(reference: str) -> str:
    """The reference as the ledger and the log tell it: attempt ids have underscores, Paystack allows none."""
    return reference.replace("-", "_") if reference.startswith("att-") else reference


def success(message: str, data: object, meta: object = None) -> Answer:
    body: dict[str, object] = {"status": True, "message": message, "data": data}
    if meta is not None:
        body["meta"] = meta
    return Answer(200, encode(body))


def failure(status: int, message: str, code: str, *, kind: str = "validation_error") -> Answer:
    step = {"nextStep": "Ensure that the value(s) you're passing are valid."}
    body = {"status": False, "message": message, "meta": step, "type": kind, "code": code}
    return Answer(status, encode(body))


def refused(message: str, code: str = "invalid_params", status: int = 400) -> Refusal:
    return Refusal(failure(status, message, code))


def encode(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def body_of(call: Call) -> Mapping[str, Any]:
    """The JSON object sent. Raises Refusal."""
    try:
        body = json.loads(call.body or b"{}")
    except ValueError:
        raise refused("Invalid JSON") from None
    if not isinstance(body, dict):
        raise refused("Invalid JSON")
    return body


def text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and str(value) else None


def email_of(body: Mapping[str, Any]) -> str:
    email = text(body, "email")
    if email is None or "@" not in email:
        raise refused("Email Address is required", "missing_params")
    return email


def reference_of(body: Mapping[str, Any]) -> str | None:
    reference = text(body, "reference")
    if reference is not None and not _REFERENCE.fullmatch(reference):
        raise refused("Transaction reference contains an invalid character", "invalid_params")
    return reference


def money(body: Mapping[str, Any]) -> tuple[int, str]:
    """amount in ISO minor units, currency (NGN unless given). Raises Refusal."""
    currency = text(body, "currency") or "NGN"
    if currency not in MINIMUM:
        raise refused("Currency not supported by merchant", "unsupported_currency")
    amount = minor(text(body, "amount"), currency)
    if amount < MINIMUM[currency]:
        raise refused("Invalid amount", "invalid_amount")
    return amount, currency


def minor(value: str | None, currency: str) -> int:
    """Hundredths -> minor units; what a currency without them cannot hold is ignored. Raises Refusal."""
    if value is None or not value.isdecimal() or not 0 < int(value) <= _MAX_SUBUNITS:
        raise refused("Invalid Amount Sent", "invalid_amount")
    return int(int(value) // 10 ** (_DECIMALS - EXPONENTS[currency]))


def subunits(amount: int, currency: str) -> int:
    return int(amount * 10 ** (_DECIMALS - EXPONENTS[currency]))
