"""Whose key is it? `FLWSECK_TEST-sandbox-{account}`, as a bearer token."""

import re
from collections.abc import Mapping
from typing import Final

_KEY: Final = re.compile(r"FLWSECK_TEST-sandbox-([a-z][a-z0-9-]{0,39})")


def key_given(headers: Mapping[str, str]) -> str | None:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def account_of(key: str | None) -> str | None:
    match = _KEY.fullmatch(key or "")
    return None if match is None else match.group(1)


def secret_hash(account: str) -> str:
    """What the webhooks' `verif-hash` header holds."""
    return f"sandbox-hash-{account}"
