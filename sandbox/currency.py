"""ISO 4217: how many decimals a currency has."""

from decimal import Decimal
from typing import Final

from iso4217 import Currency

EXPONENTS: Final[dict[str, int]] = {
    currency.code: currency.exponent for currency in Currency if currency.exponent is not None
}


def to_major(amount: int, currency: str) -> Decimal:
    """Minor units as an exact decimal of major units: 12550 NGN -> 125.50."""
    return Decimal(amount).scaleb(-EXPONENTS[currency])


def display(amount: int, currency: str) -> str:
    """For people: `125.50 NGN`."""
    return f"{to_major(amount, currency):,} {currency}"
