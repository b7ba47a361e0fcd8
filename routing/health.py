"""What the accounts' health does to a route plan. Pure: one snapshot of circuits and operators' modes.

An operator's `drain` and `disable` are orders: such an account is out, whatever follows from it. A circuit is
advice: where every account that could take a checkout has an open one, the least bad of them is asked all the
same, for an empty plan is certain failure.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.capabilities import Account
from domain.circuit import Circuit, CircuitRules, CircuitState, Mode
from domain.route import Exclusion, HealthNote, PlannedAccount, RoutePlan
from routing.eligibility import judge
from routing.request import RouteRequest

Part = tuple[str, str]
"""(account, method): what has a circuit of its own."""

Plan = Callable[[Mapping[str, Exclusion]], RoutePlan]
"""The plan of one checkout without these accounts."""

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_NOBODY: Final[Set[str]] = frozenset()


class Standing(Enum):
    """Whether an account may be sent to by a method."""

    CLEAR = auto()
    PROBE = auto()
    """Only by whoever claims the probe."""
    BLOCKED = auto()


class Healthy(NamedTuple):
    """A plan that heeds the accounts' health."""

    route: RoutePlan
    probe: PlannedAccount | None
    """Its first account, where that may only be asked by whoever claims its probe."""


@dataclass(frozen=True)
class HealthSnapshot:
    """All accounts' health at one moment. What is not in it is healthy."""

    circuits: Mapping[Part, Circuit] = field(default_factory=lambda: MappingProxyType({}))
    modes: Mapping[str, Mode] = field(default_factory=lambda: MappingProxyType({}))
    rules: CircuitRules = field(default_factory=CircuitRules)

    def kept_out(self) -> dict[str, Exclusion]:
        """The accounts that an operator keeps away from new checkouts."""
        out = (Mode.DRAIN, Mode.DISABLE)
        return {account: Exclusion.DISABLED for account, mode in self.modes.items() if mode in out}

    def stopped(self, account: str) -> bool:
        """Whether an operator has ordered that nothing is sent there, planned or not."""
        return self.modes.get(account) is Mode.DISABLE

    def standing(self, account: str, method: str, now: datetime) -> Standing:
        """What the circuit says of it, unless an operator has said that it be ignored."""
        circuit = self.circuits.get((account, method))
        if circuit is None or circuit.state is CircuitState.CLOSED or self.modes.get(account) is Mode.FORCE:
            return Standing.CLEAR
        return Standing.PROBE if circuit.may_probe(now, self.rules) else Standing.BLOCKED

    def blocked(self, accounts: Mapping[str, Account], request: RouteRequest, now: datetime) -> set[str]:
        """The accounts whose circuit is open for the method by which this checkout would ask them."""
        return {
            account
            for account, method in self.circuits
            if account in accounts
            and self.standing(account, method, now) is Standing.BLOCKED
            and judge(accounts[account], request) == method
        }

    def plan(
        self,
        plan: Plan,
        accounts: Mapping[str, Account],
        request: RouteRequest,
        now: datetime,
        *,
        closed: Mapping[str, Exclusion] = MappingProxyType({}),
        lost: Set[str] = _NOBODY,
    ) -> Healthy:
        """The plan without the accounts that health or an operator keeps out.

        `closed`: what else keeps accounts out. `lost`: accounts whose probe another checkout has claimed.
        """
        orders = {**closed, **self.kept_out()}
        out = self.blocked(accounts, request, now) | lost
        route = plan(orders | dict.fromkeys(out - orders.keys(), Exclusion.CIRCUIT_OPEN))
        if not route.plan and out:
            return Healthy(self._last_resort(plan, orders, out, route), None)
        first = route.plan[0] if route.plan else None
        if first is None or self.standing(first.account, first.method, now) is not Standing.PROBE:
            return Healthy(route, None)
        return Healthy(route, first)

    def _last_resort(
        self, plan: Plan, orders: dict[str, Exclusion], out: Set[str], empty: RoutePlan
    ) -> RoutePlan:
        """Of the accounts whose circuit is open, the one that is due for a try the soonest."""
        candidates = plan(orders).plan
        if not candidates:
            return empty
        best = min(candidates, key=self._retry_at)
        others = out - orders.keys() - {best.account}
        return noted(plan(orders | dict.fromkeys(others, Exclusion.CIRCUIT_OPEN)), HealthNote.LAST_RESORT)

    def _retry_at(self, entry: PlannedAccount) -> datetime:
        circuit = self.circuits.get((entry.account, entry.method))
        return _NEVER if circuit is None or circuit.retry_at is None else circuit.retry_at


def noted(route: RoutePlan, note: HealthNote) -> RoutePlan:
    """The plan that tells why its first account is in it."""
    if not route.plan:
        return route
    first, *rest = route.plan
    return route.model_copy(update={"plan": (first.model_copy(update={"health": note}), *rest)})
