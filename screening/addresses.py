"""Whose an IP address is: a hosting provider's, a VPN's, Tor's, or nobody's on a list.

The table comes with the package `iporigin` (MIT; ranges published by the providers themselves and by
community lists, see its NOTICE), and is as new as the installed version.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Protocol

import iporigin

from screening.signals import Origin

Address = IPv4Address | IPv6Address

_LONGEST: Final = 100
"""Characters after which a text is no address."""
_V6_HOME: Final = 64
"""Bits of an IPv6 address that one customer's line has (RFC 6177): the rest changes at will."""

_KINDS: Final = {
    iporigin.HOSTING: Origin.HOSTING,
    iporigin.VPN: Origin.VPN,
    iporigin.TOR: Origin.TOR,
    iporigin.BOT: Origin.BOT,
    iporigin.RESERVED: Origin.UNROUTABLE,
}
"""A CDN's edge is not among them: phones' browsers are sent through it by their makers."""


class OriginLookup(Protocol):
    def by_ip(self, text: str | None, /) -> Origin:
        """Whose it is. Never raises."""


class OriginTable:
    """The installed table. Loading it takes a fifth of a second."""

    def __init__(self) -> None:
        # The package says that it is typed, and these two are not.
        iporigin.dataset_info()  # type: ignore[no-untyped-call]

    def by_ip(self, text: str | None, /) -> Origin:
        """`UNKNOWN` without an address, `UNROUTABLE` for what is none."""
        if text is None:
            return Origin.UNKNOWN
        address = read_address(text)
        if address is None:
            return Origin.UNROUTABLE
        kind = iporigin.classify(address).kind  # type: ignore[no-untyped-call]
        return _KINDS.get(kind, Origin.UNKNOWN)


def read_address(text: str | None) -> Address | None:
    """The address, an IPv4-mapped one unmapped, without its zone. None for everything else."""
    if text is None or len(text) > _LONGEST:
        return None
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def line_of(address: Address) -> str:
    """What one customer keeps: the address, for IPv6 its first 64 bits."""
    if address.version == 4:
        return str(address)
    return str(ip_network((int(address), _V6_HOME), strict=False))


def ranges_around(address: Address) -> list[str]:
    """Every range that holds the address, written as list entries are, the address itself first."""
    bits = address.max_prefixlen
    return [str(ip_network((int(address), length), strict=False)) for length in range(bits, -1, -1)]
