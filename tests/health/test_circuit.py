"""The state machine of a circuit: a table of its steps, and what holds whatever happens."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.circuit import Circuit, CircuitRules, CircuitState, Sample, sample_of
from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.outcome import (
    ActionRequired,
    Approved,
    Declined,
    GatewayPayment,
    NextAction,
    NextActionType,
    NotSent,
    NotSentCause,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)

RULES = CircuitRules(
    failures=3, share=0.5, window=30, slow_after=10, open_for=10, open_at_most=60, probe_for=20
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def after(*steps: str, rules: CircuitRules = RULES) -> tuple[Circuit, datetime]:
    """Play a story: `bad@3` and `good@3` are calls sent and answered at second 3, `late bad@9<2` one that was
    sent at 2, `probe@13` claims a probe where one is due."""
    circuit, now = Circuit(), START
    for step in steps:
        what, _, when = step.partition("@")
        answered, _, sent = when.partition("<")
        now = at(float(answered))
        if what == "probe":
            assert circuit.may_probe(now, rules), step
            circuit = circuit.probing(now)
        else:
            sample = Sample(what.endswith("good"), at(float(sent or answered)), what)
            circuit = circuit.counted([sample], now, rules)
    return circuit, now


OPENED = ("bad@0", "bad@1", "bad@2")


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ((), "closed"),
        (("bad@0", "bad@1"), "closed"),
        (OPENED, "open"),
        (("bad@0", "bad@3000", "bad@6000"), "open"),  # nothing in between has worked
        (("bad@0", "good@1", "bad@2", "good@3", "bad@4"), "open"),  # three of five
        (("bad@0", "good@1", "good@1", "bad@2", "good@3", "good@3", "bad@4"), "closed"),  # three of seven
        (("bad@0", "good@40", "bad@80", "good@120", "bad@160"), "closed"),  # long ago is forgotten
        ((*OPENED, "bad@3"), "open"),
        ((*OPENED, "late good@3<1"), "open"),  # sent before it opened: it knew no better
        ((*OPENED, "good@3"), "closed"),  # sent since: a last resort that worked
        ((*OPENED, "probe@12"), "half_open"),
        ((*OPENED, "probe@12", "good@13"), "closed"),
        ((*OPENED, "probe@12", "bad@13"), "open"),
        ((*OPENED, "probe@12", "late bad@13<1"), "half_open"),  # a time-out of the outage itself
        ((*OPENED, "probe@12", "good@13", "late bad@14<1", "late bad@14<1", "late bad@14<1"), "closed"),
        ((*OPENED, "probe@12", "probe@32"), "half_open"),  # the first probe never told
        ((*OPENED, "probe@12", "good@13", "bad@14", "bad@15", "bad@16"), "open"),
    ],
)
def test_the_steps(steps: tuple[str, ...], state: str) -> None:
    circuit, _ = after(*steps)
    assert circuit.state == state


def test_a_probe_is_due_when_the_time_is_over_and_only_one_at_a_time() -> None:
    opened, _ = after(*OPENED)
    assert [opened.may_probe(at(t), RULES) for t in (2, 11.9, 12)] == [False, False, True]
    assert opened.shown(at(12)) is CircuitState.HALF_OPEN
    probing = opened.probing(at(12))
    assert [probing.may_probe(at(t), RULES) for t in (12, 31.9, 32)] == [False, False, True]


def test_every_opening_soon_after_lasts_twice_as_long_up_to_the_most() -> None:
    circuit, _ = after(*OPENED)
    pauses = []
    for _ in range(5):
        assert circuit.retry_at is not None
        assert circuit.opened_at is not None
        pauses.append((circuit.retry_at - circuit.opened_at).total_seconds())
        now = circuit.retry_at
        circuit = circuit.probing(now).counted([Sample(False, now)], now, RULES)
    assert pauses == [10, 20, 40, 60, 60]


def test_closed_for_long_enough_it_begins_anew() -> None:
    story = (*OPENED, "probe@12", "bad@12", "probe@32", "good@32")
    for first, pause in ((33, 40), (93, 10)):
        circuit, _ = after(*story, *(f"bad@{first + n}" for n in range(3)))
        assert circuit.retry_at is not None
        assert circuit.opened_at is not None
        assert (circuit.retry_at - circuit.opened_at).total_seconds() == pause


def test_where_nothing_has_failed_lately_successes_need_not_be_counted() -> None:
    failing, _ = after("bad@0")
    assert Circuit().clean(at(0), RULES)
    assert not failing.clean(at(500), RULES)  # nothing has worked since
    healed, _ = after("bad@0", "good@1")
    assert [healed.clean(at(t), RULES) for t in (1, 100)] == [False, True]


HELD_BACK = NotSentCause.HELD_BACK
PAYMENT = GatewayPayment(
    payment_id="p", reference="r", status=PaymentStatus.CAPTURED, amount=1, currency="NGN"
)


def declined(category: DeclineCategory, code: DeclineCode) -> Declined:
    return Declined(decline=Decline(category=category, code=code, message="-"))


@pytest.mark.parametrize(
    ("outcome", "seconds", "good"),
    [
        (Approved(payment=PAYMENT), 1, True),
        (Approved(payment=PAYMENT), 11, False),  # too slow
        (ActionRequired(next_action=NextAction(type=NextActionType.REDIRECT)), 1, True),
        (Pending(detail="-"), 1, True),
        (declined(DeclineCategory.HARD, DeclineCode.DO_NOT_HONOR), 1, True),
        (declined(DeclineCategory.CUSTOMER, DeclineCode.INVALID_CVC), 1, True),
        (declined(DeclineCategory.SOFT, DeclineCode.ISSUER_UNAVAILABLE), 1, True),
        (declined(DeclineCategory.SOFT, DeclineCode.GATEWAY_UNAVAILABLE), 1, False),
        (declined(DeclineCategory.CONFIGURATION, DeclineCode.MERCHANT_CONFIGURATION), 1, None),
        (NotSent(cause=HELD_BACK, detail="-"), 1, None),  # by our own limit
        *((NotSent(cause=each, detail="-"), 1, False) for each in NotSentCause if each is not HELD_BACK),
        (Unknown(detail="status 503"), 1, False),
    ],
)
def test_what_an_answer_says(outcome: Outcome, seconds: float, good: bool | None) -> None:
    sample = sample_of(outcome, began=START, seconds=seconds, slow_after=10)
    assert (None if sample is None else sample.good) is good


steps = st.lists(
    st.tuples(st.floats(0, 40), st.sampled_from(("good", "bad", "probe")), st.floats(0, 30)), max_size=60
)


@given(steps)
def test_it_never_gets_stuck_and_never_opens_on_success(story: list[tuple[float, str, float]]) -> None:
    circuit, now = Circuit(), START
    for passed, what, earlier in story:
        now += timedelta(seconds=passed)
        before = circuit
        if what == "probe":
            if not circuit.may_probe(now, RULES):
                continue
            circuit = circuit.probing(now)
        else:
            sample = Sample(what == "good", now - timedelta(seconds=earlier))
            circuit = circuit.counted([sample], now, RULES)
            if what == "good" and circuit.state is not before.state:
                assert circuit.state is CircuitState.CLOSED
            if what == "bad" and circuit.state is not before.state:
                assert circuit.state is CircuitState.OPEN
        if circuit.state is CircuitState.CLOSED:
            assert circuit.streak < RULES.failures
        else:
            # Whatever happens, within the longest pause and a probe's time somebody may try.
            wait = timedelta(seconds=RULES.open_at_most + RULES.probe_for)
            assert circuit.may_probe(now + wait, RULES)
            assert circuit.probing(now + wait).counted(
                [Sample(True, now + wait)], now + wait, RULES
            ).state is (CircuitState.CLOSED)
