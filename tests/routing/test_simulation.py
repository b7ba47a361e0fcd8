"""Past decisions made again: by the policy that made them, and by drafts."""

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from domain.checkout import Customer, PaymentMethod
from domain.route import Exclusion, RoutePlan
from routing.fees import FeeTable, read_fees
from routing.policy import Objective, Policy, Thresholds
from routing.request import RouteRequest
from routing.scores import ScoreRules, Scores, Tally, group_names
from routing.simulation import Case, Simulator
from tests.routing.policy import POLICY, router

NAMES = ("stripe", "flutterwave", "stripe-eu")
FEES = read_fees(
    json.dumps(
        {
            "stripe": {"home": "US", "source": "made up", "fees": [{"percent": "40"}]},
            "flutterwave": {"home": "NG", "source": "made up", "fees": [{"percent": "1"}]},
        }
    ).encode(),
    NAMES,
    name="fees.json",
)


def scores(exploration: float = 0.0, fees: FeeTable | None = None, **rates: float) -> Scores:
    """Everywhere the same rate, of a hundred attempts."""
    groups = group_names("hosted", "NGN", "NG", None)
    return Scores(
        version=7,
        tallies={
            (account, group): Tally(100 * rate, 100 * (1 - rate))
            for account, rate in rates.items()
            for group in groups
        },
        rules=ScoreRules(exploration=exploration),
        fees=fees or FeeTable(),
    )


def policy(objective: Objective, **thresholds: int) -> Policy:
    return POLICY.model_copy(update={"objective": objective, "thresholds": Thresholds(**thresholds)})


def request(number: int) -> RouteRequest:
    """Flutterwave, then Stripe, by the country map."""
    return RouteRequest(
        amount=1000,
        currency="NGN",
        method=PaymentMethod(),
        customer=Customer(email="customer@example.com", country="NG"),
        checkout_id=f"co_{number}",
    )


def recorded(
    made_by: Policy, known: Scores | None, number: int = 1, closed: dict[str, Exclusion] | None = None
) -> Case:
    """A decision as it comes back from the database."""
    plan = router(made_by).plan(request(number), closed or {}, known)
    return Case(request(number), RoutePlan.model_validate_json(json.dumps(plan.model_dump(mode="json"))))


def first_under(draft: Policy, *cases: Case, fees: FeeTable | None = None) -> Counter[str]:
    simulator = Simulator(router(draft), fees)
    return Counter(simulator.add(case).plan[0].account for case in cases)


@given(
    st.sampled_from(Objective),
    st.fixed_dictionaries({name: st.floats(0, 1) for name in NAMES}),
    st.sampled_from((0.0, 0.05, 0.5)),
    st.sampled_from((FeeTable(), FEES)),
    st.integers(0, 10**6),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from((Exclusion.FROZEN, Exclusion.CIRCUIT_OPEN))),
)
def test_a_decision_that_is_made_again_is_the_same(
    objective: Objective,
    rates: dict[str, float],
    exploration: float,
    fees: FeeTable,
    number: int,
    closed: dict[str, Exclusion],
) -> None:
    case = recorded(policy(objective), scores(exploration, fees, **rates), number, closed)
    simulator = Simulator(router(policy(objective)))
    again = simulator.add(case)
    assert (again.plan, again.excluded, again.inputs) == (
        case.recorded.plan,
        case.recorded.excluded,
        case.recorded.inputs,
    )
    assert simulator.result().changed == 0


def test_an_objective_can_be_tried_on_a_history_that_had_none() -> None:
    known = scores(stripe=0.9, flutterwave=0.4)
    history = [recorded(policy(Objective.FIXED), known, number) for number in range(20)]
    assert {case.recorded.plan[0].account for case in history} == {"flutterwave"}
    assert first_under(policy(Objective.SUCCESS_RATE), *history) == {"stripe": 20}
    assert first_under(policy(Objective.FIXED), *history) == {"flutterwave": 20}
    # Before the first count nothing was known, and nothing is made up.
    blind = recorded(policy(Objective.FIXED), Scores())
    assert blind.recorded.inputs is not None
    assert blind.recorded.inputs.scores is None
    assert first_under(policy(Objective.SUCCESS_RATE), blind) == {"flutterwave": 1}


def test_a_draft_explores_as_it_says_or_as_it_was() -> None:
    known = scores(0.5, stripe=0.9, flutterwave=0.4)
    history = [recorded(policy(Objective.FIXED), known, number) for number in range(200)]
    assert 70 < first_under(policy(Objective.SUCCESS_RATE), *history)["flutterwave"] < 130
    assert first_under(policy(Objective.SUCCESS_RATE, exploration_percent=0), *history) == {"stripe": 200}


def test_fees_are_those_of_then_or_else_those_of_now() -> None:
    cost = policy(Objective.COST)
    then = recorded(policy(Objective.SUCCESS_RATE), scores(fees=FEES, stripe=0.9, flutterwave=0.8))
    unknown = recorded(policy(Objective.SUCCESS_RATE), scores(stripe=0.9, flutterwave=0.8))
    assert (then.recorded.plan[0].account, unknown.recorded.plan[0].account) == ("stripe", "stripe")
    assert first_under(cost, then) == {"flutterwave": 1}
    assert first_under(cost, unknown) == {"stripe": 1}
    assert first_under(cost, unknown, fees=FEES) == {"flutterwave": 1}


def test_a_simulation_says_what_the_fees_come_to() -> None:
    known = scores(stripe=0.9, flutterwave=0.4)
    history = [recorded(policy(Objective.SUCCESS_RATE), known, number) for number in range(3)]
    simulator = Simulator(router(policy(Objective.FIXED)), FEES)
    for case in history:
        simulator.add(case)
    (told,) = simulator.result().fees or []
    assert (told.currency, told.checkouts, told.before, told.after) == ("NGN", 3, 3 * 400, 3 * 10)
    assert Simulator(router(POLICY), FeeTable()).result().fees is None


def test_what_is_recorded_stays_small() -> None:
    plan = recorded(policy(Objective.FIXED), scores(fees=FEES, stripe=1 / 3, flutterwave=2 / 3)).recorded
    assert plan.inputs is not None
    assert plan.inputs.scores is not None
    assert len(json.dumps(plan.inputs.scores.model_dump(mode="json"))) < 70 + 60 * len(plan.plan)
