"""What another policy would have planned for checkouts that have been: their recorded inputs, decided again.

Only plans are compared. What an account that was not asked would have answered is not known, and nothing here
guesses it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from domain.route import DecisionInputs, RoutePlan
from routing.ordering import RecordedScores
from routing.request import RouteRequest
from routing.router import Router

UNKNOWN_ROADS: Final = (
    "Outcomes of roads not taken are unknown: this compares plans. Whether a checkout that moves would have "
    "been paid there, and what would have followed, nobody knows."
)
NOBODY: Final = "none"
"""In place of an account: nobody could be asked."""
BLOCKED: Final = "blocked"

FeeOf = Callable[[str, RouteRequest, str | None], int | None]
"""(account, checkout, issuer's country) -> expected fee in minor units of its currency, or None."""


class Case(NamedTuple):
    """A checkout and the plan that was recorded for it."""

    request: RouteRequest
    recorded: RoutePlan


class Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Move(Shown):
    """Checkouts whose first account changes from one to another."""

    before: str = Field(description="Account asked first; `none`: nobody could be asked, `blocked`: a rule.")
    after: str = Field(description="The same under the draft.")
    checkouts: int = Field(description="How many.")


class Part(Shown):
    """Of a country or a currency."""

    name: str = Field(description="ISO code, or `unknown`.")
    checkouts: int = Field(description="How many were looked at.")
    moved: int = Field(description="How many of them would ask another account first.")


class AccountShare(Shown):
    account: str = Field(description="Account, `none` or `blocked`.")
    before: int = Field(description="Checkouts that ask it first, as recorded.")
    after: int = Field(description="The same under the draft.")


class Fees(Shown):
    """Expected fees of the accounts asked first, where a fee is known on both sides. Minor units."""

    currency: str
    checkouts: int = Field(description="How many could be priced.")
    before: int
    after: int


class Simulation(Shown):
    """What would change."""

    checkouts: int = Field(description="How many were looked at.")
    moved: int = Field(description="How many would ask another account first.")
    changed: int = Field(description="How many would get another plan in any way, the moved ones included.")
    moves: list[Move] = Field(description="The most frequent first.")
    accounts: list[AccountShare] = Field(description="Per account asked first.")
    countries: list[Part] = Field(description="Per country under the draft, those with most moves first.")
    currencies: list[Part] = Field(description="Per currency, those with most moves first.")
    fees: list[Fees] | None = Field(description="Null where no fee table is configured.")
    without_inputs: int = Field(
        description="Checkouts planned before inputs were recorded: decided by what the plan itself tells."
    )
    note: str = Field(default=UNKNOWN_ROADS, description="What this cannot know.")


class Simulator:
    """Takes cases one by one, so that any number of them fits into memory."""

    def __init__(self, draft: Router, fee_of: FeeOf | None = None) -> None:
        self._draft = draft
        self._fee_of = fee_of
        self._checkouts = self._changed = self._without = 0
        self._moves: Counter[tuple[str, str]] = Counter()
        self._before: Counter[str] = Counter()
        self._after: Counter[str] = Counter()
        self._countries: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._currencies: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._fees: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(self, case: Case) -> RoutePlan:
        """Decide one checkout again; answers what the draft would plan."""
        request, recorded = case
        planned = self.decide(case)
        before, after = _first(recorded), _first(planned)
        moved = before != after
        self._checkouts += 1
        self._without += recorded.inputs is None
        self._changed += _steps(recorded) != _steps(planned)
        self._before[before] += 1
        self._after[after] += 1
        if moved:
            self._moves[before, after] += 1
        for counts in (
            self._countries[planned.country.code or "unknown"],
            self._currencies[request.currency],
        ):
            counts[0] += 1
            counts[1] += moved
        self._price(case, before, after)
        return planned

    def decide(self, case: Case) -> RoutePlan:
        """The draft's plan from what was recorded: the tables as they were, who was closed, the scores."""
        request, recorded = case
        inputs = recorded.inputs or DecisionInputs(
            closed={
                entry.account: entry.reason for entry in recorded.excluded if entry.reason in _FROM_OUTSIDE
            },
            listed_country=recorded.country.by_bin,
        )
        facts = self._draft.facts_from(request, inputs.listed_country, recorded.country.by_ip)
        scores = None if inputs.scores is None else RecordedScores(inputs.scores)
        return self._draft.decide(facts, inputs.closed, scores)

    def result(self) -> Simulation:
        return Simulation(
            checkouts=self._checkouts,
            moved=self._moves.total(),
            changed=self._changed,
            moves=[
                Move(before=before, after=after, checkouts=count)
                for (before, after), count in self._moves.most_common()
            ],
            accounts=[
                AccountShare(account=name, before=self._before[name], after=self._after[name])
                for name in sorted(self._before.keys() | self._after.keys())
            ],
            countries=_parts(self._countries),
            currencies=_parts(self._currencies),
            fees=None
            if self._fee_of is None
            else [
                Fees(currency=currency, checkouts=count, before=before, after=after)
                for currency, (count, before, after) in sorted(self._fees.items())
            ],
            without_inputs=self._without,
        )

    def _price(self, case: Case, before: str, after: str) -> None:
        if self._fee_of is None:
            return
        issuer = case.recorded.country.by_bin
        old, new = (self._fee_of(account, case.request, issuer) for account in (before, after))
        if old is not None and new is not None:
            counts = self._fees[case.request.currency]
            counts[0] += 1
            counts[1] += old
            counts[2] += new


_FROM_OUTSIDE: Final = ("disabled", "frozen", "circuit_open")


def _first(plan: RoutePlan) -> str:
    if plan.blocked_by is not None:
        return BLOCKED
    return plan.plan[0].account if plan.plan else NOBODY


def _steps(plan: RoutePlan) -> list[tuple[str, str]]:
    return [(entry.account, entry.method) for entry in plan.plan]


def _parts(counted: defaultdict[str, list[int]]) -> list[Part]:
    ranked = sorted(counted.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
    return [Part(name=name, checkouts=checkouts, moved=moved) for name, (checkouts, moved) in ranked]
