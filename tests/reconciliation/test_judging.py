"""What a pair of figures comes to."""

import pytest

from domain.attempt import AttemptStatus as Here
from domain.outcome import PaymentStatus as There
from domain.reconciliation import Ours, Theirs, Verdict, judge

PAID = Ours(
    status=Here.CAPTURED,
    payment_id="pay_1",
    amount=500,
    currency="NGN",
    captured=500,
    refunded=0,
    reserved=0,
    young=False,
)
TAKEN = Theirs(
    status=There.CAPTURED, payment_id="pay_1", amount=500, currency="NGN", captured=500, refunded=0
)


def ours(**changes: object) -> Ours:
    return PAID.model_copy(update=changes)


def open_attempt(status: Here, **changes: object) -> Ours:
    return ours(status=status, captured=0, payment_id=None, **changes)


def theirs(**changes: object) -> Theirs:
    return TAKEN.model_copy(update=changes)


def failed(status: There = There.DECLINED, **changes: object) -> Theirs:
    return theirs(status=status, captured=0, **changes)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (PAID, TAKEN),
        (PAID, theirs(refunded=None)),
        (ours(status=Here.REFUNDED, refunded=500), theirs(refunded=500)),
        (ours(refunded=100, reserved=200), theirs(refunded=100)),
        (ours(refunded=100, reserved=200), theirs(refunded=300)),
        (ours(status=Here.AUTHORIZED, captured=0), theirs(status=There.AUTHORIZED, captured=0)),
        (open_attempt(Here.DECLINED), failed()),
        (open_attempt(Here.VOIDED), failed(There.CANCELED)),
        (open_attempt(Here.NOT_FOUND), None),
        (open_attempt(Here.NOT_FOUND), theirs(refunded=500)),
        (open_attempt(Here.REQUIRES_ACTION), failed()),
        (PAID, failed(payment_id="pay_0")),
        (None, failed()),
        (None, theirs(refunded=500)),
    ],
)
def test_agreement(here: Ours | None, there: Theirs | None) -> None:
    assert judge(here, there).verdict is Verdict.MATCH


@pytest.mark.parametrize(
    ("here", "there", "fields"),
    [
        (PAID, theirs(amount=600, captured=600), ("amount", "captured")),
        (PAID, theirs(currency="GHS"), ("currency",)),
        (PAID, theirs(captured=400), ("captured",)),
        (PAID, theirs(refunded=500), ("refunded",)),
        (ours(refunded=100, reserved=100), theirs(refunded=201), ("refunded",)),
        (ours(refunded=100), theirs(refunded=0), ("refunded",)),
        (PAID, theirs(status=There.AUTHORIZED, captured=0), ("captured", "status")),
        (PAID, failed(), ("status",)),
        (open_attempt(Here.UNKNOWN), failed(), ("status",)),
        (open_attempt(Here.UNKNOWN), theirs(amount=600), ("amount",)),
    ],
)
def test_every_difference_is_named(here: Ours, there: Theirs, fields: tuple[str, ...]) -> None:
    judgement = judge(here, there)
    assert (judgement.verdict, judgement.fields) == (Verdict.MISMATCH, fields)


@pytest.mark.parametrize("status", [Here.UNKNOWN, Here.NOT_FOUND, Here.DECLINED, Here.CANCELED])
def test_money_that_we_do_not_have_is_missing_here(status: Here) -> None:
    assert judge(open_attempt(status), TAKEN).verdict is Verdict.MISSING_HERE


def test_money_under_nothing_of_ours_is_missing_here() -> None:
    assert judge(None, TAKEN).verdict is Verdict.MISSING_HERE


def test_our_money_that_they_do_not_know_is_missing_there() -> None:
    assert judge(PAID, None).verdict is Verdict.MISSING_THERE
    assert judge(ours(young=True), None).verdict is Verdict.IN_FLIGHT


def test_money_on_two_payments_is_a_duplicate() -> None:
    assert judge(PAID, theirs(payment_id="pay_2")).verdict is Verdict.DUPLICATE
    given_back = theirs(payment_id="pay_2", refunded=500)
    assert judge(PAID, given_back).verdict is not Verdict.DUPLICATE


@pytest.mark.parametrize("status", [Here.STARTED, Here.UNKNOWN, Here.PENDING, Here.REQUIRES_ACTION])
def test_what_is_young_and_undecided_is_in_flight(status: Here) -> None:
    assert judge(open_attempt(status, young=True), TAKEN).verdict is Verdict.IN_FLIGHT


def test_what_is_settled_is_never_in_flight() -> None:
    assert judge(open_attempt(Here.NOT_FOUND, young=True), TAKEN).verdict is Verdict.MISSING_HERE
