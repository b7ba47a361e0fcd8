"""Money as integers.

An amount is an integer count of the currency's minor units (ISO 4217 exponent), never a float.
Gateways that speak another unit convert in their adapter, through `to_major` and `from_major`.
"""

from decimal import Decimal, InvalidOperation
from typing import Final

from iso4217 import Currency
from pydantic import BaseModel, ConfigDict, Field

MAX_AMOUNT: Final = 10**12
"""Upper bound of one checkout in minor units: far above any card limit, far below 2**53."""

# ISO 4217 "funds" codes: units of account that nobody can be charged in.
_FUNDS: Final = frozenset({"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW"})

EXPONENTS: Final[dict[str, int]] = {
    currency.code: currency.exponent
    for currency in Currency
    if currency.exponent is not None and currency.code not in _FUNDS
}
"""Every currency that can be charged -> its ISO 4217 exponent. Metals, test codes and funds are not in it."""


class UnknownCurrency(ValueError):
    """Not a currency of ISO 4217 that can be charged."""


class InexactAmount(ValueError):
    """An amount that the unit asked for cannot express exactly."""


class Money(BaseModel):
    """An amount in minor units and its upper-case ISO 4217 code."""

    model_config = ConfigDict(frozen=True)

    amount: int = Field(ge=0, le=MAX_AMOUNT)
    currency: str


def exponent(currency: str) -> int:
    """Digits after the decimal point in ISO 4217. Raises UnknownCurrency."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(currency) from None


def to_major(amount: int, currency: str) -> str:
    """Minor units as an exact decimal string of major units: 12500 NGN -> "125.00", 500 JPY -> "500"."""
    return str(Decimal(amount).scaleb(-exponent(currency)))


def from_major(value: Decimal | int | str, currency: str) -> int:
    """Major units as minor units: "125.5" NGN -> 12550. Raises InexactAmount; takes no float."""
    try:
        scaled = Decimal(value).scaleb(exponent(currency))
    except InvalidOperation:
        raise InexactAmount(f"not a number of {currency}") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise InexactAmount(f"not a whole number of minor units of {currency}")
    return int(scaled)


def rescale(amount: int, currency: str, gateway_exponent: int) -> int:
    """Minor units -> integer units of a gateway that counts with its own exponent.

    UGX (ISO exponent 0) at a gateway with exponent 2: 5000 -> 500000. Raises InexactAmount where
    the gateway's unit is coarser and digits would be lost.
    """
    shift = gateway_exponent - exponent(currency)
    if shift >= 0:
        return int(amount * 10**shift)
    quotient, rest = divmod(amount, 10**-shift)
    if rest:
        raise InexactAmount(f"{currency} at this gateway has {gateway_exponent} decimals")
    return int(quotient)


def unscale(amount: int, currency: str, gateway_exponent: int) -> int:
    """The inverse of `rescale`: a gateway's integer units -> minor units. Raises InexactAmount."""
    shift = gateway_exponent - exponent(currency)
    if shift <= 0:
        return int(amount * 10**-shift)
    quotient, rest = divmod(amount, 10**shift)
    if rest:
        raise InexactAmount(f"not a whole number of minor units of {currency}")
    return int(quotient)
