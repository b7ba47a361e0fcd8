"""Stripe's own units and limits. Source: https://docs.stripe.com/currencies

Zero-decimal currencies are sent as they are (MGA too, which has two decimals in ISO 4217). ISK and UGX have
no decimals, but are sent with two that must be 00: "to charge 5 UGX, provide an amount value of 500". The
page lists UGX among the zero-decimal ones as well; its section on special cases is the more specific.
Amounts of three-decimal currencies must end in 0.
"""

from typing import Final

from sandbox.currency import EXPONENTS

_ZERO_DECIMAL: Final = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_WHOLE_IN_CENTS: Final = frozenset({"ISK", "UGX"})
_THREE_DECIMAL: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

_MINIMUM: Final = {
    "USD": 50,
    "AED": 200,
    "AUD": 50,
    "BRL": 50,
    "CAD": 50,
    "CHF": 50,
    "CZK": 1500,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "INR": 50,
    "JPY": 50,
    "MXN": 1000,
    "MYR": 200,
    "NOK": 300,
    "NZD": 50,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "SGD": 50,
    "THB": 1000,
}
"""Documented minimum charges, in Stripe's units. Other currencies: what 0.50 USD is worth, not simulated."""

_MAXIMUM: Final = 99_999_999
"""Eight digits; twelve for IDR."""


class BadAmount(ValueError):
    """An amount that Stripe does not charge. `code` is Stripe's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def supported(currency: str) -> bool:
    return currency in EXPONENTS


def exponent(currency: str) -> int:
    """Decimals of the integers that Stripe takes."""
    if currency in _ZERO_DECIMAL.split():
        return 0
    if currency in _WHOLE_IN_CENTS:
        return 2
    return 3 if currency in _THREE_DECIMAL else 2


def check(amount: int, currency: str) -> None:
    """Raises BadAmount for too little, too much, or digits that must be zero."""
    if currency in _WHOLE_IN_CENTS and amount % 100:
        raise BadAmount(
            "parameter_invalid_integer", f"Invalid amount: {currency} cannot be charged in fractions."
        )
    if currency in _THREE_DECIMAL and amount % 10:
        raise BadAmount(
            "parameter_invalid_integer", f"Invalid amount: the last digit of {currency} must be 0."
        )
    if amount < _MINIMUM.get(currency, 1):
        raise BadAmount("amount_too_small", "Amount must be at least the minimum charge for this currency.")
    if amount > (999_999_999_999 if currency == "IDR" else _MAXIMUM):
        raise BadAmount("amount_too_large", "Amount must be no more than eight digits.")


def to_iso(amount: int, currency: str) -> int:
    """Stripe's units -> ISO 4217 minor units: 500 UGX -> 5, 500 MGA -> 50000."""
    shift = exponent(currency) - EXPONENTS[currency]
    return int(amount * 10**-shift) if shift <= 0 else amount // 10**shift


def from_iso(amount: int, currency: str) -> int:
    """ISO 4217 minor units -> Stripe's units."""
    shift = exponent(currency) - EXPONENTS[currency]
    return int(amount * 10**shift) if shift >= 0 else amount // 10**-shift
