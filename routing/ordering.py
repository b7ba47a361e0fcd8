"""Who goes first where the policy leaves the order open: see `objective` in `routing/policy.py`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from domain.capabilities import Account
from routing.policy import Objective
from routing.policy_terms import Facts


class Ranked(NamedTuple):
    account: Account
    detail: str | None = None
    """Shown beside the account in the plan: what gave it this place."""


class Ordering(Protocol):
    """Puts accounts of the same precedence into an order. Depends on its arguments alone and never raises:
    the same checkout has to get the same plan in every process, and again in a simulation."""

    def __call__(
        self, accounts: Sequence[Account], facts: Facts, scores: Mapping[str, Any] | None, /
    ) -> Sequence[Ranked]:
        """`accounts`: eligible ones, as listed; every one of them has to come back exactly once."""


def by_score(
    accounts: Sequence[Account], _facts: Facts, scores: Mapping[str, Any] | None, /
) -> Sequence[Ranked]:
    """The highest number first; accounts without one keep their places behind those that have one."""
    known = {name: value for name, value in (scores or {}).items() if isinstance(value, int | float)}
    ranked = sorted(accounts, key=lambda account: -known.get(account.name, float("-inf")))
    return [
        Ranked(account, f"score {known[account.name]:.4g}" if account.name in known else None)
        for account in ranked
    ]


ORDERINGS: Final[Mapping[Objective, Ordering]] = {
    Objective.SUCCESS_RATE: by_score,
    Objective.COST: by_score,
}
"""Without an entry, and for `fixed`, accounts stay as they are listed."""
