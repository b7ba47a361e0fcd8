"""Which rule is the first to match, found without walking through the rules.

Every rule is one bit. Per dimension a table tells, for the value that a checkout has, the bits of the rules
that this value suits (those that do not ask for the dimension among them). What is left after "and" over
all dimensions matches, and its lowest bit is the answer: a dozen look-ups, for ten rules or for thousands.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from routing.policy import Rule
from routing.policy_terms import SETS, Facts, Terms, rule_terms, terms_of

Bits = int


class _Amounts(NamedTuple):
    """Per currency: amounts from which another set of rules applies, and which."""

    starts: tuple[int, ...]
    bits: tuple[Bits, ...]


class _Tables:
    """Value -> bits, for one way of combining (`all` or `any`)."""

    def __init__(self) -> None:
        self.sets: dict[str, dict[str, Bits]] = {name: defaultdict(int) for name in SETS}
        self.bins: dict[str, Bits] = defaultdict(int)
        self.ranges: dict[str, list[tuple[int, int, Bits]]] = defaultdict(list)
        self.metadata: list[tuple[dict[str, Bits], dict[tuple[str, str], Bits], Bits]] = []
        """Per slot: key -> bits, (key, value) -> bits, and the bits of the rules that ask in it."""
        self.asks: dict[str, Bits] = defaultdict(int)
        """Dimension -> bits of the rules that ask for it."""

    def add(self, bit: Bits, terms: Terms) -> None:
        for name, values in terms.sets.items():
            self.asks[name] |= bit
            for value in values:
                self.sets[name][value] |= bit
        if terms.bins is not None:
            self.asks["bin"] |= bit
            for prefix in terms.bins:
                self.bins[prefix] |= bit
        if terms.amounts is not None:
            self.asks["amount"] |= bit
            for currency, (low, high) in terms.amounts.items():
                if low <= high:
                    self.ranges[currency].append((low, high, bit))
        for slot, (key, allowed) in enumerate(sorted(terms.metadata.items())):
            while len(self.metadata) <= slot:
                self.metadata.append((defaultdict(int), defaultdict(int), 0))
            keys, pairs, asks = self.metadata[slot]
            self.metadata[slot] = (keys, pairs, asks | bit)
            if allowed is None:
                keys[key] |= bit
            else:
                for value in allowed:
                    pairs[key, value] |= bit


def _stretches(ranges: Iterable[tuple[int, int, Bits]]) -> _Amounts:
    """Ranges, which may overlap, as stretches that do not: one sweep over their ends."""
    of_rule: dict[Bits, list[tuple[int, int]]] = defaultdict(list)
    for low, high, bit in ranges:
        of_rule[bit].append((low, high))
    changes: dict[int, Bits] = defaultdict(int)
    for bit, own in of_rule.items():
        reached = -1
        for low, high in sorted(own):
            if high > reached:  # what overlaps with the range before was switched on by it already
                changes[max(low, reached + 1)] ^= bit
                changes[high + 1] ^= bit
                reached = high
    starts, bits, now = [0], [0], 0
    for start in sorted(changes):
        now ^= changes[start]
        starts.append(start)
        bits.append(now)
    return _Amounts(tuple(starts), tuple(bits))


class RuleIndex:
    """Immutable once made."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """`rules` in their order; ones that are not enabled never match."""
        every, either = _Tables(), _Tables()
        self._enabled: Bits = 0
        with_any: Bits = 0
        for number, rule in enumerate(rules):
            bit = 1 << number
            if not rule.enabled:
                continue
            self._enabled |= bit
            every.add(bit, rule_terms(rule))
            if rule.when.any:
                with_any |= bit
            for condition in rule.when.any:
                either.add(bit, terms_of((condition,)))
        self._with_any = with_any
        # "all": a value also suits every rule that does not ask.
        self._sets = tuple(
            (place, open_, {value: open_ | bits for value, bits in every.sets[name].items()})
            for place, name in enumerate(SETS)
            if (asking := every.asks[name])
            for open_ in (self._enabled & ~asking,)
        )
        self._bins = _by_length(every.bins)
        self._no_bin = self._enabled & ~every.asks["bin"]
        self._amounts = {currency: _stretches(ranges) for currency, ranges in every.ranges.items()}
        self._no_amount = self._enabled & ~every.asks["amount"]
        self._metadata = tuple(
            (dict(keys), dict(pairs), self._enabled & ~asks) for keys, pairs, asks in every.metadata
        )
        # "any": a rule is in as soon as one of its conditions holds.
        self._any_sets = tuple(
            (place, dict(either.sets[name])) for place, name in enumerate(SETS) if either.asks[name]
        )
        self._any_bins = _by_length(either.bins)
        self._any_amounts = {currency: _stretches(ranges) for currency, ranges in either.ranges.items()}
        self._any_metadata = tuple((dict(keys), dict(pairs)) for keys, pairs, _ in either.metadata)

    def first(self, facts: Facts) -> int | None:
        """The number of the first rule that matches, or None."""
        left = self._enabled
        if not left:
            return None
        request, country = facts.request, facts.country
        values = (  # in the order of SETS
            country.code,
            request.currency,
            facts.network,
            country.by_bin,
            request.method.type,
            request.merchant,
        )
        for place, open_, table in self._sets:
            value = values[place]
            left &= open_ if value is None else table.get(value, open_)
        card_bin = request.method.bin
        if self._bins or self._no_bin != self._enabled:
            left &= self._no_bin | _prefixed(self._bins, card_bin)
        if self._amounts or self._no_amount != self._enabled:
            left &= self._no_amount | _within(self._amounts, request.currency, request.amount)
        for keys, pairs, open_ in self._metadata:
            left &= open_ | _told(keys, pairs, request.metadata)
        if left & self._with_any:
            found = self._enabled & ~self._with_any
            for place, table in self._any_sets:
                value = values[place]
                if value is not None:
                    found |= table.get(value, 0)
            if self._any_bins:
                found |= _prefixed(self._any_bins, card_bin)
            found |= _within(self._any_amounts, request.currency, request.amount)
            for keys, pairs in self._any_metadata:
                found |= _told(keys, pairs, request.metadata)
            left &= found
        return (left & -left).bit_length() - 1 if left else None


def _by_length(bins: Mapping[str, Bits]) -> tuple[tuple[int, dict[str, Bits]], ...]:
    found: dict[int, dict[str, Bits]] = defaultdict(dict)
    for prefix, bits in bins.items():
        found[len(prefix)][prefix] = bits
    return tuple(sorted(found.items()))


def _prefixed(bins: tuple[tuple[int, dict[str, Bits]], ...], card_bin: str | None) -> Bits:
    bits = 0
    if card_bin is not None:
        for length, table in bins:
            if length <= len(card_bin):
                bits |= table.get(card_bin[:length], 0)
    return bits


def _within(amounts: Mapping[str, _Amounts], currency: str, amount: int) -> Bits:
    found = amounts.get(currency)
    return 0 if found is None else found.bits[bisect_right(found.starts, amount) - 1]


def _told(
    keys: Mapping[str, Bits], pairs: Mapping[tuple[str, str], Bits], metadata: Mapping[str, str]
) -> Bits:
    bits = 0
    for key, value in metadata.items():
        bits |= keys.get(key, 0) | pairs.get((key, value), 0)
    return bits
