"""What screening has to know of a checkout: gathered outside, judged in `judge.py`."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.route import Country
from domain.screening import ListEffect, ListKind


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Origin(StrEnum):
    """Whose an address is."""

    UNKNOWN = "unknown"
    """In no list: most often a home or a phone."""
    HOSTING = "hosting"
    VPN = "vpn"
    TOR = "tor"
    BOT = "bot"
    UNROUTABLE = "unroutable"


class Seen(Frozen):
    """What was seen before of one card, e-mail address, address or BIN, at this merchant."""

    tries: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)
    """Declined, or stopped by screening."""
    small: int = Field(default=0, ge=0)
    cards: int = Field(default=0, ge=0)
    """Different cards. For an address within the burst window, else within the window."""
    probes: int = Field(default=0, ge=0)
    """Small amounts in the last day."""
    largest: int = Field(default=0, ge=0)
    """Largest amount in the last day, in minor units of this checkout's currency."""


class AtMerchant(Frozen):
    """What was seen of the whole merchant within the burst window, among its latest checkouts."""

    small_failed: int = Field(default=0, ge=0)
    disposable: int = Field(default=0, ge=0)
    mismatch: int = Field(default=0, ge=0)
    """Of the same three countries as this checkout's."""
    stopped: int = Field(default=0, ge=0)
    usual: int | None = Field(default=None, ge=0)
    """The median of its amounts in this currency, or None: too few to tell. Minor units."""


class Listed(Frozen):
    """An entry of a list that fits."""

    effect: ListEffect
    kind: ListKind


class Signals(Frozen):
    amount: int = Field(ge=0)
    """Minor units."""
    prompt: bool = False
    """The customer confirms on the phone with a PIN: that is a challenge already."""
    country: Country
    origin: Origin = Origin.UNKNOWN
    disposable: bool = False
    """The mailbox is a throw-away one."""
    card: Seen = Seen()
    email: Seen = Seen()
    ip: Seen = Seen()
    bin: Seen = Seen()
    merchant: AtMerchant = AtMerchant()
    listed: tuple[Listed, ...] = ()


def mismatch_of(country: Country) -> str | None:
    """`US/NG/GB`: card, address and bill, where all are known and the card's agrees with neither other."""
    told = (country.by_bin, country.by_ip, country.by_billing)
    if None in told or country.by_bin in (country.by_ip, country.by_billing):
        return None
    return "/".join(code or "" for code in told)
