"""What somebody probably meant who wrote a name that does not exist, and how a wrong value is shown."""

from collections.abc import Collection, Iterable
from functools import cache
from typing import Final

import pycountry
from rapidfuzz import fuzz, process

from routing.iso3166 import is_country

_NOT_ISO: Final = {"UK": "GB", "EL": "GR", "AN": "CW", "BU": "MM", "TP": "TL", "YU": "RS", "ZR": "CD"}
"""Codes that people write, reserved or withdrawn in ISO 3166, -> the one that is assigned today."""
_CLOSE: Final = 60.0
"""Likeness in percent from which a name is offered as what was meant."""
_SHOWN: Final = 60
"""Characters of a wrong value that a message repeats."""


def nearest(name: str, known: Iterable[str], *, likeness: float = _CLOSE) -> str | None:
    """The known name that is most like this one, or None where none is close."""
    close = process.extractOne(
        name[:_SHOWN].strip().lower(), sorted(known), scorer=fuzz.ratio, processor=None, score_cutoff=likeness
    )
    return close[0] if close else None


def unknown_account(name: str, accounts: Collection[str]) -> str:
    """The message for an account that is not configured."""
    close = nearest(name, accounts)
    hint = f"did you mean {close!r}?" if close else f"known are {', '.join(sorted(accounts)) or 'none'}"
    return f"unknown gateway {shown(name, quote=True)}; {hint}"


def country_meant(key: str, also: str | None = None) -> str | None:
    """The code of the country that was probably meant, or `also` where that is nearer."""
    text = key[:_SHOWN].strip().upper()
    if is_country(text) or text == also:
        return text
    if text in _NOT_ISO:
        return _NOT_ISO[text]
    if len(text) < 3:
        return None  # between two letters everything is close to everything
    codes = _country_names() | ({also: also} if also else {})
    if text in codes:
        return codes[text]
    if len(text) == 3:
        return None
    close = process.extractOne(text, list(codes), scorer=fuzz.ratio, processor=None, score_cutoff=_CLOSE + 15)
    return codes[close[0]] if close else None


@cache
def _country_names() -> dict[str, str]:
    """Every way a country is written in ISO 3166, in upper case -> its alpha-2 code."""
    return {
        known.upper(): country.alpha_2
        for country in pycountry.countries
        for known in (country.alpha_3, country.name, getattr(country, "common_name", country.name))
    }


def shown(text: str, *, quote: bool = False) -> str:
    """A text of a file, safe to print on one line: short, and escaped unless it is plain."""
    short = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return short if short.isascii() and short.isalnum() and not quote else ascii(short)
