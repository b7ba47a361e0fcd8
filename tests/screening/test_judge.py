"""From signals to a verdict: what each signal weighs, and what no input may do."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.route import Country, CountrySource
from domain.screening import MOST, ListEffect, ListKind, Signal, Verdict
from screening.judge import is_small, judge, without_challenge
from screening.rules import BadScreeningRules, Limit, Rules, load_rules, read_rules
from screening.signals import AtMerchant, Listed, Origin, Seen, Signals

RULES = Rules()
NIGERIA = Country(code="NG", source=CountrySource.BIN, by_bin="NG", by_ip="NG", by_billing="NG")
STRICT = [Verdict.ALLOW, Verdict.CHALLENGE, Verdict.REVIEW, Verdict.BLOCK]


def signals(**changes: Any) -> Signals:
    return Signals(**{"amount": 5_000, "country": NIGERIA, **changes})


def country(by_bin: str | None, by_ip: str | None, by_billing: str | None) -> Country:
    return Country(code=None, source=CountrySource.DEFAULT, by_bin=by_bin, by_ip=by_ip, by_billing=by_billing)


def at(usual: int | None = 5_000, **counts: int) -> AtMerchant:
    return AtMerchant(usual=usual, **counts)


TABLE = [
    ("nothing", signals(), 0, []),
    ("a card too often", signals(card=Seen(tries=6)), 40, ["card_tries"]),
    ("twice too often", signals(card=Seen(tries=12)), 80, ["card_tries"]),
    ("just not too often", signals(card=Seen(tries=5)), 0, []),
    ("an e-mail address too often", signals(email=Seen(tries=8)), 30, ["email_tries"]),
    ("one e-mail address, many cards", signals(email=Seen(cards=4)), 35, ["email_cards"]),
    ("one address, many cards", signals(ip=Seen(cards=6)), 45, ["ip_cards"]),
    ("one address, many declines", signals(ip=Seen(failed=5)), 35, ["ip_declines"]),
    ("a BIN that is declined", signals(bin=Seen(tries=8, failed=6)), 45, ["bin_declines"]),
    ("a BIN that is also declined", signals(bin=Seen(tries=20, failed=6)), 0, []),
    (
        "small amounts on one BIN",
        signals(amount=400, bin=Seen(tries=6, small=6), merchant=at()),
        25,
        ["bin_small"],
    ),
    ("another amount on that BIN", signals(bin=Seen(tries=6, small=6), merchant=at()), 0, []),
    (
        "small amounts declined all over",
        signals(amount=500, merchant=at(small_failed=8)),
        25,
        ["merchant_small_declines"],
    ),
    ("a throw-away mailbox", signals(disposable=True), 25, ["email_disposable"]),
    (
        "many throw-away mailboxes",
        signals(disposable=True, merchant=at(disposable=4)),
        65,
        ["email_disposable", "merchant_disposable"],
    ),
    ("another mailbox among them", signals(merchant=at(disposable=40)), 0, []),
    ("8 times the usual", signals(amount=40_000, merchant=at()), 15, ["amount_unusual"]),
    ("any amount, nothing usual", signals(amount=10**12, merchant=at(usual=None)), 0, []),
    (
        "small, then large",
        signals(amount=40_000, card=Seen(tries=1, probes=1, largest=300), merchant=at()),
        65,
        ["amount_unusual", "probing"],
    ),
    ("small, then usual", signals(card=Seen(tries=1, probes=1, largest=300), merchant=at()), 0, []),
    ("card from elsewhere", signals(country=country("US", "NG", None)), 15, ["bin_ip_country"]),
    ("billed elsewhere", signals(country=country(None, "NG", "GB")), 10, ["ip_billing_country"]),
    (
        "three countries",
        signals(country=country("US", "NG", "GB")),
        45,
        ["bin_ip_country", "bin_billing_country", "ip_billing_country"],
    ),
    (
        "a ring of them",
        signals(country=country("US", "NG", "NG"), merchant=at(mismatch=6)),
        60,
        ["merchant_mismatch", "bin_ip_country", "bin_billing_country"],
    ),
    (
        "a traveller",
        signals(country=country("US", "NG", "US"), merchant=at(mismatch=40)),
        25,
        ["bin_ip_country", "ip_billing_country"],
    ),
    ("Tor", signals(origin=Origin.TOR), 45, ["address_tor"]),
    ("a VPN", signals(origin=Origin.VPN), 10, ["address_vpn"]),
    ("a data centre", signals(origin=Origin.HOSTING), 30, ["address_hosting"]),
    ("a crawler", signals(origin=Origin.BOT), 45, ["address_bot"]),
    ("a private address", signals(origin=Origin.UNROUTABLE), 10, ["address_unroutable"]),
    (
        "everything at once",
        signals(origin=Origin.TOR, disposable=True, card=Seen(tries=60), ip=Seen(cards=60)),
        MOST,
        ["card_tries", "ip_cards", "email_disposable", "address_tor"],
    ),
]


@pytest.mark.parametrize(
    ("case", "expected"), [(row, row[2:]) for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_what_each_signal_weighs(case: tuple[str, Signals, int, list[str]], expected: Any) -> None:
    found = judge(case[1], RULES)
    assert (found.score, [reason.signal for reason in found.reasons]) == expected


@pytest.mark.parametrize(
    ("score", "verdict"),
    [(39, Verdict.ALLOW), (40, Verdict.CHALLENGE), (65, Verdict.REVIEW), (90, Verdict.BLOCK)],
)
def test_the_score_decides(score: int, verdict: Verdict) -> None:
    rules = Rules(card_tries=Limit(limit=1, points=score))
    assert judge(signals(card=Seen(tries=1)), rules).verdict is verdict


def test_a_prompt_on_the_phone_is_a_challenge_already() -> None:
    tor = signals(origin=Origin.TOR)
    assert judge(tor, RULES).verdict is Verdict.CHALLENGE
    assert judge(tor.model_copy(update={"prompt": True}), RULES).verdict is Verdict.ALLOW


def test_a_challenge_that_nobody_can_ask_for_goes_to_a_person() -> None:
    found = without_challenge(judge(signals(origin=Origin.TOR), RULES), RULES)
    assert (found.verdict, found.score) == (Verdict.REVIEW, 45)
    assert found.reasons[-1].signal is Signal.CHALLENGE_UNAVAILABLE


BLOCKED = Listed(effect=ListEffect.BLOCK, kind=ListKind.BIN)
ALLOWED = Listed(effect=ListEffect.ALLOW, kind=ListKind.EMAIL)


@pytest.mark.parametrize(
    ("listed", "verdict", "score"),
    [
        ((BLOCKED,), Verdict.BLOCK, 100),
        ((ALLOWED,), Verdict.ALLOW, 45),
        ((ALLOWED, BLOCKED), Verdict.BLOCK, 100),
    ],
)
def test_lists_beat_the_score(listed: tuple[Listed, ...], verdict: Verdict, score: int) -> None:
    found = judge(signals(origin=Origin.TOR, listed=listed), RULES)
    assert (found.verdict, found.score) == (verdict, score)
    assert found.reasons[0].signal in (Signal.BLOCKED, Signal.ALLOWED)


def test_nothing_is_small_where_nothing_is_usual() -> None:
    assert is_small(500, 5_000, RULES)
    assert not is_small(501, 5_000, RULES)
    assert not is_small(0, None, RULES)


counts = st.integers(0, 200)
codes = st.sampled_from([None, "NG", "US", "GB"])


@st.composite
def seen(draw: st.DrawFn) -> Seen:
    tries = draw(counts)
    few = st.integers(0, tries)
    return Seen(
        tries=tries,
        failed=draw(few),
        small=draw(few),
        cards=draw(few),
        probes=draw(few),
        largest=draw(counts),
    )


@st.composite
def anything(draw: st.DrawFn) -> Signals:
    return Signals(
        amount=draw(st.integers(0, 10**15)),
        prompt=draw(st.booleans()),
        country=country(draw(codes), draw(codes), draw(codes)),
        origin=draw(st.sampled_from(Origin)),
        disposable=draw(st.booleans()),
        card=draw(seen()),
        email=draw(seen()),
        ip=draw(seen()),
        bin=draw(seen()),
        merchant=AtMerchant(
            small_failed=draw(counts),
            disposable=draw(counts),
            mismatch=draw(counts),
            stopped=draw(counts),
            usual=draw(st.none() | st.integers(0, 10**15)),
        ),
    )


@given(anything())
def test_every_input_has_a_score_and_its_reasons(given_signals: Signals) -> None:
    found = judge(given_signals, RULES)
    assert 0 <= found.score <= MOST
    assert found.score == min(sum(reason.points for reason in found.reasons), MOST)
    assert all(reason.points > 0 for reason in found.reasons)


@given(
    anything(),
    st.sampled_from(["card", "email", "ip", "bin"]),
    st.sampled_from(["tries", "failed", "small", "cards", "probes"]),
    st.integers(1, 50),
)
def test_more_of_what_is_bad_never_lowers_the_verdict(
    before: Signals, trait: str, count: str, more: int
) -> None:
    """A BIN's tries alone are no sign: they are what its declines are a share of."""
    if (trait, count) == ("bin", "tries"):
        return
    was: Seen = getattr(before, trait)
    after = before.model_copy(update={trait: was.model_copy(update={count: getattr(was, count) + more})})
    first, second = judge(before, RULES), judge(after, RULES)
    assert second.score >= first.score
    assert STRICT.index(second.verdict) >= STRICT.index(first.verdict)


