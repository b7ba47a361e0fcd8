"""The index finds the same rule as reading all of them in order."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.checkout import Customer, MethodType, PaymentMethod
from domain.route import CountrySource
from routing.card_network import CardNetwork, network_of
from routing.country import conclude
from routing.policy import AmountRange, Condition, MetadataCondition, Rule, Then, When
from routing.policy_index import RuleIndex
from routing.policy_terms import Facts, covers, impossible, rule_terms, terms_of
from routing.request import RouteRequest

COUNTRIES = ("NG", "UG", "GB")
CURRENCIES = ("NGN", "USD", "JPY")
BINS = ("4", "42", "424242", "42424200", "5", "539983", "53998312")
KEYS = ("channel", "shop")
VALUES = ("web", "app", "")

amounts = st.integers(0, 30)
conditions = st.one_of(
    st.builds(Condition, country=st.lists(st.sampled_from(COUNTRIES), min_size=1).map(tuple)),
    st.builds(Condition, issuer_country=st.lists(st.sampled_from(COUNTRIES), min_size=1).map(tuple)),
    st.builds(Condition, currency=st.lists(st.sampled_from(CURRENCIES), min_size=1).map(tuple)),
    st.builds(
        Condition,
        amount=st.dictionaries(
            st.sampled_from(CURRENCIES), st.builds(AmountRange, min=amounts, max=amounts), min_size=1
        ),
    ),
    st.builds(Condition, bin=st.lists(st.sampled_from(BINS), min_size=1, max_size=3).map(tuple)),
    st.builds(Condition, network=st.lists(st.sampled_from(CardNetwork), min_size=1, max_size=3).map(tuple)),
    st.builds(Condition, method=st.lists(st.sampled_from(MethodType), min_size=1).map(tuple)),
    st.builds(Condition, merchant=st.lists(st.sampled_from(("mer_a", "mer_b")), min_size=1).map(tuple)),
    st.builds(
        Condition,
        metadata=st.builds(
            MetadataCondition,
            key=st.sampled_from(KEYS),
            values=st.lists(st.sampled_from(VALUES), max_size=2).map(tuple),
        ),
    ),
)
whens = st.builds(
    When, all=st.lists(conditions, max_size=3).map(tuple), any=st.lists(conditions, max_size=3).map(tuple)
)
rules = st.lists(
    st.builds(
        Rule,
        name=st.just("rule"),
        enabled=st.sampled_from((True, True, True, False)),
        when=whens,
        then=st.just(Then(block=True)),
    ),
    max_size=8,
)


@st.composite
def checkouts(draw: st.DrawFn) -> Facts:
    places = st.none() | st.sampled_from(COUNTRIES)
    card_bin = draw(st.none() | st.sampled_from(("424242", "42424200", "539983", "53998312", "539983xx")))
    request = RouteRequest(
        amount=draw(amounts),
        currency=draw(st.sampled_from(CURRENCIES)),
        method=PaymentMethod(type=draw(st.sampled_from(MethodType)), bin=card_bin),
        customer=Customer(),
        merchant=draw(st.none() | st.sampled_from(("mer_a", "mer_c"))),
        metadata=draw(st.dictionaries(st.sampled_from((*KEYS, "other")), st.sampled_from(VALUES))),
    )
    country = conclude(
        draw(places), draw(places), draw(places), (CountrySource.IP, CountrySource.BIN, CountrySource.BILLING)
    )
    return Facts(request, country, network_of(card_bin), None)


def holds(condition: Condition, facts: Facts) -> bool:
    """Read as a person would read it."""
    request = facts.request
    if condition.amount is not None:
        limits = condition.amount.get(request.currency)
        return limits is not None and limits.min <= request.amount <= limits.max
    if condition.bin is not None:
        return any((request.method.bin or "").startswith(prefix) for prefix in condition.bin)
    if condition.metadata is not None:
        told = request.metadata.get(condition.metadata.key)
        return told is not None and (not condition.metadata.values or told in condition.metadata.values)
    for allowed, value in (
        (condition.country, facts.country.code),
        (condition.issuer_country, facts.country.by_bin),
        (condition.currency, request.currency),
        (condition.network, facts.network),
        (condition.method, request.method.type),
        (condition.merchant, request.merchant),
    ):
        if allowed is not None:
            return value in allowed
    raise AssertionError("an empty condition")


def matches(rule: Rule, facts: Facts) -> bool:
    return (
        rule.enabled
        and all(holds(each, facts) for each in rule.when.all)
        and (not rule.when.any or any(holds(each, facts) for each in rule.when.any))
    )


def first(found: Sequence[Rule], facts: Facts) -> int | None:
    return next((number for number, rule in enumerate(found) if matches(rule, facts)), None)


@settings(max_examples=250)
@given(rules, checkouts())
def test_the_index_finds_the_first_rule_that_matches(found: list[Rule], facts: Facts) -> None:
    assert RuleIndex(found).first(facts) == first(found, facts)


@settings(max_examples=150)
@given(whens, whens, checkouts())
def test_what_is_called_impossible_or_covered_is(one: When, other: When, facts: Facts) -> None:
    wide, narrow = (Rule(name="a", when=When(all=each.all), then=Then(block=True)) for each in (one, other))
    if impossible(rule_terms(narrow)):
        assert not matches(narrow, facts)
    if covers(rule_terms(wide), rule_terms(narrow)) and matches(narrow, facts):
        assert matches(wide, facts)


def test_a_condition_that_stands_twice_is_the_overlap() -> None:
    both = terms_of((Condition(bin=("53", "4")), Condition(bin=("5399", "42"))))
    assert both.bins == frozenset({"5399", "42"})
    assert impossible(terms_of((Condition(country=("NG",)), Condition(country=("UG",))))) == "country"
