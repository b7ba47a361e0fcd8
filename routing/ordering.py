"""Who goes first where the policy leaves the order open: see `objective` in `routing/policy.py`.

Pure, and from what is recorded with a decision alone, so that it can be made again.

A set share of the checkouts explores: there an account that is not the best known goes first, for one that is
never asked is never known to have become better. Who explores, and whom, follows from the version of the
counts and the checkout's id.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from domain.checkout import MethodType
from domain.route import KnownScore, KnownScores
from routing.policy import Objective
from routing.request import RouteRequest

MILLION: Final = 1_000_000

FeeOf = Callable[[str, RouteRequest, MethodType, str | None], int | None]
"""(account, checkout, method, country) -> expected fee in minor units of the checkout's currency, or None."""


class Scores(Protocol):
    """What is known of accounts at one moment. Never changes, so that a decision can be made again."""

    @property
    def empty(self) -> bool:
        """Nothing is known of any account: not worth recording where it decides nothing."""

    def known(
        self, request: RouteRequest, country: str | None, methods: Mapping[str, MethodType]
    ) -> KnownScores:
        """What is known of these accounts for this checkout.

        `country`: the card issuer's, else the payer's. `methods`: account -> by which it would be asked.
        """


class RecordedScores:
    """What was known when a decision was made: for making it again."""

    empty = False

    def __init__(
        self, recorded: KnownScores, *, exploration: float | None = None, fee_of: FeeOf | None = None
    ) -> None:
        """`exploration`: another share than the recorded one. `fee_of`: for fees that were not known."""
        self._recorded = (
            recorded if exploration is None else recorded.model_copy(update={"exploration": exploration})
        )
        self._fee_of = fee_of

    def known(
        self, request: RouteRequest, country: str | None, methods: Mapping[str, MethodType]
    ) -> KnownScores:
        fee_of, recorded = self._fee_of, self._recorded
        if fee_of is None:
            return recorded
        priced = {
            account: score._replace(fee=fee_of(account, request, methods[account], country))
            for account, score in recorded.accounts.items()
            if score.fee is None and account in methods
        }
        return recorded.model_copy(update={"accounts": recorded.accounts | priced}) if priced else recorded


class Ranked(NamedTuple):
    """An account in its place, and why it has it."""

    account: str
    score: float
    """The success rate that is expected, 0 to 1."""
    explored: bool
    """It is first in order to learn about it."""
    detail: str
    """The same in words."""


def order(
    known: KnownScores, accounts: Sequence[str], request: RouteRequest, objective: Objective
) -> tuple[Ranked, ...]:
    """The accounts, best first; equals stay in the order given, those that are not known come last."""
    told = [(account, known.accounts[account]) for account in accounts if account in known.accounts]
    match objective:
        case Objective.FIXED:
            ranked = [_ranked(account, score) for account, score in told]
        case Objective.SUCCESS_RATE:
            ranked = [_ranked(account, score) for account, score in sorted(told, key=lambda at: -at[1].rate)]
        case Objective.COST:
            ranked = _by_cost(told, request)
    if objective is not Objective.FIXED:
        ranked = explored(ranked, known, request.checkout_id or "")
    strangers = [account for account in accounts if account not in known.accounts]
    return (*ranked, *(Ranked(account, 0.0, False, "nothing is known of it") for account in strangers))


def explored(ranked: list[Ranked], known: KnownScores, checkout_id: str) -> list[Ranked]:
    """As ranked, or with another one first, in order to learn."""
    if len(ranked) < 2 or _draw(known.version, checkout_id, "explore") >= known.exploration:
        return ranked
    chosen = ranked[1 + int(_draw(known.version, checkout_id, "which") * (len(ranked) - 1))]
    first = chosen._replace(explored=True, detail=f"first in order to learn; {chosen.detail}")
    return [first, *(each for each in ranked if each is not chosen)]


def _ranked(account: str, score: KnownScore) -> Ranked:
    where = f" of {score.group}" if score.group else ""
    detail = f"{score.rate:.1%} expected, {score.samples:.0f} recent attempts{where}"
    return Ranked(account, score.rate, False, detail)


def _by_cost(told: Sequence[tuple[str, KnownScore]], request: RouteRequest) -> list[Ranked]:
    """By what is expected to be left: success rate x (amount - fee). A fee that is not known counts as the
    highest known one."""
    dearest = max((score.fee for _, score in told if score.fee is not None), default=0)
    valued: list[tuple[int, Ranked]] = []
    for account, score in told:
        net = request.amount - (dearest if score.fee is None else score.fee)
        left = round(score.rate * MILLION) * net // MILLION
        fee = "fee not known" if score.fee is None else f"fee {score.fee}"
        place = _ranked(account, score)
        detail = f"{left} {request.currency} minor units expected to be left ({fee}); {place.detail}"
        valued.append((left, place._replace(detail=detail)))
    return [place for _, place in sorted(valued, key=lambda pair: -pair[0])]


def _draw(version: int, checkout_id: str, what: str) -> float:
    """A number from 0 to just under 1, the same for the same arguments everywhere."""
    digest = hashlib.sha256(f"{version}/{checkout_id}/{what}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