@given(anything(), st.sampled_from(["small_failed", "disposable", "mismatch"]), st.integers(1, 50))
def test_more_at_the_merchant_never_lowers_it_either(before: Signals, count: str, more: int) -> None:
    was = before.merchant
    merchant = was.model_copy(update={count: getattr(was, count) + more})
    after = before.model_copy(update={"merchant": merchant})
    assert judge(after, RULES).score >= judge(before, RULES).score


def test_a_file_changes_what_it_names(tmp_path: Any) -> None:
    file = tmp_path / "screening.json"
    file.write_text(json.dumps({"thresholds": {"block": 95}, "ip_cards": {"limit": 40, "points": 10}}))
    rules = load_rules(file)
    assert rules.thresholds.block == 95
    assert rules.thresholds.review == RULES.thresholds.review
    assert rules.ip_cards == Limit(limit=40, points=10)
    assert load_rules(None) == RULES


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ('{"ip_card": {"limit": 1, "points": 1}}', "ip_card"),
        ('{"ip_cards": {"limit": 0, "points": 1}}', "ip_cards.limit"),
        ('{"ip_cards": {"limit": "6", "points": 1}}', "ip_cards.limit"),
        ('{"ip_cards": {"limit": 6}}', "ip_cards.points"),
        ('{"thresholds": {"challenge": 80}}', "thresholds"),
        ('{"unchallenged": "maybe"}', "unchallenged"),
        ("[]", "the file"),
        ("{", "the file"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(content: str, where: str) -> None:
    with pytest.raises(BadScreeningRules, match=rf"^rules\.json: {where}: "):
        read_rules(content.encode(), name="rules.json")


def test_a_missing_file_is_refused(tmp_path: Any) -> None:
    with pytest.raises(BadScreeningRules, match="cannot be read"):
        load_rules(tmp_path / "none.json")
