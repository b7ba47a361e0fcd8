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

REMEMBERED: Final = 4096
"""Kinds of checkouts whose accounts' success rates one snapshot keeps: worked out once, while it lasts."""

_Kind = tuple[tuple[tuple[str, MethodType], ...], tuple[tuple[str, ...], ...]]
"""The accounts with the method by which each would be asked, and for each method the groups to look into."""


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
    _counted: frozenset[str] = field(init=False, repr=False, compare=False)
    """The groups in which any account has been counted."""
    _remembered: dict[_Kind, KnownScores] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What is known of a kind of checkout, fees aside: those depend on the amount."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_counted", frozenset(group for _, group in self.tallies))

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
        network = _network(request)
        groups: dict[MethodType, tuple[str, ...]] = {}
        for method in methods.values():
            if method not in groups:
                groups[method] = self._worth_asking(group_names(method, request.currency, country, network))
        kind = (tuple(methods.items()), tuple(groups.values()))
        known = self._remembered.get(kind)
        if known is None:
            known = self._known(
                {account: self._expectation(account, groups[method]) for account, method in methods.items()}
            )
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

    def _worth_asking(self, groups: GroupNames) -> tuple[str, ...]:
        """Those from which on nobody has been counted left out: most of what is rare then is of one kind."""
        counted = self._counted
        for number, group in enumerate(groups):
            if group not in counted:
                return groups[:number]
        return groups

    def _expectation(self, account: str, groups: Sequence[str]) -> KnownScore:
        """`expected`, rounded as it is recorded."""
        rate, samples, group = self.expected(account, groups)
        return KnownScore(round(rate, 6), round(samples, 1), group, None)

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
