from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from domain.money import MAX_AMOUNT
from domain.route import Exclusion, RoutePlan
from routing.bins import BinTable
from routing.eligibility import token_for
from routing.policy import Policy
from routing.request import RouteRequest
from routing.router import Router
from tests.routing.policy import BINS, POLICY, Addresses, accounts, router

NAMES = ("stripe", "flutterwave", "stripe-eu")
CLOSING = st.sampled_from((Exclusion.DISABLED, Exclusion.FROZEN, Exclusion.CIRCUIT_OPEN))

texts = st.none() | st.text(max_size=12)
requests = st.builds(
    RouteRequest,
    amount=st.integers(0, MAX_AMOUNT),
    currency=st.sampled_from(("NGN", "USD", "GBP", "EUR", "UGX", "KES", "XOF", "CHF")) | st.text(max_size=4),
    method=st.builds(
        PaymentMethod,
        type=st.sampled_from(MethodType),
        bin=texts | st.sampled_from(("539983", "43530012", "424242", "360976")),
        tokens=st.dictionaries(st.sampled_from((*NAMES, "adyen")), st.sampled_from(("", "tok")), max_size=3),
        network=texts | st.sampled_from(("MTN", "mtn", "MPESA", "")),
        phone=st.none() | st.just("+256700000000"),
    ),
    customer=st.builds(
        Customer,
        email=st.none() | st.just("customer@example.com"),
        phone=st.none() | st.just("+256700000000"),
        ip=texts | st.sampled_from(("41.58.0.1", "81.2.69.1", "10.0.0.1")),
        country=texts | st.sampled_from(("NG", "UG", "GB", "UK", "BR")),
    ),
    capture_method=st.sampled_from(CaptureMethod),
    allow_redirect=st.booleans(),
    gateway=st.none() | st.sampled_from((*NAMES, "adyen", "")),
    challenge=st.booleans(),
)  # fmt: skip
closings = st.dictionaries(st.sampled_from((*NAMES, "adyen")), CLOSING)
missing = st.frozensets(st.sampled_from(NAMES))


@given(requests, closings, missing)
def test_a_plan_is_the_same_every_time(
    request: RouteRequest, closed: Mapping[str, Exclusion], without: frozenset[str]
) -> None:
    planned = router(without=without).plan(request, closed)
    # Another process may have read its configuration in another order.
    shuffled = dict(reversed(accounts(without=without).items()))
    assert Router(shuffled, POLICY, BINS, Addresses(), policy_version=7).plan(request, closed) == planned


@given(requests, closings, missing)
def test_planned_and_excluded_split_the_accounts_that_the_policy_names(
    request: RouteRequest, closed: Mapping[str, Exclusion], without: frozenset[str]
) -> None:
    planned = router(without=without).plan(request, closed)
    if request.gateway is not None:
        named = {request.gateway} & set(NAMES)
    else:
        mapped = POLICY.countries.get(planned.country.code or "", ())
        named = {*mapped, *POLICY.default}
    answered = [entry.account for entry in planned.plan] + [entry.account for entry in planned.excluded]
    assert Counter(answered) == Counter(named)


@given(requests, closings, missing)
def test_every_planned_account_can_take_the_payment(
    request: RouteRequest, closed: Mapping[str, Exclusion], without: frozenset[str]
) -> None:
    asked = router(without=without)
    planned = asked.plan(request, closed)
    known = accounts()
    for entry in planned.plan:
        account = known[entry.account]
        capabilities = account.capabilities
        assert entry.account not in without
        assert entry.account not in closed
        assert entry.gateway == capabilities.name
        assert entry.method in capabilities.methods
        assert request.currency in capabilities.currencies
        assert request.capture_method in capabilities.captures
        assert capabilities.challenge or not request.challenge
        assert (
            capabilities.minimum.get(request.currency, 0)
            <= request.amount
            <= capabilities.maximum.get(request.currency, MAX_AMOUNT)
        )
        assert request.customer.email or entry.gateway != "flutterwave"
        if entry.method is MethodType.CARD:
            assert token_for(account, request.method)
        if entry.method is not request.method.type:
            assert (request.method.type, entry.method) == (MethodType.CARD, MethodType.HOSTED)
            assert request.allow_redirect
        assert asked.recheck(entry.account, request, closed) is None
    for out in planned.excluded:
        assert asked.recheck(out.account, request, closed) is out.reason


