"""Ordering by what became of earlier attempts, and by what is expected to be left of the money."""

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.blame import BY_CODE
from domain.checkout import MethodType, PaymentMethod
from domain.decline import DeclineCode
from domain.money import MAX_AMOUNT
from domain.route import KnownScores
from routing import ordering
from routing.fees import BadFees, FeeTable, load_fees, read_fees
from routing.ordering import Ranked
from routing.policy import Objective
from routing.request import RouteRequest
from routing.scores import ScoreRules, Scores, Tally, groups_of

CARD = RouteRequest(amount=10_000, currency="NGN", method=PaymentMethod(type=MethodType.CARD, bin="539983"))
GROUPS = ("", "card", "card/NGN", "card/NGN/NG", "card/NGN/NG/mastercard")
STILL = ScoreRules(exploration=0)


def scores(
    *, rules: ScoreRules = STILL, fees: str = "{}", **tallies: dict[str, tuple[float, float]]
) -> Scores:
    return Scores(
        version=7,
        tallies={(a.replace("_", "-"), g): Tally(*t) for a, of in tallies.items() for g, t in of.items()},
        rules=rules,
        fees=read_fees(fees.encode(), ("a", "b", "c"), name="fees.json"),
    )


def everywhere(good: float, bad: float) -> dict[str, tuple[float, float]]:
    return dict.fromkeys(GROUPS, (good, bad))


def order(
    scores: Scores, *accounts: str, checkout: str = "co_1", objective: Objective = Objective.SUCCESS_RATE
) -> tuple[Ranked, ...]:
    request = CARD.model_copy(update={"checkout_id": checkout})
    known = scores.known(request, "NG", dict.fromkeys(accounts, MethodType.CARD))
    recorded = KnownScores.model_validate_json(known.model_dump_json())
    made = ordering.order(recorded, accounts, request, objective)
    assert made == ordering.order(known, accounts, request, objective)
    return made


def test_the_groups_of_a_checkout() -> None:
    assert groups_of(CARD, "NG") == GROUPS
    unknown = CARD.model_copy(update={"method": PaymentMethod(type=MethodType.HOSTED)})
    assert groups_of(unknown, None)[-1] == "hosted/NGN/-/-"


def test_the_better_one_is_first_and_equals_stay_in_their_order() -> None:
    known = scores(a=everywhere(40, 60), b=everywhere(90, 10))
    assert [each.account for each in order(known, "a", "b")] == ["b", "a"]
    best = order(known, "a", "b")[0]
    assert (round(best.score, 4), best.explored) == (0.9, False)
    assert best.detail == "90.0% expected, 100 recent attempts of card/NGN/NG/mastercard"
    assert [each.account for each in order(scores(), "b", "a", "c")] == ["b", "a", "c"]


def test_a_thin_group_leans_on_the_next_coarser_one() -> None:
    known = scores(a={"": (900, 100), "card": (900, 100), "card/NGN": (0, 2)}, b={"": (10, 10)})
    first, second = order(known, "a", "b")
    # Two failures in NGN weigh little beside a thousand cards; `card` is the finest with enough.
    assert first.account == "a"
    assert first.detail.endswith("expected, 1000 recent attempts of card")
    assert 0.7 < first.score < 0.8
    assert second.account == "b"
    assert second.detail.endswith("expected, 20 recent attempts")


def test_who_explores_is_decided_by_version_and_checkout_alone() -> None:
    known = scores(
        rules=ScoreRules(exploration=0.1), a=everywhere(90, 10), b=everywhere(9, 1), c=everywhere(5, 5)
    )
    decisions = {f"co_{n}": order(known, "a", "b", "c", checkout=f"co_{n}") for n in range(3000)}
    first = Counter(each[0].account for each in decisions.values())
    assert 0.07 < (first["b"] + first["c"]) / 3000 < 0.13
    assert 0.7 < first["b"] / first["c"] < 1.4
    for checkout, made in decisions.items():
        assert made == order(known, "a", "b", "c", checkout=checkout)
        assert made[0].explored is (made[0].account != "a")
        assert {each.account for each in made} == {"a", "b", "c"}


def test_what_is_remembered_of_one_kind_of_checkout_is_told_of_no_other() -> None:
    of_a: dict[str, tuple[float, float]] = {"hosted": (1, 99), "card/NGN/GH": (50, 50)}
    asked_before = scores(fees=FEES, a=everywhere(90, 10) | of_a, b={"": (30, 70), "card": (40, 60)})
    cards, pages = MethodType.CARD, MethodType.HOSTED
    for _ in range(2):  # the second time everything is remembered
        for card, country, currency, methods, amount in product(
            ("539983", "424242", None),
            ("NG", "GH", "FR", None),
            ("NGN", "USD"),
            (
                {"a": cards, "b": cards},
                {"b": cards, "a": cards},
                {"a": pages, "b": cards},
                {"a": cards, "c": pages},
            ),
            (10_000, 500_000),
        ):
            method = PaymentMethod(type=cards, bin=card)
            request = CARD.model_copy(update={"currency": currency, "method": method, "amount": amount})
            known = asked_before.known(request, country, methods)
            assert known == replace(asked_before).known(request, country, methods)
            assert list(known.accounts) == list(methods)
            for account, score in known.accounts.items():
                groups = groups_of(request, country, methods[account])
                rate, samples, group = asked_before.expected(account, groups)
                assert score[:3] == (round(rate, 6), round(samples, 1), group)
                assert score.fee == asked_before.fees.of(account, request, methods[account], country)


