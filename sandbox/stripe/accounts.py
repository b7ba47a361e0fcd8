"""Whose key is it? `sk_test_sandbox_{account}`, as a bearer token or as the user of basic authentication."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

_KEY: Final = re.compile(r"sk_test_sandbox_([a-z][a-z0-9-]{0,39})")


def key_given(headers: Mapping[str, str]) -> str | None:
    """The API key as sent, valid or not. Source: https://docs.stripe.com/api/authentication"""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip()
        case "basic":
            try:
                return base64.b64decode(value, validate=True).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                return ""
        case _:
            return None


def account_of(key: str | None) -> str | None:
    match = _KEY.fullmatch(key or "")
    return None if match is None else match.group(1)


def webhook_secret(account: str) -> str:
    return f"whsec_sandbox_{account}"
