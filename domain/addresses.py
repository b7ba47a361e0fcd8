"""Which network addresses a notification may be sent to: judged when one is given, and at every send."""

from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

NOTIFICATION_PORTS: Final = frozenset({80, 443, *range(8000, 10000)})
"""Ports on which web servers listen. Mail, databases, Docker and the like are out of reach."""

# IANA special-purpose registries (RFC 6890 and its updates): everything that is not globally reachable, plus
# 6to4 relays and the address under which Azure's machines find their own control plane.
_NOT_PUBLIC: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
"""All that IANA has handed out. Mapped, NAT64, local, multicast and loopback addresses lie outside."""
_NOT_PUBLIC_V6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which wraps any IPv4 address
        "3fff::/20",  # documentation
    )
)
_LOOPBACK: Final = IPv4Network("127.0.0.0/8")


def is_public_address(ip: str | IPv4Address | IPv6Address) -> bool:
    """Whether an address is one that anybody on the internet may be sent to. False for what is no address."""
    address = _parsed(ip)
    if address is None:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC)
    return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_V6)


def is_loopback_address(ip: str | IPv4Address | IPv6Address) -> bool:
    """Whether it is this machine, written plainly: IPv6 forms that wrap 127.0.0.1 do not count."""
    address = _parsed(ip)
    return address in _LOOPBACK if isinstance(address, IPv4Address) else address == IPv6Address("::1")


def _parsed(ip: str | IPv4Address | IPv6Address) -> IPv4Address | IPv6Address | None:
    if not isinstance(ip, str):
        return ip
    try:
        return IPv6Address(ip) if ":" in ip else IPv4Address(ip)
    except AddressValueError:
        return None
