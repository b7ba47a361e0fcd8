"""Everything that is wrong with a policy is told at once, each with its place and what was meant."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.policy_validation import validate
from tests.routing.policy import accounts

ACCOUNTS = accounts()
GOOD: dict[str, Any] = {"default": ["stripe", "flutterwave"]}


def rule(name: str, *conditions: Any, either: list[Any] | None = None, **then: Any) -> dict[str, Any]:
    when: dict[str, Any] = {"all": list(conditions)} | ({"any": either} if either else {})
    return {"name": name, "when": when, "then": then or {"accounts": ["stripe"]}}


def errors(document: object) -> list[tuple[str, str]]:
    return [(each.path, each.code) for each in validate(document, ACCOUNTS).errors]


def warnings(document: object) -> list[tuple[str, str]]:
    return [(each.path, each.code) for each in validate(document, ACCOUNTS).warnings]


NG, UG, USD = {"country": ["NG"]}, {"country": ["UG"]}, {"currency": ["USD"]}


@pytest.mark.parametrize(
    ("change", "path", "code", "suggestion"),
    [
        ({"default": []}, "/default", "too_short", None),
        ({"default": ["strpe"]}, "/default/0", "unknown_account", "stripe"),
        ({"default": ["stripe", "stripe"]}, "/default/1", "repeated", None),
        ({"default": 7}, "/default", "wrong_type", None),
        ({"countries": {"UK": ["stripe"]}}, "/countries/UK", "unknown_country", "GB"),
        ({"countries": {"ng": ["stripe"]}}, "/countries/ng", "wrong_form", None),
        ({"countries": {"NG": ["flutterwav"]}}, "/countries/NG/0", "unknown_account", "flutterwave"),
        ({"overrides": {"UG": {}}}, "/overrides/UG", "names_nobody", None),
        ({"overrides": {"UG": {"accounts": "x"}}}, "/overrides/UG/accounts/0", "unknown_account", None),
        ({"overrides": {"UG": {"enabled": "yes"}}}, "/overrides/UG/enabled", "wrong_type", None),
        ({"override_default": ["x"]}, "/override_default/0", "unknown_account", None),
        ({"operator_choice": ["x"]}, "/operator_choice/0", "unknown_account", None),
        ({"country_sources": ["bin", "bin"]}, "/country_sources", "repeated", None),
        ({"country_sources": ["moon"]}, "/country_sources/0", "not_allowed", None),
        ({"country_sources": ["default"]}, "/country_sources", "not_allowed", None),
        (
            {"bin_overrides": {"4242": {"country": "ZZ"}}},
            "/bin_overrides/4242/country",
            "unknown_country",
            None,
        ),
        ({"bin_overrides": {"424242424": {"country": "NG"}}}, "/bin_overrides/424242424", "wrong_form", None),
        ({"objective": "luck"}, "/objective", "not_allowed", None),
        ({"thresholds": {"circuit_failures": 0}}, "/thresholds/circuit_failures", "too_small", None),
        ({"contries": {}}, "/contries", "unknown_key", "countries"),
        ({"rules": [rule("a") | {"thn": {}}]}, "/rules/0/thn", "unknown_key", "then"),
        ({"rules": [rule("A")]}, "/rules/0/name", "wrong_form", None),
        ({"rules": [rule("a", NG), rule("a", UG)]}, "/rules/1/name", "repeated", None),
        ({"rules": [rule("a", {})]}, "/rules/0/when/all/0", "one_condition", None),
        ({"rules": [rule("a", {**NG, **USD})]}, "/rules/0/when/all/0", "one_condition", None),
        (
            {"rules": [rule("a", {"currency": ["UDS"]})]},
            "/rules/0/when/all/0/currency/0",
            "unknown_currency",
            "USD",
        ),
        (
            {"rules": [rule("a", {"amount": {"ABC": {}}})]},
            "/rules/0/when/all/0/amount/ABC",
            "unknown_currency",
            None,
        ),
        (
            {"rules": [rule("a", {"country": ["EU"]})]},
            "/rules/0/when/all/0/country/0",
            "unknown_country",
            None,
        ),
        ({"rules": [rule("a", NG, UG)]}, "/rules/0/when/all", "contradiction", None),
        ({"rules": [rule("a", {"bin": ["4"]}, {"bin": ["5"]})]}, "/rules/0/when/all", "contradiction", None),
        ({"rules": [rule("a", USD, {"amount": {"NGN": {}}})]}, "/rules/0/when/all", "contradiction", None),
        ({"rules": [rule("a", NG, either=[UG, UG])]}, "/rules/0/when/any", "contradiction", None),
        ({"rules": [rule("a", accounts=["strip"])]}, "/rules/0/then/accounts/0", "unknown_account", "stripe"),
        ({"rules": [{"name": "a", "then": {}}]}, "/rules/0/then", "one_action", None),
        ({"rules": [rule("a", accounts=["stripe"], block=True)]}, "/rules/0/then", "one_action", None),
        (
            {"rules": [rule("a", split=[{"percent": 60, "accounts": ["stripe"]}] * 2)]},
            "/rules/0/then/split",
            "percentages",
            None,
        ),
        (
            {"rules": [rule("a", split=[{"percent": 100, "accounts": ["stripe"]}])]},
            "/rules/0/then/split",
            "too_short",
            None,
        ),
        ({"rules": [rule("a"), rule("b", NG)]}, "/rules/1", "unreachable", None),
        (
            {"rules": [rule("a", {"country": ["NG", "UG"]}), rule("b", NG, USD)]},
            "/rules/1",
            "unreachable",
            None,
        ),
        (
            {"rules": [rule("a", {"bin": ["42"]}), rule("b", {"bin": ["4242"]})]},
            "/rules/1",
            "unreachable",
            None,
        ),
        ({"rules": [rule("a", either=[NG, UG]), rule("b", NG)]}, "/rules/1", "unreachable", None),
        (
            {"rules": [rule("a", USD), rule("b", {"amount": {"USD": {"min": 5}}})]},
            "/rules/1",
            "unreachable",
            None,
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    change: dict[str, Any], path: str, code: str, suggestion: str | None
) -> None:
    verdict = validate(GOOD | change, ACCOUNTS)
    assert verdict.policy is None
    assert [(each.path, each.code, each.suggestion) for each in verdict.errors] == [(path, code, suggestion)]


@pytest.mark.parametrize(
    "rules",
    [
        [rule("a", NG), rule("b")],
        [rule("a", NG, USD), rule("b", NG)],
        [rule("a", {"bin": ["4242"]}), rule("b", {"bin": ["42"]})],
        [rule("a", NG, either=[USD]), rule("b", NG)],
        [rule("a") | {"enabled": False}, rule("b", NG)],
        [rule("a", {"amount": {"USD": {"max": 5}}}), rule("b", USD)],
        [rule("a", {"metadata": {"key": "k", "values": ["x"]}}), rule("b", {"metadata": {"key": "k"}})],
    ],
)
def test_rules_that_can_be_reached_are_taken(rules: list[Any]) -> None:
    assert errors(GOOD | {"rules": rules}) == []


def test_all_problems_are_told_at_once_with_the_numbers_of_the_document() -> None:
    document = {
        "countries": {"UK": "stripe", "NG": ["strpe"]},
        "rule": [],
        "rules": [
            {"name": "broken", "then": 7},
            rule("a", NG, UG),
            rule("b", accounts=["stripee"]),
            rule("c", USD),
        ],
    }
    assert sorted(errors(document)) == [
        ("/countries/NG/0", "unknown_account"),
        ("/countries/UK", "unknown_country"),
        ("/default", "missing"),
        ("/rule", "unknown_key"),
        ("/rules/0/then", "wrong_type"),
        ("/rules/1/when/all", "contradiction"),
        ("/rules/2/then/accounts/0", "unknown_account"),
        ("/rules/3", "unreachable"),
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"countries": {"GH": "stripe"}}, [("/countries/GH", "currency_unsupported")]),
        ({"countries": {"GH": ["stripe", "flutterwave"]}}, []),
        ({"countries": {"HT": "stripe"}}, []),
        ({"countries": {"CI": "stripe"}}, [("/countries/CI", "currency_unsupported")]),
        ({"countries": {"KP": "stripe"}}, [("/countries/KP", "currency_unsupported")]),
        ({"countries": {"AQ": "stripe"}}, []),
        ({"overrides": {"GH": {"accounts": "stripe"}}}, [("/overrides/GH", "currency_unsupported")]),
        ({"overrides": {"GH": {"accounts": "stripe", "enabled": False}}}, []),
        ({"operator_choice": "stripe"}, [("/operator_choice", "emergency_switch")]),
        (
            {"overrides": {"NG": {"accounts": "stripe"}}, "rules": [rule("a", NG)]},
            [("/rules/0", "overridden")],
        ),
        ({"rules": [rule("a", block=True, only=True)]}, [("/rules/0/then/only", "without_effect")]),
    ],
)
def test_what_may_not_be_meant_is_told_and_does_not_stop_it(
    change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert warnings(GOOD | change) == expected
    assert validate(GOOD | change, ACCOUNTS).policy is not None


def test_an_account_without_credentials_is_told() -> None:
    verdict = validate({"default": "stripe"}, accounts(without=frozenset({"stripe"})))
    assert [(each.path, each.code) for each in verdict.warnings] == [("/default", "no_credentials")]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.sampled_from(("stripe", "NG", "USD")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "default",
                    "countries",
                    "rules",
                    "overrides",
                    "NG",
                    "when",
                    "then",
                    "all",
                    "any",
                    "name",
                    "split",
                )
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200)
@given(anything)
def test_no_document_crashes_it(document: object) -> None:
    verdict = validate(document, ACCOUNTS)
    assert (verdict.policy is None) == bool(verdict.errors)
    assert all(each.path == "" or each.path.startswith("/") for each in verdict.findings)
