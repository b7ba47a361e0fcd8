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
"""Accounts' success rates for kinds of checkouts that one snapshot keeps: worked out once, while it lasts."""

_Expectation = tuple[float, float, str]


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
    _expectations: dict[tuple[str, str, str, str | None, str | None], _Expectation] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """(account, method, currency, country, network) -> `expected`, rounded as it is recorded."""

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
        accounts: dict[str, KnownScore] = {}
        currency, network, fees = request.currency, _network(request), self.fees or None
        known = self._expectations
        for account, method in methods.items():
            kind = (account, method, currency, country, network)
            told = known.get(kind)
            if told is None:
                rate, samples, group = self.expected(account, group_names(method, currency, country, network))
                told = round(rate, 6), round(samples, 1), group
                if len(known) < REMEMBERED:
                    known[kind] = told
            fee = fees.of(account, request, method, country) if fees else None
            accounts[account] = KnownScore(*told, fee)
        return KnownScores.known(version=self.version, exploration=self.rules.exploration, accounts=accounts)

    def expected(self, account: str, groups: Sequence[str]) -> tuple[float, float, str]:
        """(success rate, attempts, group that has enough of them) by these groups, coarsest first."""
        rules = self.rules
        rate, at, samples = rules.prior, "", 0.0
        for group in groups:
            tally = self.tallies.get((account, group))
            if tally is None:
                break  # what a group lacks, the finer ones lack too
            good, bad = tally
            rate = (good + rules.strength * rate) / (good + bad + rules.strength)
            if group == "" or good + bad >= rules.enough:
                at, samples = group, good + bad
        return rate, samples, at