def test_before_the_first_count_only_fees_are_known() -> None:
    fees = read_fees(FEES.encode(), ("a", "b"), name="fees.json")
    assert (Scores().empty, Scores(fees=fees).empty, scores().empty) == (True, False, False)
    known = Scores(fees=fees).known(CARD, "NG", dict.fromkeys(("a", "c"), MethodType.CARD))
    assert known.accounts == {"a": (0.8, 0.0, "", 140), "c": (0.8, 0.0, "", None)}


FEES = json.dumps(
    {
        "a": {
            "home": "NG",
            "source": "an example",
            "fees": [
                {"currency": "NGN", "origin": "domestic", "percent": "1.4", "at_most": 2000},
                {"currency": "NGN", "percent": "3.8"},
            ],
        },
        "b": {
            "home": "US",
            "source": "an example",
            "fees": [{"currency": "NGN", "percent": "2.9", "fixed": 30}],
        },
    }
)


@pytest.mark.parametrize(
    ("account", "amount", "currency", "issuer", "fee"),
    [
        ("a", 10_000, "NGN", "NG", 140),
        ("a", 1_000_000, "NGN", "NG", 2000),
        ("a", 10_000, "NGN", "GB", 380),
        ("a", 10_000, "NGN", None, 380),
        ("b", 10_000, "NGN", "NG", 320),
        ("b", 50, "NGN", "NG", 31),  # 1.45 rounds to 1
        ("a", 10_000, "USD", "NG", None),
        ("c", 10_000, "NGN", "NG", None),
    ],
)
def test_a_fee(account: str, amount: int, currency: str, issuer: str | None, fee: int | None) -> None:
    table = read_fees(FEES.encode(), ("a", "b"), name="fees.json")
    assert table.fee(account, amount, currency, MethodType.CARD, issuer) == fee


def test_cost_weighs_the_fee_against_the_success_rate() -> None:
    cheap = scores(fees=FEES, a=everywhere(88, 12), b=everywhere(89, 11))
    assert [each.account for each in order(cheap, "b", "a", objective=Objective.COST)] == ["a", "b"]
    assert "fee 140" in order(cheap, "b", "a", objective=Objective.COST)[0].detail
    failing = scores(fees=FEES, a=everywhere(60, 40), b=everywhere(89, 11))
    assert [each.account for each in order(failing, "a", "b", objective=Objective.COST)] == ["b", "a"]
    # Nothing known of a fee is not the same as no fee.
    unknown = scores(fees=FEES, a=everywhere(88, 12), c=everywhere(88, 12))
    ranked = order(unknown, "c", "a", objective=Objective.COST)
    assert [each.account for each in ranked] == ["c", "a"]  # the dearest known fee is that of `a` itself
    assert "fee not known" in ranked[0].detail


@given(
    st.integers(0, MAX_AMOUNT),
    st.decimals(0, 100, places=3),
    st.integers(0, 10**6),
    st.none() | st.integers(0, 10**6),
)
def test_a_fee_is_a_whole_number_never_off_by_more_than_half(
    amount: int, percent: Decimal, fixed: int, most: int | None
) -> None:
    entry: dict[str, object] = {"currency": "NGN", "percent": str(percent), "fixed": fixed}
    entry |= {} if most is None else {"at_most": most}
    table = read_fees(
        json.dumps({"a": {"home": "NG", "source": "-", "fees": [entry]}}).encode(), ("a",), name="f"
    )
    fee = table.fee("a", amount, "NGN", MethodType.CARD, "NG")
    assert isinstance(fee, int)
    exact = percent * amount / 100 + fixed
    exact = exact if most is None else min(exact, Decimal(most))
    assert abs(fee - exact) <= Decimal("0.5")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[", "is not JSON"),
        ("[]", "the file: Input should be a valid dictionary"),
        (
            '{"x": {"home": "NG", "source": "-", "fees": [{"percent": "1"}]}}',
            "x: is not a configured account",
        ),
        ('{"a": {"home": "XX", "source": "-", "fees": [{"percent": "1"}]}}', "a.home: unknown country"),
        ('{"a": {"home": "NG", "fees": [{"percent": "1"}]}}', "a.source: Field required"),
        ('{"a": {"home": "NG", "source": "-", "fees": []}}', "a.fees: "),
        ('{"a": {"home": "NG", "source": "-", "fees": [{"percent": 1.4}]}}', "percent must be a text"),
        ('{"a": {"home": "NG", "source": "-", "fees": [{"percent": "1", "fixed": 3}]}}', "need a currency"),
        ('{"a": {"home": "NG", "source": "-", "fees": [{"percent": "NaN"}]}}', "a.fees[0].percent"),
        ('{"a": {"home": "NG", "source": "-", "fees": [{"percent": "1", "flat": 3}]}}', "a.fees[0].flat"),
    ],
)
def test_a_wrong_table_is_refused_and_says_where(content: str, problem: str) -> None:
    with pytest.raises(BadFees, match=r"fees\.json: ") as refused:
        read_fees(content.encode(), ("a",), name="fees.json")
    assert problem in str(refused.value)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFees, match="cannot be read"):
        load_fees(tmp_path / "fees.json", ())


def test_nothing_is_known_of_an_empty_table() -> None:
    assert FeeTable().fee("a", 1, "NGN", MethodType.CARD, None) is None


def test_every_decline_is_somebodys_fault() -> None:
    assert BY_CODE.keys() == set(DeclineCode)
