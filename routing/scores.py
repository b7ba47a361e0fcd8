"""What is known of the accounts' success, by what became of earlier attempts. Pure: one snapshot of counts.

Counts are kept per group of checkouts, from everything an account does down to method, currency, issuer's
country and network. A thin group leans on the next coarser one: its rate is that of `strength` imagined
attempts at the coarser group's rate, plus its own. So nothing jumps when a group gets its first attempts.

What is made of it: `routing/ordering.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.checkout import MethodType
from domain.route import KnownScore, KnownScores
from routing.card_network import network_of
from routing.fees import FeeTable
from routing.request import RouteRequest

UNKNOWN: Final = "-"
"""In a group's name: not known."""

GroupNames = tuple[str, str, str, str, str]

REMEMBERED: Final = 16_384
"""Kinds of checkouts whose accounts' success rates one snapshot keeps: worked out once, while it lasts."""

_Kind = tuple[str, str | None, str | None, tuple[tuple[str, MethodType], ...]]
"""Currency, country, network, and the accounts with the method by which each would be asked."""


class Tally(NamedTuple):
    """Attempts of an account in one group, faded with time, so not whole numbers."""

    good: float
    bad: float

    @property
    def samples(self) -> float:
        return self.good + self.bad


@dataclass(frozen=True)
class ScoreRules:
    exploration: float = 0.05
    """Share of the checkouts that explore."""
    half_life: float = 600.0
    """Seconds after which an attempt counts half."""
    prior: float = 0.8
    """The success rate of an account about which nothing is known."""
    strength: float = 10.0
    """How many attempts the coarser group's rate is worth."""
    enough: float = 20.0
    """Attempts from which on a group is named as the ground of a score."""


def group_names(method: str, currency: str, country: str | None, network: str | None) -> GroupNames:
    """The groups of a checkout, coarsest first."""
    by_country = f"{method}/{currency}/{country or UNKNOWN}"
    return ("", method, f"{method}/{currency}", by_country, f"{by_country}/{network or UNKNOWN}")


def groups_of(request: RouteRequest, country: str | None, method: MethodType | None = None) -> GroupNames:
    """The same, of a request. `country`: the issuer's, or else the payer's."""
    return group_names(method or request.method.type, request.currency, country, _network(request))


def _network(request: RouteRequest) -> str | None:
    return network_of(request.method.bin) or request.method.network


@dataclass(frozen=True)
class Scores:
    """All counts at one moment. Immutable: a later count is another snapshot with a higher version."""

    version: int = 0
    """0: nothing has been counted yet."""
    taken_at: datetime | None = None
    tallies: Mapping[tuple[str, str], Tally] = field(default_factory=lambda: MappingProxyType({}))
    """(account, group) -> what became of its attempts."""
    rules: ScoreRules = field(default_factory=ScoreRules)
    fees: FeeTable = field(default_factory=FeeTable)
    _remembered: dict[_Kind, KnownScores] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What is known, fees aside: those depend on the amount."""

    @property
    def empty(self) -> bool:
        """Nothing has been counted yet, and no fee is known."""
        return not self.version and not self.fees

    def known(
        self, request: RouteRequest, country: str | None, methods: Mapping[str, MethodType]
    ) -> KnownScores:
        """What is known of these accounts for this checkout.

        `country`: the card issuer's, else the payer's. `methods`: account -> by which it would be asked.
        """
        kind = (request.currency, country, _network(request), tuple(methods.items()))
        known = self._remembered.get(kind)
        if known is None:
            known = self._without_fees(kind)
            if len(self._remembered) < REMEMBERED:
                self._remembered[kind] = known
        if not self.fees:
            return known
        return self._known(
            {
                account: score._replace(fee=self.fees.of(account, request, methods[account], country))
                for account, score in known.accounts.items()
            }
        )

    def _without_fees(self, kind: _Kind) -> KnownScores:
        currency, country, network, methods = kind
        groups: dict[MethodType, GroupNames] = {}
        accounts: dict[str, KnownScore] = {}
        for account, method in methods:
            if method not in groups:
                groups[method] = group_names(method, currency, country, network)
            rate, samples, group = self.expected(account, groups[method])
            accounts[account] = KnownScore(round(rate, 6), round(samples, 1), group, None)
        return self._known(accounts)

    def _known(self, accounts: dict[str, KnownScore]) -> KnownScores:
        return KnownScores.known(version=self.version, exploration=self.rules.exploration, accounts=accounts)

    def expected(self, account: str, groups: Sequence[str]) -> tuple[float, float, str]:
        """(success rate, attempts, group that has enough of them) by these groups, coarsest first."""
        tallies, strength, enough = self.tallies, self.rules.strength, self.rules.enough
        rate, at, samples = self.rules.prior, "", 0.0
        for group in groups:
            tally = tallies.get((account, group))
            if tally is None:
                break  # what a group lacks, the finer ones lack too
            good, bad = tally
            seen = good + bad
            rate = (good + strength * rate) / (seen + strength)
            if seen >= enough or group == "":
                at, samples = group, seen
        return rate, samples, at
