"""Addresses that a merchant gives us: where the customer's browser returns, and where notifications go.

Only the text is judged here. A notification's host is resolved, checked with `is_public_address` and pinned
at every delivery, because a name may point elsewhere by then.

Both kinds: absolute, `https`, at most 2,048 characters of visible ASCII (the host may be an IDN), a host
with a dot that is public as far as its text tells, no user name, no fragment, no backslash, no encoded
control character. The host comes back in lower-case ASCII (`xn--...`), so that what is stored and shown
cannot be mistaken for another. With `allow_loopback` (development) `localhost` and loopback addresses pass,
by plain `http` too.
"""

import re
import unicodedata
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

import idna

from domain.addresses import NOTIFICATION_PORTS, is_public_address

MAX_LENGTH: Final = 2048

_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@%\\]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>(?:[/?][^#\\]*)?)"
)
_REST: Final = re.compile(r"[!-~]*")  # visible ASCII
# An encoded slash or backslash that opens a path, or an encoded NUL, CR or LF anywhere.
_TRICK: Final = re.compile(r"\A/*%(?:2f|5c)|%(?:00|0a|0d)", re.IGNORECASE)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MIXABLE_SCRIPTS: Final = frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
_LATIN_LOOKALIKES: Final = frozenset(
    "\u0430\u0441\u0501\u0435\u04bb\u0456\u0458\u04cf"  # Cyrillic
    "\u043e\u0440\u051b\u0455\u051d\u0445\u0443\u04af"
    "\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7"  # Greek
    "-0123456789"
)
_INTERNAL_SUFFIXES: Final = ("local", "internal", "localdomain", "home.arpa", "onion")


class RefusedAddress(ValueError):
    """The address may not be used. `code` is stable; the message never repeats the address."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def return_url(text: str, *, allow_loopback: bool = False) -> str:
    """The address in its normal form. Raises RefusedAddress."""
    url, _ = _check(text, allow_loopback=allow_loopback)
    return url


def origin_of(url: str) -> str:
    """`https://host[:port]` of an address in its normal form; the port only where it is not 443."""
    scheme, _, rest = url.partition("://")
    host = re.split(r"[/?]", rest, maxsplit=1)[0]
    return f"{scheme}://{host.removesuffix(':443') if scheme == 'https' else host}"


def return_origin(text: str, *, allow_loopback: bool = False) -> str:
    """An origin that customers may return to, in its normal form. Raises RefusedAddress."""
    url = return_url(text, allow_loopback=allow_loopback)
    origin = origin_of(url)
    if url.removesuffix("/") not in (origin, f"{origin}:443"):
        raise RefusedAddress("not_an_origin", "must end after the host and the port")
    return origin


def notification_url(text: str, *, allow_loopback: bool = False) -> str:
    """The address in its normal form; on a port of `NOTIFICATION_PORTS`, or any where loopback is allowed
    and meant. Raises RefusedAddress."""
    url, port = _check(text, allow_loopback=allow_loopback)
    if port is not None and port not in NOTIFICATION_PORTS:
        raise RefusedAddress("port_not_allowed", "must be on port 80, 443 or 8000 to 9999")
    return url


def _check(text: str, *, allow_loopback: bool) -> tuple[str, int | None]:
    """Normal form, and the port if it is not on this machine."""
    if len(text) > MAX_LENGTH:
        raise RefusedAddress("too_long", f"must have at most {MAX_LENGTH} characters")
    parts = _URL.fullmatch(text)
    if parts is None or not _REST.fullmatch(parts["rest"]) or _TRICK.search(parts["rest"]):
        raise RefusedAddress(
            "invalid_url",
            "must be an absolute address such as https://shop.example/path, without user name, fragment, "
            "backslash or encoded control characters",
        )
    host, loopback = _host(parts["host"])
    if loopback and not allow_loopback:
        raise RefusedAddress("address_not_public", "must be on a public host")
    scheme = parts["scheme"].lower()
    if scheme != "https" and not (scheme == "http" and loopback):
        raise RefusedAddress("https_required", "must begin with https://")
    port = int(parts["port"]) if parts["port"] else 443
    if not 0 < port < 65536:
        raise RefusedAddress("invalid_url", "must have a port from 1 to 65535")
    shown_port = f":{port}" if parts["port"] else ""
    return f"{scheme}://{host}{shown_port}{parts['rest']}", None if loopback else port


def _host(text: str) -> tuple[str, bool]:
    """Host in lower-case ASCII, and whether it is this machine. Raises RefusedAddress."""
    if text.startswith("["):
        return _address_v6(text[1:-1])
    host = _ascii_host(text)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _address_v4(host)
    if labels[-1] == "localhost":
        return host, True
    if len(labels) < 2 or f".{host}".endswith(tuple(f".{suffix}" for suffix in _INTERNAL_SUFFIXES)):
        raise RefusedAddress("address_not_public", "must be on a public host")
    return host, False


def _address_v4(host: str) -> tuple[str, bool]:
    """Only dotted decimal. Browsers also read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses."""
    try:
        address = IPv4Address(host)
    except AddressValueError:
        raise RefusedAddress("invalid_url", "must not have a host that is a number") from None
    if not address.is_loopback and not is_public_address(address):
        raise RefusedAddress("address_not_public", "must be on a public host")
    return host, address.is_loopback


def _address_v6(text: str) -> tuple[str, bool]:
    try:
        address = IPv6Address(text)
    except AddressValueError:
        raise RefusedAddress("invalid_url", "must have a valid host") from None
    if not address.is_loopback and not is_public_address(address):
        raise RefusedAddress("address_not_public", "must be on a public host")
    return f"[{address.compressed}]", address.is_loopback


def _ascii_host(text: str) -> str:
    """IDNA 2008 with the mapping of UTS 46; a label in the letters of two scripts is refused."""
    lowered = text.lower().removesuffix(".")
    try:
        host = (
            idna.encode(lowered, uts46=True, std3_rules=True).decode() if not lowered.isascii() else lowered
        )
        unicode_labels = [idna.decode(label) if label[:4] == "xn--" else label for label in host.split(".")]
    except (idna.IDNAError, UnicodeError):
        raise RefusedAddress("invalid_url", "must have a valid host") from None
    disguised = not lowered.isascii() and ("xn--" not in host or _looks_latin(lowered))
    if disguised or any(_mixes_scripts(label) for label in unicode_labels):
        raise RefusedAddress("invalid_url", "must not have a host that can be mistaken for another")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise RefusedAddress("invalid_url", "must have a valid host")
    return host


def _mixes_scripts(label: str) -> bool:
    """Latin with Cyrillic or Greek and the like. Japanese and Korean mix scripts by nature."""
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in label if letter.isalpha()}
    return len(scripts) > 1 and not scripts <= _MIXABLE_SCRIPTS


def _looks_latin(host: str) -> bool:
    """Whether a label not in Latin has only letters that look Latin. Its `xn--` form is taken instead."""
    return any(not label.isascii() and set(label) <= _LATIN_LOOKALIKES for label in host.split("."))
