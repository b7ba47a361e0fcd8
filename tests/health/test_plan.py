"""What circuits and orders do to a plan."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.checkout import Customer, MethodType, PaymentMethod
from domain.circuit import Circuit, CircuitRules, CircuitState, Mode
from domain.route import Exclusion, HealthNote
from routing.health import HealthSnapshot, Healthy, Part, noted
from routing.request import RouteRequest
from tests.routing.policy import accounts, router

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CARD = RouteRequest(
    amount=5000,
    currency="NGN",
    method=PaymentMethod(type=MethodType.CARD, tokens={"stripe": "tok", "flutterwave": "tok"}),
    customer=Customer(email="customer@example.com", country="NG"),
)
"""Planned for flutterwave, then stripe."""


def opened(*, retry_in: float = 10) -> Circuit:
    return Circuit(
        state=CircuitState.OPEN,
        opened_at=NOW - timedelta(seconds=5),
        retry_at=NOW + timedelta(seconds=retry_in),
    )


DUE = opened(retry_in=0)


def planned(
    circuits: dict[str, Circuit] | None = None,
    modes: dict[str, Mode] | None = None,
    *,
    request: RouteRequest = CARD,
    method: str = "card",
    lost: frozenset[str] = frozenset(),
) -> Healthy:
    snapshot = HealthSnapshot({(account, method): c for account, c in (circuits or {}).items()}, modes or {})
    table = router()
    return snapshot.plan(lambda closed: table.plan(request, closed), accounts(), request, NOW, lost=lost)


def told(healthy: Healthy) -> tuple[list[str], dict[str, str]]:
    route = healthy.route
    plan = [f"{e.account} {e.health}" if e.health else e.account for e in route.plan]
    return plan, {each.account: each.reason for each in route.excluded}


@pytest.mark.parametrize(
    ("circuits", "modes", "plan", "excluded"),
    [
        ({}, {}, ["flutterwave", "stripe"], {}),
        ({"flutterwave": opened()}, {}, ["stripe"], {"flutterwave": "circuit_open"}),
        ({"stripe": opened()}, {}, ["flutterwave"], {"stripe": "circuit_open"}),
        ({"stripe-eu": opened()}, {}, ["flutterwave", "stripe"], {}),
        ({"flutterwave": opened()}, {"flutterwave": Mode.FORCE}, ["flutterwave", "stripe"], {}),
        ({"flutterwave": opened()}, {"flutterwave": Mode.DISABLE}, ["stripe"], {"flutterwave": "disabled"}),
        ({}, {"flutterwave": Mode.DISABLE}, ["stripe"], {"flutterwave": "disabled"}),
        ({}, {"flutterwave": Mode.DRAIN}, ["stripe"], {"flutterwave": "disabled"}),
        ({}, {"flutterwave": Mode.AUTO}, ["flutterwave", "stripe"], {}),
        # All are out: the one that is due the soonest is asked all the same ...
        (
            {"flutterwave": opened(), "stripe": opened(retry_in=5)},
            {},
            ["stripe last_resort"],
            {"flutterwave": "circuit_open"},
        ),
        # ... but never one that an operator has put out.
        (
            {"flutterwave": opened(), "stripe": opened(retry_in=5)},
            {"stripe": Mode.DRAIN},
            ["flutterwave last_resort"],
            {"stripe": "disabled"},
        ),
        (
            {},
            {"stripe": Mode.DISABLE, "flutterwave": Mode.DISABLE},
            [],
            {"stripe": "disabled", "flutterwave": "disabled"},
        ),
    ],
)
def test_a_plan_heeds_health(
    circuits: dict[str, Circuit], modes: dict[str, Mode], plan: list[str], excluded: dict[str, str]
) -> None:
    healthy = planned(circuits, modes)
    assert told(healthy) == (plan, excluded)
    assert healthy.probe is None


def test_a_circuit_is_of_one_method() -> None:
    assert told(planned({"flutterwave": opened()}, method="hosted"))[0] == ["flutterwave", "stripe"]
    page = CARD.model_copy(update={"method": PaymentMethod(type=MethodType.HOSTED)})
    assert told(planned({"flutterwave": opened()}, method="hosted", request=page))[0] == ["stripe"]


def test_the_first_account_may_be_the_probe() -> None:
    healthy = planned({"flutterwave": DUE})
    assert healthy.probe is not None
    assert healthy.probe.account == "flutterwave"
    assert told(healthy)[0] == ["flutterwave", "stripe"]
    assert noted(healthy.route, HealthNote.PROBE).plan[0].health is HealthNote.PROBE
    # Another checkout was faster.
    assert told(planned({"flutterwave": DUE}, lost=frozenset({"flutterwave"}))) == (
        ["stripe"],
        {"flutterwave": "circuit_open"},
    )
    assert told(planned({"flutterwave": DUE, "stripe": opened()}, lost=frozenset({"flutterwave"})))[0] == [
        "flutterwave last_resort"
    ]


def test_further_down_it_stays_in_the_plan_and_is_judged_when_its_turn_comes() -> None:
    healthy = planned({"stripe": DUE})
    assert (told(healthy), healthy.probe) == ((["flutterwave", "stripe"], {}), None)


def test_a_merchants_choice_is_asked_as_the_last_resort() -> None:
    chosen = CARD.model_copy(update={"gateway": "stripe"})
    assert told(planned({"stripe": opened()}, request=chosen))[0] == ["stripe last_resort"]
    assert told(planned({}, {"stripe": Mode.DISABLE}, request=chosen)) == ([], {"stripe": "disabled"})


circuits = st.sampled_from((Circuit(), opened(), opened(retry_in=3), DUE, DUE.probing(NOW)))
parts = st.tuples(
    st.sampled_from(("stripe", "flutterwave", "stripe-eu", "gone")), st.sampled_from(("card", "hosted"))
)


@given(
    st.dictionaries(parts, circuits),
    st.dictionaries(st.sampled_from(("stripe", "flutterwave", "gone")), st.sampled_from(Mode)),
    st.booleans(),
)
def test_health_only_ever_takes_accounts_out_and_never_the_last(
    known: dict[Part, Circuit], modes: dict[str, Mode], page: bool
) -> None:
    request = CARD.model_copy(update={"method": PaymentMethod(type=MethodType.HOSTED)}) if page else CARD
    snapshot, table = HealthSnapshot(known, modes, CircuitRules()), router()
    route, _ = snapshot.plan(lambda closed: table.plan(request, closed), accounts(), request, NOW)
    ordered = table.plan(request, snapshot.kept_out())
    names = [entry.account for entry in route.plan]
    assert bool(names) is bool(ordered.plan)
    assert names == [entry.account for entry in ordered.plan if entry.account in names]
    assert {each.account for each in route.excluded if each.reason is Exclusion.DISABLED} >= {
        each.account for each in ordered.excluded if each.reason is Exclusion.DISABLED
    }
    for entry in route.plan:
        healthy = replace(snapshot, modes={}).standing(entry.account, entry.method, NOW).name != "BLOCKED"
        forced = modes.get(entry.account) is Mode.FORCE
        assert healthy or forced or entry.health is HealthNote.LAST_RESORT
