"""How Stripe counts money: its currencies, their units, and the amounts it takes.

Source of every figure: https://docs.stripe.com/currencies. Stripe's unit is not always the ISO 4217 minor
unit, so nothing here is derived from ISO: a currency that is not in this file is not charged.
"""

from typing import Final

from domain.money import EXPONENTS, InexactAmount, UnknownCurrency, rescale, unscale

# "Zero-decimal currencies": the amount is the number of whole units. MGA is in Stripe's list too, but ISO
# 4217 gives it two decimals that Stripe cannot express, so it is left out.
_ZERO_DECIMAL: Final = "BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF"

# "Three-decimal currencies": sent in thousandths, and the last digit must be 0.
_THREE_DECIMAL: Final = "BHD JOD KWD OMR TND"

# "Special cases": no decimals in ISO 4217 any more, but Stripe wants two, always 00 (5 UGX is 500). UGX is in
# the zero-decimal list as well; the special case is the later and the more exact statement.
_ALWAYS_00: Final = "ISK UGX"

# "Supported presentment currencies", all with two decimals. (HUF and TWD have none in payouts; in charges
# they have two.) An account's country may take fewer.
_TWO_DECIMAL: Final = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE
CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS KHR KYD
KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK
PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU
UZS WST XCD XCG YER ZAR ZMW
"""

STRIPE_EXPONENTS: Final[dict[str, int]] = {
    currency: exponent
    for exponent, currencies in (
        (0, _ZERO_DECIMAL),
        (2, _TWO_DECIMAL),
        (2, _ALWAYS_00),
        (3, _THREE_DECIMAL),
    )
    for currency in currencies.split()
    if currency in EXPONENTS
}
"""Every currency we charge through Stripe -> the decimals Stripe counts it with."""

# "Minimum charge amount by currency", in ISO minor units. It holds for charges in the account's settlement
# currency; a charge that is converted must meet the settlement currency's minimum, which Stripe checks.
_MINIMUM_50: Final = "ARS AUD BRL CAD CHF COP EUR IDR ILS INR NZD PHP RUB SGD USD ZAR"
MINIMUM: Final[dict[str, int]] = {
    **dict.fromkeys(_MINIMUM_50.split(), 50),
    "AED": 200,
    "CZK": 1500,
    "DKK": 250,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "JPY": 50,
    "KRW": 50,
    "MXN": 1000,
    "MYR": 200,
    "NOK": 300,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "THB": 1000,
}

# "Maximum charge amounts", in digits of Stripe's unit: eight, with these exceptions. Card networks may take
# up to twelve digits, but the page also offers other methods and the API reference still says eight for every
# PaymentIntent: this is what every method takes.
_DIGITS: Final = {"IDR": 12, "COP": 10, "INR": 9}
_DEFAULT_DIGITS: Final = 8

MAXIMUM: Final[dict[str, int]] = {
    currency: (10 ** _DIGITS.get(currency, _DEFAULT_DIGITS) - 1) * 10 ** EXPONENTS[currency] // 10**exponent
    for currency, exponent in STRIPE_EXPONENTS.items()
}


def to_stripe(amount: int, currency: str) -> int:
    """ISO minor units as Stripe's units. Raises UnknownCurrency, and InexactAmount for 1.234 KWD."""
    if currency not in STRIPE_EXPONENTS:
        raise UnknownCurrency(currency)
    units = rescale(amount, currency, STRIPE_EXPONENTS[currency])
    if STRIPE_EXPONENTS[currency] == 3 and units % 10:
        raise InexactAmount(f"Stripe takes {currency} in hundredths only")
    return units


def from_stripe(units: int, currency: str) -> int:
    """Stripe's units as ISO minor units. Raises InexactAmount.

    A currency that we never charge in stays as it is told: it is a mismatch by its name already.
    """
    exponent = STRIPE_EXPONENTS.get(currency)
    return units if exponent is None else unscale(units, currency, exponent)
