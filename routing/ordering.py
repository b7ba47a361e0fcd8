"""Who goes first where the policy leaves the order open: see `objective` in `routing/policy.py`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from domain.checkout import MethodType
from routing.policy import Objective
from routing.request import RouteRequest


class Place(Protocol):
    """An account in its place. All of it is recorded with the plan."""

    @property
    def account(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def detail(self) -> str: ...


class Scores(Protocol):
    """What is known of accounts at one moment. Never changes, so that a decision can be made again."""

    def order(
        self,
        accounts: Sequence[str],
        request: RouteRequest,
        checkout_id: str,
        *,
        country: str | None,
        methods: Mapping[str, MethodType],
        objective: Any,
    ) -> Sequence[Place]:
        """The accounts, best first, each exactly once; equals stay in the order given.

        `country`: the card issuer's, else the payer's. `methods`: by which method each would be asked.
        `objective`: `success_rate` or `cost`.
        """


class Recorded(NamedTuple):
    """An account in the place that a recorded score gives it."""

    account: str
    score: float
    detail: str


class RecordedScores:
    """The scores that were recorded with a plan: for making the decision again."""

    def __init__(self, recorded: Mapping[str, Any]) -> None:
        """`recorded`: account -> `{"score": ...}`, as `DecisionInputs.scores` has it."""
        self._known = {
            account: float(entry["score"])
            for account, entry in recorded.items()
            if isinstance(entry, Mapping) and isinstance(entry.get("score"), int | float)
        }

    def order(
        self,
        accounts: Sequence[str],
        request: RouteRequest,  # noqa: ARG002  # the interface's
        checkout_id: str,  # noqa: ARG002
        *,
        country: str | None,  # noqa: ARG002
        methods: Mapping[str, MethodType],  # noqa: ARG002
        objective: Objective,  # noqa: ARG002
    ) -> Sequence[Recorded]:
        """The highest recorded score first; accounts without one stay behind, as they are listed."""
        ranked = sorted(accounts, key=lambda account: -self._known.get(account, float("-inf")))
        return [Recorded(account, self._known.get(account, 0.0), "as recorded") for account in ranked]
