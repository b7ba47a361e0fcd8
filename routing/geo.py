"""The address table: an IP address -> the country it is used in, from an MMDB file.

Two shapes of records are read as they are, so that operators can bring the file they have:
flat ones, `{"country_code": "NG"}`, and MaxMind's, `{"country": {"iso_code": "NG", ...}}` (GeoLite2, GeoIP2
and DB-IP, country or city).
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from itertools import islice
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final, Self

import maxminddb

from routing.datasets import BadDataset
from routing.iso3166 import is_country

_LONGEST: Final = 100
"""Characters after which a text is no address: 45 for the longest (RFC 4291, 2.2), the rest for a zone."""
_MAPPED: Final = bytes(10) + b"\xff\xff"
"""Before an IPv4 address that IPv6 wraps (RFC 4291, 2.5.5.2)."""
_SAMPLE: Final = 200
"""Records looked at to tell the shape of a file; the first networks may lack a country."""

# IANA's special-purpose address registries (RFC 6890) and what is not unicast. Kept here instead of asking
# `ipaddress`: its answers changed between Python releases, and one bisection takes a tenth of the time.
_SPECIAL_V4: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
)
# Only 2000::/3 is handed out as global unicast; inside it: protocol assignments (Teredo, ORCHID, ...),
# documentation twice, and 6to4, whose country would be that of the relay.
_SPECIAL_V6: Final = ("::/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "4000::/2", "8000::/1")


class GeoTable:
    """An opened file, mapped into memory (shared between processes). Safe to share between threads."""

    def __init__(self, country_of: Callable[[str], str | None], *, ipv6: bool, built_at: datetime) -> None:
        self._country_of = country_of
        self._ipv6 = ipv6
        self.built_at = built_at
        """When its maker put it together, as the file tells."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an MMDB file of either shape. Raises BadDataset naming the file.

        Replace a file in use by renaming another over it; writing into it would pull the map from under us.
        """
        try:
            reader = maxminddb.open_database(path)
            sample = [record for _, record in islice(reader, _SAMPLE) if isinstance(record, Mapping)]
        except OSError as error:
            raise BadDataset(path, error.strerror or "cannot be read") from None
        except (maxminddb.InvalidDatabaseError, ValueError):
            raise BadDataset(path, "is not an MMDB file, or is damaged") from None
        ipv6 = reader.metadata().ip_version == 6
        built_at = datetime.fromtimestamp(reader.metadata().build_epoch, UTC)
        if any(isinstance(record.get("country_code"), str) for record in sample):
            return cls(_flat(reader), ipv6=ipv6, built_at=built_at)
        reader.close()
        if any(isinstance(record.get("country"), Mapping) for record in sample):
            return cls(_nested(path), ipv6=ipv6, built_at=built_at)
        raise BadDataset(path, "has neither `country_code` nor `country.iso_code` in its records")

    def by_ip(self, text: str | None) -> str | None:
        """The country of a public address; None for every other text, whatever it is. Never raises."""
        address = public_address(text)
        if address is None or (":" in address and not self._ipv6):
            return None
        try:
            code = self._country_of(address)
        except (maxminddb.InvalidDatabaseError, ValueError, TypeError, AttributeError):
            return None  # a damaged or misshapen record tells nothing; the payment goes on without it
        return code if is_country(code) else None


def public_address(text: str | None) -> str | None:
    """The address in `text` if it is one that the public Internet routes, IPv4-mapped ones unmapped.

    None for private, shared (100.64.0.0/10), loopback, link-local, documentation, multicast and reserved
    addresses (the IANA special-purpose registries), and for what is no address at all. A zone is dropped.
    """
    if text is None or len(text) > _LONGEST:
        return None
    # By the C library: objects of `ipaddress` take longer to make than the look-up that follows.
    text = text.strip()
    try:
        if ":" not in text:
            packed = inet_pton(AF_INET, text)
        else:
            plain, percent, zone = text.partition("%")
            if percent and (not zone or "%" in zone):
                return None
            packed = inet_pton(AF_INET6, plain).removeprefix(_MAPPED)
    except (ValueError, OSError):
        return None
    family, (starts, ends) = (AF_INET, _V4) if len(packed) == 4 else (AF_INET6, _V6)
    value = int.from_bytes(packed)
    if value <= ends[bisect_right(starts, value) - 1]:
        return None
    # An IPv4 address is read in one form only (no leading zeros), and that is the one written.
    return text if ":" not in text else inet_ntop(family, packed)


def _bounds(networks: "list[IPv4Network] | list[IPv6Network]") -> tuple[list[int], list[int]]:
    """First and last addresses, sorted; the first network begins at 0, so every address has one before it."""
    ordered = sorted((int(net.network_address), int(net.broadcast_address)) for net in networks)
    return [first for first, _ in ordered], [last for _, last in ordered]


_V4: Final = _bounds([IPv4Network(text) for text in _SPECIAL_V4])
_V6: Final = _bounds([IPv6Network(text) for text in _SPECIAL_V6])


def _flat(reader: maxminddb.Reader) -> Callable[[str], str | None]:
    def country_of(address: str) -> str | None:
        record = reader.get(address)
        code = record.get("country_code") if isinstance(record, dict) else None
        return code if isinstance(code, str) else None

    return country_of


def _nested(path: Path) -> Callable[[str], str | None]:
    # Imported here: only those who bring such a file pay for its 0.15 s.
    from geoip2.database import Reader
    from geoip2.errors import AddressNotFoundError

    reader = Reader(path)
    kind = reader.metadata().database_type
    # geoip2 has one method per kind of file and refuses the others.
    look_up = {"Country": reader.country, "City": reader.city, "Enterprise": reader.enterprise}
    method = next((found for name, found in look_up.items() if name in kind), None)
    if method is None:
        reader.close()
        raise BadDataset(path, f"is of type {kind!r}; a Country, City or Enterprise file is needed")

    def country_of(address: str) -> str | None:
        try:
            return method(address).country.iso_code
        except AddressNotFoundError:
            return None

    return country_of
