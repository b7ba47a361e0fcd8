"""Identifiers: a prefix that names the kind, and a ULID (sortable by time, 80 random bits)."""

from enum import StrEnum

from ulid import ULID


class Prefix(StrEnum):
    CHECKOUT = "co"
    ATTEMPT = "att"
    REFUND = "re"
    EVENT = "evt"
    MERCHANT = "mer"
    KEY = "key"
    ALERT = "alr"
    BREAK = "brk"
    RECONCILIATION = "rec"
    DISPUTE = "dp"
    OPERATOR = "op"
    TOKEN = "tok"
    LIST_ENTRY = "le"
    DATA_KEY = "dk"


def new_id(prefix: Prefix) -> str:
    """A fresh identifier, for example `co_01jdk2m3xv8q4w7y9z0a1b2c3d`."""
    return f"{prefix}_{str(ULID()).lower()}"


def attempt_id(checkout_id: str, number: int) -> str:
    """The id of a checkout's n-th attempt (1-based), derived, so that replays and restarts agree on it.

    It is also the reference that the gateway receives and the root of every idempotency key.
    """
    body = checkout_id.removeprefix(f"{Prefix.CHECKOUT}_")
    return f"{Prefix.ATTEMPT}_{body}_{number}"


def checkout_of_attempt(reference: str) -> str | None:
    """The checkout id inside an attempt id, or None where the text is not one of ours."""
    body, _, number = reference.removeprefix(f"{Prefix.ATTEMPT}_").rpartition("_")
    if not reference.startswith(f"{Prefix.ATTEMPT}_") or len(body) != 26 or not number.isdecimal():
        return None
    return f"{Prefix.CHECKOUT}_{body}"
