"""The network of a card, by its first digits.

The ranges are those that the networks publish (ISO/IEC 7812 issuer identification numbers); where two
networks share a range, the narrower one is asked first. A card in two networks has one answer here: an
operator's entry in `bin_overrides` says otherwise where it matters.
"""

from bisect import bisect_right
from enum import StrEnum
from typing import Final


class CardNetwork(StrEnum):
    VISA = "visa"
    MASTERCARD = "mastercard"
    AMEX = "amex"
    DISCOVER = "discover"
    DINERS = "diners"
    JCB = "jcb"
    UNIONPAY = "unionpay"
    VERVE = "verve"
    MAESTRO = "maestro"


_RANGES: Final[tuple[tuple[CardNetwork, int, int], ...]] = (
    # First and last 6 digits. Narrow ranges stand before the wide ones that they are cut out of.
    (CardNetwork.VERVE, 506099, 506198),
    (CardNetwork.VERVE, 507865, 507964),
    (CardNetwork.VERVE, 650002, 650027),
    (CardNetwork.MASTERCARD, 222100, 272099),
    (CardNetwork.MASTERCARD, 510000, 559999),
    (CardNetwork.VISA, 400000, 499999),
    (CardNetwork.AMEX, 340000, 349999),
    (CardNetwork.AMEX, 370000, 379999),
    (CardNetwork.DINERS, 300000, 305999),
    (CardNetwork.DINERS, 309000, 309999),
    (CardNetwork.DINERS, 360000, 369999),
    (CardNetwork.DINERS, 380000, 399999),
    (CardNetwork.JCB, 352800, 358999),
    (CardNetwork.DISCOVER, 601100, 601199),
    (CardNetwork.DISCOVER, 644000, 659999),
    (CardNetwork.UNIONPAY, 620000, 629999),
    (CardNetwork.UNIONPAY, 810000, 819999),
    (CardNetwork.MAESTRO, 500000, 509999),
    (CardNetwork.MAESTRO, 560000, 589999),
    (CardNetwork.MAESTRO, 630000, 639999),
    (CardNetwork.MAESTRO, 670000, 679999),
)


def _cut() -> tuple[list[int], list[CardNetwork | None]]:
    """The ranges without overlaps: where each stretch begins, and whose it is."""
    starts = sorted({0, *(first for _, first, _ in _RANGES), *(last + 1 for _, _, last in _RANGES)})
    owners = [next((net for net, first, last in _RANGES if first <= start <= last), None) for start in starts]
    return starts, owners


_STARTS, _OWNERS = _cut()


def network_of(card_bin: str | None) -> CardNetwork | None:
    """The network of a card with these first 6 or 8 digits; None for any other text."""
    if card_bin is None or len(card_bin) not in (6, 8) or not (card_bin.isascii() and card_bin.isdecimal()):
        return None
    return _OWNERS[bisect_right(_STARTS, int(card_bin[:6])) - 1]
