"""The types of single request fields: what each takes, and the words in which it refuses.

A refusal never repeats the value. Text is taken as it is (markup, SQL and formulas are somebody's name until
the place that shows them escapes them), but for characters that change how other text reads.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from socket import AF_INET, inet_ntoa, inet_pton
from typing import Annotated, Any, Final

import pycountry
from pydantic import AfterValidator, BeforeValidator, Field

from api.addresses import RefusedAddress, notification_url, return_url
from api.errors import refused
from domain.money import EXPONENTS, MAX_AMOUNT

COUNTRIES: Final = frozenset(country.alpha_2 for country in pycountry.countries)
"""ISO 3166-1 alpha-2, officially assigned codes only."""

# Control characters, line and paragraph separators, bidirectional embeddings, overrides and isolates (the
# "Trojan source" set), interlinear marks, and tags.
_MISLEADING: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?=[A-Za-z0-9.-]{4,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
)
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_BIN: Final = re.compile(r"[0-9]{6}(?:[0-9]{2})?")
_TOKEN: Final = re.compile(r"[!-~]+")
_GATEWAY: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_NETWORK: Final = re.compile(r"[A-Za-z][A-Za-z0-9 _-]*")


def _plain(value: str) -> str:
    if _MISLEADING.search(value):
        raise refused("invalid_text", "must not hold control characters or bidirectional overrides")
    return value


def _said(value: str) -> str:
    if not _plain(value).strip():
        raise refused("blank", "must not be blank")
    return value


def _minor_units(value: Any) -> Any:
    """JSON integers only. A float has lost its digits already, and text hides its unit."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise refused(
            "wrong_type",
            "must be a whole number of the currency's minor units (12500 for NGN 125.00, 500 for JPY 500), "
            "without decimals, exponent or quotes",
        )
    return value


def _currency(value: str) -> str:
    if value in EXPONENTS:
        return value
    if value.isascii() and value.upper() in EXPONENTS:
        raise refused("wrong_case", "must be in upper case, like NGN")
    raise refused("not_allowed", "must be a currency of ISO 4217 that can be charged, like NGN")


def _country(value: str) -> str:
    if value in COUNTRIES:
        return value
    if value.isascii() and value.upper() in COUNTRIES:
        raise refused("wrong_case", "must be in upper case, like NG")
    raise refused("not_allowed", "must be a country of ISO 3166-1 alpha-2, like NG or GB")


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value) or len(value.partition("@")[0]) > 64:
        raise refused("invalid_email", "must be an e-mail address in ASCII")
    return value


def _phone(value: str) -> str:
    """E.164; spaces and dashes are dropped."""
    number = value.replace(" ", "").replace("-", "")
    if not _PHONE.fullmatch(number):
        raise refused("invalid_phone", "must be a number with its country code (E.164), like +2348031234567")
    return number


def _ip(value: str) -> str:
    try:
        return inet_ntoa(inet_pton(AF_INET, value))  # as nearly all are, without an object in between
    except (ValueError, OSError):
        pass
    try:
        address = ip_address(value) if "%" not in value else None
    except ValueError:
        address = None
    if address is None:
        raise refused("invalid_ip", "must be an IPv4 or IPv6 address")
    return str(address)


def _matching(pattern: re.Pattern[str], code: str, message: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise refused(code, message)
        return value

    return check


def _address(check: Callable[..., str]) -> Callable[[str], str]:
    """Loopback passes here: whether it may is a setting, which `CheckoutRequest.to_domain` is told."""

    def checked(value: str) -> str:
        try:
            return check(value, allow_loopback=True)
        except RefusedAddress as error:
            raise refused(error.code, str(error)) from None

    return checked


Amount = Annotated[int, Field(strict=True, ge=1, le=MAX_AMOUNT), BeforeValidator(_minor_units)]
"""Minor units of the currency (ISO 4217 exponent)."""
Currency = Annotated[str, Field(json_schema_extra={"pattern": "^[A-Z]{3}$"}), AfterValidator(_currency)]
Country = Annotated[str, Field(json_schema_extra={"pattern": "^[A-Z]{2}$"}), AfterValidator(_country)]
Reference = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_said)]
Reason = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_said)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_said)]
Email = Annotated[str, Field(max_length=254, json_schema_extra={"format": "email"}), AfterValidator(_email)]
Phone = Annotated[str, Field(max_length=32), AfterValidator(_phone)]
Ip = Annotated[str, Field(max_length=45), AfterValidator(_ip)]
Bin = Annotated[
    str,
    Field(json_schema_extra={"pattern": "^([0-9]{6}|[0-9]{8})$"}),
    AfterValidator(_matching(_BIN, "invalid_bin", "must be the first 6 or 8 digits of the card")),
]
Token = Annotated[
    str,
    Field(min_length=1, max_length=255),
    AfterValidator(_matching(_TOKEN, "invalid_token", "must be visible ASCII without spaces")),
]
GatewayName = Annotated[
    str,
    Field(min_length=1, max_length=40, json_schema_extra={"pattern": f"^{_GATEWAY.pattern}$"}),
    AfterValidator(_matching(_GATEWAY, "invalid_name", "must be lower-case letters, digits and dashes")),
]
Network = Annotated[
    str,
    Field(min_length=1, max_length=40),
    AfterValidator(_matching(_NETWORK, "invalid_name", "must be the name of a mobile network, like MTN")),
]
ReturnUrl = Annotated[
    str, Field(max_length=2048, json_schema_extra={"format": "uri"}), AfterValidator(_address(return_url))
]
NotificationUrl = Annotated[
    str,
    Field(max_length=2048, json_schema_extra={"format": "uri"}),
    AfterValidator(_address(notification_url)),
]
MetadataKey = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_said)]
MetadataValue = Annotated[str, Field(max_length=500), AfterValidator(_plain)]
