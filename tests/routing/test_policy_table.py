"""What rules, overrides, splits and the operator's switch make of a checkout: one line per case.

    what is asked | plan: account/reason ... | out: account/reason ...

Accounts are `s` (stripe), `f` (flutterwave) and `e` (stripe-eu). Reasons: `map`, `def`, `over`, `op`, `mer`,
or a rule's name. What is asked: `key=value`, with the policy first.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from domain.route import CountrySource, Exclusion, Reason, RoutePlan
from routing.card_network import CardNetwork
from routing.policy import (
    AmountRange,
    BinOverride,
    Condition,
    MetadataCondition,
    Override,
    Policy,
    Rule,
    Share,
    Then,
    When,
)
from routing.request import RouteRequest
from tests.routing.policy import POLICY, router


def rule(
    name: str, *conditions: Condition, then: Then, either: tuple[Condition, ...] = (), on: bool = True
) -> Rule:
    return Rule(name=name, enabled=on, when=When(all=conditions, any=either), then=then)


RULES = (
    rule("off", then=Then(block=True), on=False),
    rule("stolen", Condition(bin=("6666", "53998366")), then=Then(block=True)),
    rule("large", Condition(amount={"NGN": AmountRange(min=5_000_000), "USD": AmountRange(min=900_000)}),
         then=Then(accounts=("stripe",))),
    rule("verve", Condition(network=(CardNetwork.VERVE,)), then=Then(accounts=("flutterwave",), only=True)),
    rule("british", Condition(issuer_country=("GB",)), Condition(currency=("USD", "GBP")),
         then=Then(accounts=("stripe-eu", "stripe"), only=True)),
    rule("shop", Condition(merchant=("mer_shop",)),
         either=(Condition(method=(MethodType.MOBILE_MONEY,)), Condition(country=("KE",))),
         then=Then(accounts=("flutterwave",))),
    rule("app", Condition(metadata=MetadataCondition(key="channel", values=("app",))),
         then=Then(split=(Share(percent=50, accounts=("stripe",)),
                          Share(percent=50, accounts=("flutterwave",))))),
    rule("tagged", Condition(metadata=MetadataCondition(key="tag")), Condition(country=("NG",)),
         then=Then(accounts=("stripe-eu",))),
)  # fmt: skip
RULED = POLICY.model_copy(update={"rules": RULES})
POLICIES = {
    "rules": RULED,
    "over": RULED.model_copy(
        update={
            "overrides": {
                "UG": Override(accounts=("stripe",)),
                "KE": Override(enabled=False, accounts=("stripe-eu",)),
                "GB": Override(accounts=("flutterwave",), only=True),
                "NG": Override(),
            },
            "override_default": ("stripe-eu",),
        }
    ),
    "op": RULED.model_copy(update={"operator_choice": ("stripe-eu",)}),
    "billing": RULED.model_copy(update={"country_sources": (CountrySource.BILLING, CountrySource.IP)}),
    "bins": RULED.model_copy(
        update={
            "bin_overrides": {
                "4242": BinOverride(country="UG"),
                "42424299": BinOverride(country="KE", network=CardNetwork.VERVE),
            }
        }
    ),
}

TABLE = """
rules | s/def f/def |
rules ip=ng | f/map s/map |
rules ip=ug | f/map s/def |
rules billing=GB | e/map s/map f/def |
rules bin=539983 | f/map s/map |
rules bin=539983 amount=4999999 cur=NGN | f/map s/map |
rules bin=539983 amount=5000000 cur=NGN | s/large f/def |
rules bin=539983 amount=5000001 cur=NGN | s/large f/def |
rules bin=539983 amount=899999 | f/map s/map |
rules bin=539983 amount=900000 | s/large f/def |
rules bin=539983 amount=9000000 cur=KES | f/map s/map |
rules amount=900000 | s/large f/def |
rules amount=900000 without=s | f/def | s/no_credentials
rules amount=900000 closed=s:circuit_open | f/def | s/circuit_open
rules amount=900000 closed=f:frozen | s/large | f/frozen
rules bin=506100 | f/verve |
rules bin=506100 cur=EUR | | f/currency_unsupported
rules bin=506100 closed=f:circuit_open | | f/circuit_open
rules bin=506100 email=no | | f/customer_data_missing
rules bin=506100 amount=900000 | s/large f/def |
rules bin=650003 ip=ng | f/verve |
rules bin=650028 ip=ng | f/map s/map |
rules bin=424242 | e/british s/british |
rules bin=424242 cur=GBP | e/british s/british |
rules bin=424242 cur=EUR | e/map s/map | f/currency_unsupported
rules bin=424242 cur=NGN | e/map s/map f/def |
rules bin=424242 ip=ng | e/british s/british |
rules bin=424242 without=e | s/british | e/no_credentials
rules bin=424242 closed=e:disabled | s/british | e/disabled
rules bin=424242 closed=e:disabled,s:disabled | | e/disabled s/disabled
rules bin=424242 amount=900000 | s/large f/def |
rules billing=GB | e/map s/map f/def |
rules bin=666600 | ! stolen | s/blocked_by_rule f/blocked_by_rule
rules bin=66660012 ip=ng | ! stolen | f/blocked_by_rule s/blocked_by_rule
rules bin=53998366 | ! stolen | f/blocked_by_rule s/blocked_by_rule
rules bin=53998367 | f/map s/map |
rules bin=539983 cur=GHS | f/map | s/currency_unsupported
rules bin=666600 amount=900000 | ! stolen | s/blocked_by_rule f/blocked_by_rule
rules bin=666600 gateway=stripe | s/mer |
rules bin=666600 closed=s:frozen | ! stolen | s/blocked_by_rule f/blocked_by_rule
rules bin=666700 | s/def f/def |
rules merchant=mer_shop | s/def f/def |
rules merchant=mer_shop ip=ke | f/shop s/def |
rules merchant=mer_other ip=ke | f/map s/map |
rules merchant=mer_shop billing=KE cur=EUR | s/def | f/currency_unsupported
rules merchant=mer_shop method=mobile_money cur=UGX net=MTN | f/shop | s/method_unsupported
rules merchant=mer_shop method=mobile_money cur=UGX net=MTN ip=ng | f/shop | s/method_unsupported
rules method=mobile_money cur=UGX net=MTN | f/def | s/method_unsupported
rules merchant=mer_shop ip=ke amount=900000 | s/large f/def |
rules channel=web | s/def f/def |
rules channel=app id=a | s/app f/app |
rules channel=app id=b | f/app s/app |
rules channel=app id=a ip=ng | s/app f/app |
rules channel=app id=b closed=f:circuit_open | s/app | f/circuit_open
rules channel=app id=a cur=GHS | f/app | s/currency_unsupported
rules channel=app id=b cur=EUR | s/app | f/currency_unsupported
rules channel=app id=a bin=506100 | f/verve |
rules tag=x | s/def f/def |
rules tag=x ip=ng | e/tagged s/def f/def |
rules tag= ip=ng | e/tagged s/def f/def |
rules tag=x ip=ng without=e | s/def f/def | e/no_credentials
rules tag=x ip=ug | f/map s/def |
rules tag=x ip=ng gateway=flutterwave | f/mer |
rules tag=x channel=app id=a ip=ng | s/app f/app |
rules gateway=stripe-eu ip=ug | e/mer |
rules gateway=flutterwave cur=EUR | | f/currency_unsupported
rules capture=manual ip=ng | s/map | f/capture_unsupported
rules challenge=yes ip=ng | s/map | f/challenge_unsupported
rules amount=49 ip=ng | f/map | s/amount_out_of_range
rules cur=CHF ip=ng | | f/currency_unsupported s/currency_unsupported
over | e/over s/def f/def |
over ip=ug | s/over e/over f/def |
over ip=ug amount=900000 | s/over e/over f/def |
over ip=ug bin=666600 | s/over e/over f/def |
over ip=ug cur=GHS | f/def | s/currency_unsupported e/currency_unsupported
over ip=ug closed=s:circuit_open | e/over f/def | s/circuit_open
over ip=ug gateway=flutterwave | f/mer |
over ip=ke | f/map s/map e/over |
over ip=ke merchant=mer_shop | f/shop e/over s/def |
over billing=GB | f/over |
over billing=GB cur=EUR | | f/currency_unsupported
over billing=GB closed=f:disabled | | f/disabled
over bin=424242 | f/over |
over ip=ng | e/over s/def f/def |
over ip=ng amount=9000000 cur=NGN | e/over s/def f/def |
over ip=ng without=e | s/def f/def | e/no_credentials
over billing=BR | e/over s/def f/def |
over billing=BR amount=900000 | s/large e/over f/def |
over bin=506100 | f/verve |
over bin=666600 | ! stolen | e/blocked_by_rule s/blocked_by_rule f/blocked_by_rule
op | e/op |
op ip=ug | e/op |
op ip=ng amount=900000 | e/op |
op bin=666600 | e/op |
op gateway=flutterwave | f/mer |
op closed=e:circuit_open | | e/circuit_open
op cur=GHS | | e/currency_unsupported
op without=e | | e/no_credentials
billing bin=539983 | s/def f/def |
billing bin=539983 billing=UG | f/map s/def |
billing bin=539983 ip=ug billing=KE | f/map s/map |
billing bin=539983 ip=gb | e/map s/map f/def |
billing bin=424242 billing=NG | e/british s/british |
bins bin=424242 | f/map s/def |
bins bin=42424298 | f/map s/def |
bins bin=42424299 | f/verve |
bins bin=424141 | s/def f/def |
bins bin=424242 ip=gb billing=GB | f/map s/def |
"""

NAMES = {"s": "stripe", "f": "flutterwave", "e": "stripe-eu"}
REASONS = {
    "map": Reason.COUNTRY_MAP,
    "def": Reason.DEFAULT,
    "over": Reason.COUNTRY_OVERRIDE,
    "op": Reason.OPERATOR_CHOICE,
    "mer": Reason.MERCHANT_CHOICE,
}
ADDRESSES = {"ng": "41.58.0.1", "gb": "81.2.69.1", "ug": "196.0.0.1", "ke": "105.16.0.1"}
CHECKOUTS = {"a": "co_0", "b": "co_2"}
"""One of each half of the rule `app`: see the test of it."""
LINES = TABLE.strip().splitlines()


def planned(asked: str) -> RoutePlan:
    policy, *words = asked.split()
    told = dict(word.split("=", 1) for word in words)
    request = RouteRequest(
        amount=int(told.get("amount", "12500")),
        currency=told.get("cur", "USD"),
        method=PaymentMethod(
            type=MethodType(told.get("method", "hosted")), bin=told.get("bin"), network=told.get("net")
        ),
        customer=Customer(
            email=None if told.get("email") == "no" else "customer@example.com",
            phone="+256700000000",
            ip=ADDRESSES.get(told.get("ip", "")),
            country=told.get("billing"),
        ),
        capture_method=CaptureMethod(told.get("capture", "automatic")),
        challenge="challenge" in told,
        gateway=told.get("gateway"),
        merchant=told.get("merchant"),
        metadata={key: told[key] for key in ("channel", "tag") if key in told},
        checkout_id=CHECKOUTS.get(told.get("id", "")),
    )
    closed = dict(pair.split(":") for pair in told.get("closed", "").split(",") if pair)
    asked_router = router(
        POLICIES[policy], without=frozenset(NAMES[each] for each in told.get("without", ""))
    )
    return asked_router.plan(request, {NAMES[each]: Exclusion(why) for each, why in closed.items()})


@pytest.mark.parametrize("line", LINES)
def test_the_plan_of(line: str) -> None:
    asked, plan, out = (part.strip() for part in f"{line}|".split("|")[:3])
    found = planned(asked)
    blocked = plan.removeprefix("! ") if plan.startswith("!") else None
    steps = [] if blocked else [step.split("/") for step in plan.split()]
    assert [(entry.account, entry.reason) for entry in found.plan] == [
        (NAMES[account], REASONS.get(reason, f"rule:{reason}")) for account, reason in steps
    ]
    assert [f"{entry.account}/{entry.reason}" for entry in found.excluded] == [
        f"{NAMES[account]}/{why}" for account, why in (each.split("/") for each in out.split())
    ]
    assert found.blocked_by == blocked


def test_a_split_falls_as_its_shares_say_and_always_the_same() -> None:
    policy = Policy(
        default=("stripe",),
        rules=(
            rule("split", then=Then(split=(Share(percent=30, accounts=("stripe",)),
                                           Share(percent=70, accounts=("flutterwave",))))),
        ),
    )  # fmt: skip
    first = [
        router(policy)
        .plan(
            RouteRequest(
                amount=100,
                currency="USD",
                checkout_id=f"co_{number}",
                customer=Customer(email="customer@example.com"),
            )
        )
        .plan[0]
        .account
        for number in range(4000)
    ]
    assert 0.27 < first.count("stripe") / len(first) < 0.33
    assert first[:12] == ["flutterwave" if each == "f" else "stripe" for each in "fssfssffsssf"]


requests = st.builds(
    RouteRequest,
    amount=st.integers(0, 10_000_000),
    currency=st.sampled_from(("NGN", "USD", "GBP", "EUR", "UGX", "CHF")),
    method=st.builds(
        PaymentMethod,
        type=st.sampled_from(MethodType),
        bin=st.none() | st.sampled_from(("539983", "506100", "424242", "42424299", "666600", "xx", "")),
    ),
    customer=st.builds(
        Customer,
        email=st.none() | st.just("customer@example.com"),
        ip=st.none() | st.sampled_from((*ADDRESSES.values(), "10.0.0.1", "no address")),
        country=st.none() | st.sampled_from(("NG", "UG", "GB", "ZZ")),
    ),
    merchant=st.none() | st.sampled_from(("mer_shop", "mer_other")),
    metadata=st.dictionaries(st.sampled_from(("channel", "tag", "x")), st.sampled_from(("app", "", "y"))),
    checkout_id=st.none() | st.text(max_size=6),
    gateway=st.none() | st.sampled_from(("stripe", "flutterwave", "adyen")),
    allow_redirect=st.booleans(),
)
closings = st.dictionaries(
    st.sampled_from(("stripe", "flutterwave", "stripe-eu")),
    st.sampled_from((Exclusion.DISABLED, Exclusion.CIRCUIT_OPEN)),
)


@settings(max_examples=200)
@given(st.sampled_from(sorted(POLICIES)), requests, closings)
def test_every_plan_is_eligible_ordered_explained_and_the_same_again(
    policy: str, request: RouteRequest, closed: dict[str, Exclusion]
) -> None:
    asked = router(POLICIES[policy])
    plan = asked.plan(request, closed)
    assert router(POLICIES[policy]).plan(request, closed) == plan
    names = [entry.account for entry in plan.plan] + [entry.account for entry in plan.excluded]
    assert len(names) == len(set(names))
    for entry in plan.plan:
        assert asked.recheck(entry.account, request, closed) is None
        rules = {f"rule:{each.name}" for each in RULES if each.enabled}
        assert entry.reason in rules | set(Reason)
    order = [
        0 if entry.reason.startswith("rule:") else list(Reason).index(Reason(entry.reason))
        for entry in plan.plan
    ]
    # What was named comes before the alternates, which always end with `default`.
    assert sorted(order, key=lambda place: place == list(Reason).index(Reason.DEFAULT)) == order
    if plan.blocked_by is not None:
        assert not plan.plan
        assert {entry.reason for entry in plan.excluded} == {Exclusion.BLOCKED_BY_RULE}
    assert plan.inputs is not None
    assert plan.inputs.closed == closed
    # What was recorded is enough to decide again, whatever the tables have become.
    facts = asked.facts_from(request, plan.inputs.listed_country, plan.country.by_ip)
    assert asked.decide(facts, plan.inputs.closed) == plan
