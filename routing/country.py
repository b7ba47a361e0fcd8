"""Where the payer is: by the card's issuer, else the IP address, else the billing country."""

from pathlib import Path
from typing import NamedTuple, Protocol

from domain.route import Country, CountrySource
from routing.bins import BinTable
from routing.datasets import BIN_FILE, GEO_FILE
from routing.geo import GeoTable
from routing.iso3166 import is_country

__all__ = ["BinLookup", "BinTable", "GeoLookup", "GeoTable", "Tables", "is_country", "locate", "open_tables"]


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


def locate(
    card_bin: str | None, ip: str | None, billing: str | None, *, bins: BinLookup, geo: GeoLookup
) -> Country:
    """The payer's country and which of the three told it; every answer is kept beside it.

    Where none of them tells a country of ISO 3166-1, the code is None and the source `default`.
    """
    by_bin, by_ip = bins.by_bin(card_bin), geo.by_ip(ip)
    by_billing = billing if is_country(billing) else None
    code: str | None = None
    source = CountrySource.DEFAULT
    for told, teller in (
        (by_bin, CountrySource.BIN),
        (by_ip, CountrySource.IP),
        (by_billing, CountrySource.BILLING),
    ):
        if told is not None:
            code, source = told, teller
            break
    return Country(code=code, source=source, by_bin=by_bin, by_ip=by_ip, by_billing=by_billing)
