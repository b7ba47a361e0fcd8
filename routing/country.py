"""Where the payer is: by the card's issuer, the IP address or the billing country, as the policy orders."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from domain.route import Country, CountrySource
from routing.bins import BinTable
from routing.datasets import BIN_FILE, GEO_FILE
from routing.geo import GeoTable
from routing.iso3166 import is_country

__all__ = [
    "BinLookup",
    "BinTable",
    "GeoLookup",
    "GeoTable",
    "Tables",
    "conclude",
    "is_country",
    "open_tables",
]

_BIN, _IP, _BILLING = CountrySource.BIN, CountrySource.IP, CountrySource.BILLING


class BinLookup(Protocol):
    def by_bin(self, digits: str | None, /) -> str | None:
        """The issuer's country, or None. Never raises."""


class GeoLookup(Protocol):
    def by_ip(self, text: str | None, /) -> str | None:
        """The address's country, or None. Never raises."""


class Tables(NamedTuple):
    """Everything that is looked up to locate a payer."""

    bins: BinTable
    geo: GeoTable


def open_tables(directory: Path, geo_database: Path | None = None) -> Tables:
    """Open the built data sets of a directory, with the operator's own MMDB file where there is one.

    Raises BadDataset naming the file that is missing or cannot be read.
    """
    return Tables(BinTable.open(directory / BIN_FILE), GeoTable.open(geo_database or directory / GEO_FILE))


def conclude(
    by_bin: str | None, by_ip: str | None, by_billing: str | None, order: Iterable[CountrySource]
) -> Country:
    """The first of `order` that tells something decides. All three are kept, and whether two contradict."""
    code, source = None, CountrySource.DEFAULT
    for each in order:
        code = by_bin if each is _BIN else by_ip if each is _IP else by_billing if each is _BILLING else None
        if code is not None:
            source = each
            break
    first = by_bin or by_ip or by_billing
    return Country.known(
        code=code,
        source=source,
        by_bin=by_bin,
        by_ip=by_ip,
        by_billing=by_billing,
        disagreement=(by_ip is not None and by_ip != first)
        or (by_billing is not None and by_billing != first),
    )
