"""Checkouts as a file for spreadsheets (RFC 4180), which run text that looks like a formula."""

import csv
import io
from collections.abc import Iterable
from typing import Final

from api.schemas_transactions import CheckoutRow
from domain.money import to_major

COLUMNS: Final = (
    "id",
    "created_at",
    "merchant",
    "reference",
    "status",
    "review_reason",
    "amount",
    "currency",
    "amount_captured",
    "amount_refunded",
    "gateway",
    "account",
    "accounts_asked",
    "country",
    "method",
    "bin",
    "email",
    "decline_code",
    "updated_at",
)

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What begins a formula somewhere: OWASP, "CSV Injection"."""


def text_of(value: str | None) -> str:
    """The text as a spreadsheet shows it and does not run it."""
    if value is None:
        return ""
    return f"'{value}" if value.startswith(_FORMULA) else value


def lines(rows: Iterable[CheckoutRow]) -> str:
    return _written(_cells(row) for row in rows)


def head() -> str:
    return _written([list(COLUMNS)])


def _cells(row: CheckoutRow) -> list[str]:
    """Amounts in the currency's own units, as people read them."""
    shown = row.model_dump(mode="json")
    for name in ("amount", "amount_captured", "amount_refunded"):
        shown[name] = str(to_major(getattr(row, name), row.currency))
    shown["accounts_asked"] = " ".join(row.attempts)
    return [text_of(shown[name]) for name in COLUMNS]


def _written(rows: Iterable[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()
