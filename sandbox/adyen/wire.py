"""Adyen's JSON: amounts as `{currency, value}`, errors as `{status, errorCode, message, errorType}`.

Errors: https://docs.adyen.com/development-resources/error-codes
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

from sandbox.adyen.models import DECIMALS
from sandbox.currency import EXPONENTS
from sandbox.exchange import Answer, Call, Refusal

_KEY: Final = re.compile(r"adyen_test_sandbox_([a-z][a-z0-9-]{0,39})")
_ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ23456789"


def api_key(account: str) -> str:
    return f"adyen_test_sandbox_{account}"


def merchant_account(account: str) -> str:
    return f"SandboxECOM-{account}"


def hmac_key(account: str) -> str:
    """Hexadecimal, as the Customer Area shows it."""
    return hashlib.sha256(f"adyen webhook of {account}".encode()).hexdigest()


def account_of(headers: Mapping[str, str]) -> str | None:
    match = _KEY.fullmatch(headers.get("x-api-key", ""))
    return None if match is None else match.group(1)


def new_psp_reference() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))


def new_link_id() -> str:
    return "PL" + secrets.token_hex(8).upper()


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(body, ensure_ascii=False).encode(), headers or {})


def failure(
    status: int,
    code: str,
    message: str,
    kind: str = "validation",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    body = {
        "status": status,
        "errorCode": code,
        "message": message,
        "errorType": kind,
        "pspReference": new_psp_reference(),
    }
    return answer(body, status, headers)


def refused(code: str, message: str, status: int = 422) -> Refusal:
    return Refusal(failure(status, code, message))


def body_of(call: Call) -> Mapping[str, Any]:
    """The JSON object sent, for the account that the key belongs to. Raises Refusal."""
    try:
        body = json.loads(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refused("702", "Request structure not valid", 400)
    if body.get("merchantAccount") != merchant_account(call.account):
        raise Refusal(failure(403, "901", "Invalid Merchant Account", "security"))
    return body


def text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value else None


def reference_of(body: Mapping[str, Any]) -> str:
    reference = text(body, "reference")
    if reference is None or len(reference) > 80:
        raise refused("130", "Reference Missing")
    return reference


def money(body: Mapping[str, Any]) -> tuple[int, str]:
    """amount in ISO minor units, currency. Raises Refusal."""
    amount = body.get("amount")
    if not isinstance(amount, dict):
        raise refused("100", "No amount specified")
    currency, value = amount.get("currency"), amount.get("value")
    if currency not in EXPONENTS:
        raise refused("138", "Unsupported currency specified")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**13:
        raise refused("137", "Invalid amount specified")
    shift = EXPONENTS[currency] - DECIMALS.get(currency, EXPONENTS[currency])
    if shift >= 0:
        return value * 10**shift, currency
    # What ISO 4217 cannot hold (hundredths of a króna) nobody settles.
    if value % 10**-shift:
        raise refused("137", "Invalid amount specified")
    return value // 10**-shift, currency


def amount_view(amount: int, currency: str) -> dict[str, Any]:
    shift = DECIMALS.get(currency, EXPONENTS[currency]) - EXPONENTS[currency]
    value = amount * 10**shift if shift >= 0 else amount // 10**-shift
    return {"currency": currency, "value": value}
