"""What counts as a country: the officially assigned alpha-2 codes of ISO 3166-1, and nothing else."""

from typing import Final

import pycountry

CODES: Final[frozenset[str]] = frozenset(country.alpha_2 for country in pycountry.countries)
"""Upper-case alpha-2 codes. Reserved and user-assigned ones (UK, EU, XK, ZZ, T1) are not in it."""


def is_country(code: str | None) -> bool:
    """Whether `code` is a country's alpha-2 code exactly as ISO 3166-1 writes it, in upper case."""
    return code in CODES
