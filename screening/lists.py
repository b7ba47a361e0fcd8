"""Entries of the lists: what may be named, and the one way of writing it."""

import re
from ipaddress import IPv6Network, ip_network
from typing import Final

import pycountry

from domain.card_numbers import contains_card_number
from domain.screening import ListKind
from screening.emails import mailbox

_BIN: Final = re.compile(r"[0-9]{6}(?:[0-9]{2})?")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*{_LABEL}")
_LOCAL: Final = re.compile(r"[!-?A-~]{1,64}")
LONGEST: Final = 320


class BadListEntry(ValueError):
    """The value is none of its kind. The message does not repeat it."""


def written(kind: ListKind, value: str) -> str:
    """The value in the way that checkouts are compared with. Raises BadListEntry."""
    text = value.strip()
    if len(text) > LONGEST or not text.isprintable():
        raise BadListEntry("must be a short printable text")
    if contains_card_number(text):
        raise BadListEntry("looks like a card number; lists take the first 6 or 8 digits")
    match kind:
        case ListKind.BIN:
            return _fitting(_BIN, text, "must be the first 6 or 8 digits of a card")
        case ListKind.IP:
            return _range(text)
        case ListKind.EMAIL:
            return _email(text)
        case ListKind.DOMAIN:
            return _fitting(_DOMAIN, text.lower().removeprefix("@"), "must be a domain, like example.com")
        case ListKind.COUNTRY:
            if pycountry.countries.get(alpha_2=text.upper()) is None or len(text) != 2:
                raise BadListEntry("must be a country of ISO 3166-1 alpha-2, like NG")
            return text.upper()


def _fitting(pattern: re.Pattern[str], text: str, otherwise: str) -> str:
    if not pattern.fullmatch(text):
        raise BadListEntry(otherwise)
    return text


def _email(text: str) -> str:
    local, _, domain = text.lower().rpartition("@")
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise BadListEntry("must be an e-mail address")
    return mailbox(text)


def _range(text: str) -> str:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise BadListEntry("must be an IPv4 or IPv6 address, or a range like 192.0.2.0/24") from None
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return str(ip_network((int(mapped), network.prefixlen - 96), strict=False))
    return str(network)
