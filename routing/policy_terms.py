"""A rule's conditions with the repetitions gone: per dimension, the one set of values that `all` allows.

Index and validation read rules in this form, so what is matched and what is called unreachable cannot differ.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from domain.route import Country
from routing.card_network import CardNetwork
from routing.policy import Condition, Rule
from routing.request import RouteRequest

SETS: Final = ("country", "currency", "network", "issuer_country", "method", "merchant")
"""Dimensions whose conditions are plain sets of values."""

Ranges = Mapping[str, tuple[int, int]]
"""Currency -> smallest and largest amount, both included."""


class Facts(NamedTuple):
    """A checkout as rules see it."""

    request: RouteRequest
    country: Country
    network: CardNetwork | None
    listed_country: str | None
    """The issuer's country by the card table alone."""


class Terms(NamedTuple):
    """A conjunction. A dimension that is not there is not restricted."""

    sets: Mapping[str, frozenset[str]]
    bins: frozenset[str] | None
    amounts: Ranges | None
    metadata: Mapping[str, frozenset[str] | None]
    """Key -> allowed values; None: any value."""

    @property
    def dimensions(self) -> frozenset[str]:
        named = {*self.sets, *(f"metadata:{key}" for key in self.metadata)}
        if self.bins is not None:
            named.add("bin")
        if self.amounts is not None:
            named.add("amount")
        return frozenset(named)


def terms_of(conditions: Iterable[Condition]) -> Terms:
    """What has to hold for all of these. A set that came out empty can never hold."""
    sets: dict[str, frozenset[str]] = {}
    bins: frozenset[str] | None = None
    amounts: Ranges | None = None
    metadata: dict[str, frozenset[str] | None] = {}
    for condition in conditions:
        for name in SETS:
            values = getattr(condition, name)
            if values is not None:
                told = frozenset(map(str, values))
                sets[name] = sets[name] & told if name in sets else told
        if condition.bin is not None:
            bins = _narrower(bins, frozenset(condition.bin))
        if condition.amount is not None:
            told_ranges = {code: (each.min, each.max) for code, each in condition.amount.items()}
            amounts = told_ranges if amounts is None else _overlap(amounts, told_ranges)
        if condition.metadata is not None:
            key, allowed = condition.metadata.key, frozenset(condition.metadata.values) or None
            before = metadata.get(key)
            metadata[key] = before if allowed is None else allowed if before is None else before & allowed
    return Terms(sets, bins, amounts, metadata)


def rule_terms(rule: Rule) -> Terms:
    return terms_of(rule.when.all)


def _narrower(before: frozenset[str] | None, told: frozenset[str]) -> frozenset[str]:
    """The prefixes that lie in both lists: of two, one inside the other, the longer one."""
    if before is None:
        return told
    return frozenset(one for one in told if _begins(one, before)) | frozenset(
        one for one in before if _begins(one, told)
    )


def _begins(digits: str, prefixes: frozenset[str]) -> bool:
    return any(digits[:length] in prefixes for length in range(1, len(digits) + 1))


def _overlap(one: Ranges, other: Ranges) -> Ranges:
    both = {
        code: (max(one[code][0], other[code][0]), min(one[code][1], other[code][1]))
        for code in one.keys() & other.keys()
    }
    return {code: (low, high) for code, (low, high) in both.items() if low <= high}


def impossible(terms: Terms) -> str | None:
    """The dimension in which nothing is left that could match, or None."""
    for name, values in terms.sets.items():
        if not values:
            return name
    if terms.bins is not None and not terms.bins:
        return "bin"
    if terms.amounts is not None:
        possible = {code for code, (low, high) in terms.amounts.items() if low <= high}
        if not possible:
            return "amount"
        if "currency" in terms.sets and not possible & terms.sets["currency"]:
            return "currency"
    return next(
        (f"metadata {key}" for key, values in terms.metadata.items() if values is not None and not values),
        None,
    )


def covers(wide: Terms, narrow: Terms) -> bool:
    """Whether everything that `narrow` matches is matched by `wide` too."""
    for name, values in wide.sets.items():
        told = narrow.sets.get(name)
        if told is None and name == "currency" and narrow.amounts is not None:
            told = frozenset(narrow.amounts)
        if told is None or not told <= values:
            return False
    if wide.bins is not None and (
        narrow.bins is None or not all(_begins(digits, wide.bins) for digits in narrow.bins)
    ):
        return False
    if wide.amounts is not None:
        if narrow.amounts is None:
            return False
        for code, (low, high) in narrow.amounts.items():
            if code not in wide.amounts or low < wide.amounts[code][0] or high > wide.amounts[code][1]:
                return False
    for key, allowed in wide.metadata.items():
        if key not in narrow.metadata:
            return False
        told = narrow.metadata[key]
        if allowed is not None and (told is None or not told <= allowed):
            return False
    return True