@given(requests)
def test_mapped_accounts_come_before_the_alternates_in_the_order_of_the_map(request: RouteRequest) -> None:
    planned = router().plan(request)
    if request.gateway is not None:
        assert all(entry.reason == "merchant_choice" for entry in planned.plan)
        return
    mapped = POLICY.countries.get(planned.country.code or "", ())
    order = [*mapped, *(name for name in POLICY.default if name not in mapped)]
    assert [entry.account for entry in planned.plan] == [
        name for name in order if name in {entry.account for entry in planned.plan}
    ]
    for entry in planned.plan:
        assert entry.reason == ("country_map" if entry.account in mapped else "default")


def test_recheck_sees_what_happened_since_the_plan() -> None:
    request = RouteRequest(amount=1000, currency="USD", customer=Customer(email="customer@example.com"))
    asked = router()
    assert asked.recheck("stripe", request) is None
    assert asked.recheck("stripe", request, {"stripe": Exclusion.CIRCUIT_OPEN}) is Exclusion.CIRCUIT_OPEN
    assert router(without=frozenset({"stripe"})).recheck("stripe", request) is Exclusion.NO_CREDENTIALS


def test_an_account_that_is_gone_has_no_credentials() -> None:
    request = RouteRequest(amount=1000, currency="USD")
    assert router().recheck("stripe-us", request) is Exclusion.NO_CREDENTIALS


def test_a_gateway_without_an_account_of_its_name_means_all_its_accounts() -> None:
    known = accounts()
    renamed = {"flutterwave": known["flutterwave"]}
    for name in ("stripe-ng", "stripe-eu", "stripe-us"):
        renamed[name] = known["stripe"].model_copy(update={"name": name})
    policy = Policy(default=("flutterwave",))
    asked = Router(renamed, policy, BINS, Addresses())
    assert [account.name for account in asked.chosen("stripe")] == ["stripe-eu", "stripe-ng", "stripe-us"]
    planned = asked.plan(RouteRequest(amount=1000, currency="USD", gateway="stripe"))
    assert [(entry.account, entry.reason) for entry in planned.plan] == [
        ("stripe-eu", "merchant_choice"),
        ("stripe-ng", "merchant_choice"),
        ("stripe-us", "merchant_choice"),
    ]


def test_a_policy_over_accounts_that_do_not_exist_is_refused() -> None:
    with pytest.raises(KeyError):
        Router({"stripe": accounts()["stripe"]}, POLICY, BINS, Addresses())


def test_the_account_s_own_token_comes_before_its_gateway_s() -> None:
    account = accounts()["stripe-eu"]
    method = PaymentMethod(type=MethodType.CARD, tokens={"stripe": "pm_1", "stripe-eu": "pm_2"})
    assert token_for(account, method) == "pm_2"


def test_what_is_made_without_validation_is_what_validation_makes() -> None:
    made = router().plan(RouteRequest(amount=100, currency="NGN", customer=Customer(ip="41.58.0.1")))
    assert made == RoutePlan.model_validate(made.model_dump())
    assert made == RoutePlan.model_validate_json(made.model_dump_json())
    changed = made.model_copy(update={"policy_version": 9})
    assert changed.policy_version == 9 != made.policy_version
    assert changed.country == made.country


def test_what_a_router_remembers_ends_with_it() -> None:
    asked = RouteRequest(
        amount=100, currency="NGN", method=PaymentMethod(bin="539983"), customer=Customer(country="GB")
    )
    first = router(POLICY)
    moved = first.reading(BinTable.of({"539983": "KE"}), Addresses())
    assert [each.plan(asked).country.by_bin for each in (first, moved, first)] == ["NG", "KE", "NG"]
