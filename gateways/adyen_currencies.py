"""How Adyen counts money. Source of every figure: https://docs.adyen.com/development-resources/currency-codes

Adyen's unit is not always the ISO 4217 minor unit, so nothing here is derived from ISO: a currency that is
not in this file is not charged. An account takes those that it is set up for.
"""

from collections.abc import Mapping
from typing import Final

from domain.money import EXPONENTS as ISO_EXPONENTS
from domain.money import UnknownCurrency, rescale, unscale

# "differs from standard" on Adyen's page: CLP and ISK have no decimals in ISO 4217, CVE and IDR have two.
_OTHERWISE: Final[Mapping[str, int]] = {"CLP": 2, "ISK": 2, "CVE": 0, "IDR": 0}

_ZERO_DECIMAL: Final = "DJF GNF JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMAL: Final = "BHD IQD JOD KWD LYD OMR TND"
_TWO_DECIMAL: Final = """
AED ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CHF CNY COP CRC CZK DKK DOP
DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF ILS INR JMD KES KGS KHR KYD KZT LAK LBP
MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
SAR SBD SCR SEK SGD SHP SOS SRD SZL THB TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD YER ZAR ZMW
"""

EXPONENTS: Final[Mapping[str, int]] = {
    **{
        currency: exponent
        for exponent, currencies in ((0, _ZERO_DECIMAL), (2, _TWO_DECIMAL), (3, _THREE_DECIMAL))
        for currency in currencies.split()
        if currency in ISO_EXPONENTS
    },
    **_OTHERWISE,
}
"""Every currency we charge through Adyen -> the decimals that Adyen counts it with."""


def to_wire(amount: int, currency: str) -> int:
    """ISO minor units as Adyen's. Raises UnknownCurrency, and InexactAmount for 10.50 IDR."""
    if currency not in EXPONENTS:
        raise UnknownCurrency(currency)
    return rescale(amount, currency, EXPONENTS[currency])


def from_wire(value: int, currency: str) -> int:
    """Adyen's units as ISO minor units. Raises InexactAmount.

    A currency that we never charge in stays as it is told: it is a mismatch by its name already.
    """
    exponent = EXPONENTS.get(currency)
    return value if exponent is None else unscale(value, currency, exponent)
