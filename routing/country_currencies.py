"""Which currencies are legal tender in a country, by ISO 4217's own list of entities."""

import re
import unicodedata
from collections import defaultdict
from typing import Final

import pycountry
from iso4217 import Currency

from domain.money import EXPONENTS

_FILLERS: Final = frozenset({"THE", "OF", "AND", "REPUBLIC", "ISLAMIC"})
_WRITTEN_OTHERWISE: Final = {"HOLY SEE (THE)": "VA"}
"""ISO 4217 names these unlike ISO 3166-1."""


def _words(name: str) -> frozenset[str]:
    """What two lists agree on when they write a name: its words, without order, accents and small ones."""
    plain = unicodedata.normalize("NFKD", name.replace("\u2019", "'")).encode("ascii", "ignore").decode()
    return frozenset(re.findall(r"[A-Z]+", plain.upper())) - _FILLERS


def _currencies() -> dict[str, frozenset[str]]:
    countries = {
        _words(name): country.alpha_2
        for country in pycountry.countries
        for name in {
            country.name,
            *(getattr(country, kind, country.name) for kind in ("official_name", "common_name")),
        }
    }
    found: defaultdict[str, set[str]] = defaultdict(set)
    for currency in Currency:
        if currency.code in EXPONENTS:
            for name in currency.country_names:
                code = _WRITTEN_OTHERWISE.get(name) or countries.get(_words(name))
                if code is not None:
                    found[code].add(currency.code)
    return {country: frozenset(codes) for country, codes in found.items()}


CURRENCIES: Final = _currencies()
"""Country -> its currencies. Antarctica and a few others without a currency of their own are not in it."""
