"""Which of several accounts is asked first, by what became of earlier attempts. Pure: one snapshot of counts.

Counts are kept per group of checkouts, from everything an account does down to method, currency, issuer's
country and network. A thin group leans on the next coarser one: its rate is that of `strength` imagined
attempts at the coarser group's rate, plus its own. So nothing jumps when a group gets its first attempts.

A set share of the checkouts explores: there an account that is not the best known goes first, for one that is
never asked is never known to have become better. Who explores, and whom, follows from the snapshot's version
and the checkout's id, so a recorded decision can be made again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.checkout import MethodType
from routing.card_network import network_of
from routing.fees import FeeTable
from routing.request import RouteRequest

MILLION: Final = 1_000_000
UNKNOWN: Final = "-"
"""In a group's name: not known."""


class Objective(StrEnum):
    """What the first place goes to."""

    SUCCESS_RATE = "success_rate"
    COST = "cost"
    """Most money expected to be left: success rate x (amount - fee)."""


class Tally(NamedTuple):
    """Attempts of an account in one group, faded with time, so not whole numbers."""

    good: float
    bad: float

    @property
    def samples(self) -> float:
        return self.good + self.bad


class Ranked(NamedTuple):
    """An account in its place, and why it has it."""

    account: str
    score: float
    """The success rate that is expected, 0 to 1."""
    samples: float
    """Recent attempts in `group`."""
    group: str
    """The finest group with enough attempts; empty: everything that the account does."""
    explored: bool
    """It is first in order to learn about it."""
    detail: str
    """The same in words."""


@dataclass(frozen=True)
class ScoreRules:
    exploration: float = 0.05
    """Share of the checkouts that explore."""
    prior: float = 0.8
    """The success rate of an account about which nothing is known."""
    strength: float = 10.0
    """How many attempts the coarser group's rate is worth."""
    enough: float = 20.0
    """Attempts from which on a group is named as the ground of a score."""


def group_names(
    method: str, currency: str, country: str | None, network: str | None
) -> tuple[str, str, str, str, str]:
    """The groups of a checkout, coarsest first."""
    by_country = f"{method}/{currency}/{country or UNKNOWN}"
    return ("", method, f"{method}/{currency}", by_country, f"{by_country}/{network or UNKNOWN}")


def groups_of(
    request: RouteRequest, country: str | None, method: MethodType | None = None
) -> tuple[str, str, str, str, str]:
    """The same, of a request. `country`: the issuer's, or else the payer's."""
    network = network_of(request.method.bin) or request.method.network
    return group_names(method or request.method.type, request.currency, country, network)


@dataclass(frozen=True)
class Scores:
    """All counts at one moment. Immutable: a later count is another snapshot with a higher version."""

    version: int = 0
    taken_at: datetime | None = None
    tallies: Mapping[tuple[str, str], Tally] = field(default_factory=lambda: MappingProxyType({}))
    """(account, group) -> what became of its attempts."""
    rules: ScoreRules = field(default_factory=ScoreRules)
    fees: FeeTable = field(default_factory=FeeTable)

    def order(
        self,
        accounts: Sequence[str],
        request: RouteRequest,
        checkout_id: str,
        *,
        country: str | None = None,
        methods: Mapping[str, MethodType] = MappingProxyType({}),
        objective: Objective = Objective.SUCCESS_RATE,
    ) -> tuple[Ranked, ...]:
        """The accounts, best first; equals stay in the order given.

        `country`: the issuer's, or else the payer's. `methods`: where an account would be asked by another
        method than the checkout's, which.
        """
        known = [self._known(account, request, country, methods.get(account)) for account in accounts]
        if objective is Objective.COST:
            known = self._by_cost(known, request, country, methods)
        else:
            known.sort(key=lambda each: -each.score)
        return explore(known, self.version, checkout_id, self.rules.exploration)

    def expected(self, account: str, groups: Sequence[str]) -> tuple[float, float, str]:
        """(success rate, attempts, group that has enough of them) by these groups, coarsest first."""
        rate, at, samples = self.rules.prior, "", 0.0
        for group in groups:
            tally = self.tallies.get((account, group))
            if tally is None:
                break  # what a group lacks, the finer ones lack too
            rate = (tally.good + self.rules.strength * rate) / (tally.samples + self.rules.strength)
            if group == "" or tally.samples >= self.rules.enough:
                at, samples = group, tally.samples
        return rate, samples, at

    def _known(
        self, account: str, request: RouteRequest, country: str | None, method: MethodType | None
    ) -> Ranked:
        rate, samples, group = self.expected(account, groups_of(request, country, method))
        where = f" of {group}" if group else ""
        detail = f"{rate:.1%} expected, {samples:.0f} recent attempts{where}"
        return Ranked(account, round(rate, 6), round(samples, 1), group, False, detail)

    def _by_cost(
        self,
        known: Sequence[Ranked],
        request: RouteRequest,
        country: str | None,
        methods: Mapping[str, MethodType],
    ) -> list[Ranked]:
        """By what is expected to be left. A fee that is not known counts as the highest known one."""
        fees = {
            each.account: self.fees.fee(
                each.account,
                request.amount,
                request.currency,
                methods.get(each.account, request.method.type),
                country,
            )
            for each in known
        }
        dearest = max((fee for fee in fees.values() if fee is not None), default=0)
        valued = []
        for each in known:
            fee = fees[each.account]
            net = request.amount - (dearest if fee is None else fee)
            left = round(each.score * MILLION) * net // MILLION
            told = "fee not known" if fee is None else f"fee {fee}"
            detail = f"{left} {request.currency} minor units expected to be left ({told}); {each.detail}"
            valued.append((left, each._replace(detail=detail)))
        return [each for _, each in sorted(valued, key=lambda pair: -pair[0])]


def explore(ranked: Sequence[Ranked], version: int, checkout_id: str, share: float) -> tuple[Ranked, ...]:
    """The order in which a checkout asks them: as ranked, or with another one first, in order to learn.

    A recorded ranking, version and checkout id give the same answer again.
    """
    if len(ranked) < 2 or _draw(version, checkout_id, "explore") >= share:
        return tuple(ranked)
    chosen = ranked[1 + int(_draw(version, checkout_id, "which") * (len(ranked) - 1))]
    first = chosen._replace(explored=True, detail=f"first in order to learn; {chosen.detail}")
    return (first, *(each for each in ranked if each.account != chosen.account))


def _draw(version: int, checkout_id: str, what: str) -> float:
    """A number from 0 to just under 1, the same for the same arguments everywhere."""
    digest = hashlib.sha256(f"{version}/{checkout_id}/{what}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
