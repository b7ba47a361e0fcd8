"""The oracle's view of money: I1 to I6, I11 to I13. All at quiescence."""

from collections.abc import Iterator

from chaos.evidence import Evidence, Row
from chaos.money import Payment, by_checkout, payments
from chaos.violations import Harm, Violation

_EMPTY = ("declined", "not_sent", "not_found", "canceled", "voided", "refunded")
"""Attempt statuses that say: no money here."""


def judge_money(evidence: Evidence) -> Iterator[Violation]:
    attempts = {row["id"]: row for row in evidence.attempts}
    checkouts = {row["id"]: row for row in evidence.checkouts}
    made = payments(evidence.ledger)
    for payment in made:
        yield from _one_payment(payment, attempts, checkouts)
    grouped = by_checkout(made)
    for checkout in evidence.checkouts:
        yield from _one_checkout(checkout, grouped.get(checkout["id"], []))
    yield from _compensations(evidence, made, attempts, checkouts)


def _one_payment(
    payment: Payment, attempts: dict[str, Row], checkouts: dict[str, Row]
) -> Iterator[Violation]:
    attempt = attempts.get(payment.reference or "")
    if attempt is None or attempt["gateway"] != payment.gateway:
        yield Violation(
            "I3", Harm.ORPHANED, payment.reference or payment.payment_id, f"{payment.gateway} has no attempt"
        )
        return
    checkout = checkouts[attempt["checkout_id"]]
    if payment.refunded > payment.captured:
        what = f"{payment.refunded} given back of {payment.captured}"
        yield Violation("I12", Harm.REFUND, attempt["id"], what)
    if payment.refunds > 1 and payment.refunded + payment.voided > payment.captured + payment.authorized:
        yield Violation("I11", Harm.REFUND, attempt["id"], f"given back {payment.refunds} times")
    if attempt["status"] in _EMPTY and (payment.live > 0 or payment.held):
        what = f"{attempt['status']}, but {payment.gateway} has {payment.live or payment.authorized}"
        yield Violation("I5", Harm.ORPHANED, attempt["id"], what)
    right = payment.currency == checkout["currency"] and (
        payment.captured in (0, checkout["amount"])
        or (checkout["capture_method"] == "manual" and payment.captured <= checkout["amount"])
    )
    # A gateway that takes something else is never believed: then the checkout must not be paid (G12).
    if not right and checkout["status"] == "succeeded" and checkout["paid_attempt_id"] == attempt["id"]:
        what = f"{payment.captured} {payment.currency} instead of {checkout['amount']} {checkout['currency']}"
        yield Violation("I6", Harm.MISMATCH, checkout["id"], what)


def _one_checkout(checkout: Row, made: list[Payment]) -> Iterator[Violation]:
    live = [payment for payment in made if payment.live > 0 or payment.held]
    net = sum(payment.live for payment in made)
    identity, status = checkout["id"], checkout["status"]
    if len(live) > 1:
        where = ", ".join(f"{payment.gateway} {payment.payment_id}" for payment in live)
        yield Violation("I1", Harm.DOUBLED, identity, f"{len(live)} live payments: {where}")
    match status:
        case "succeeded":
            paid = [payment for payment in live if payment.reference == checkout["paid_attempt_id"]]
            if not paid or paid[0].live == 0:
                yield Violation("I4", Harm.PHANTOM, identity, "paid, but no gateway has the money")
            elif len(live) == 1 and net != checkout["amount_captured"] - checkout["amount_refunded"]:
                what = f"the ledger has {net}, the checkout {checkout['amount_captured']}"
                yield Violation("I5", Harm.MISMATCH, identity, what)
        case "failed" | "canceled" | "expired":
            for payment in live:
                what = f"{status}, but {payment.gateway} {payment.payment_id} has the money"
                yield Violation("I13", Harm.ORPHANED, identity, what)
        case "requires_capture":
            if not any(payment.held for payment in made):
                yield Violation("I4", Harm.PHANTOM, identity, "authorized, but no gateway holds the money")


def _compensations(
    evidence: Evidence, made: list[Payment], attempts: dict[str, Row], checkouts: dict[str, Row]
) -> Iterator[Violation]:
    """Money that came late went back once, in full, and somebody was told (I11, I13)."""
    alerted = {row["subject"] for row in evidence.alerts if row["kind"] == "attempt.late_success"}
    for payment in made:
        attempt = attempts.get(payment.reference or "")
        if attempt is None or not payment.captured:
            continue
        checkout = checkouts[attempt["checkout_id"]]
        counted = checkout["paid_attempt_id"] == attempt["id"]
        if counted or checkout["status"] not in ("succeeded", "failed", "canceled", "expired"):
            continue
        if 0 < payment.refunded != payment.captured:
            what = f"{payment.refunded} of {payment.captured} given back"
            yield Violation("I11", Harm.REFUND, attempt["id"], what)
        if attempt["id"] not in alerted:
            yield Violation("I13", Harm.ORPHANED, attempt["id"], "late money without an alert")
    for refund in evidence.refunds:
        attempt = attempts[refund["attempt_id"]]
        if attempt["amount_refunded"] + attempt["amount_reserved"] > attempt["amount_captured"]:
            yield Violation("I12", Harm.REFUND, refund["id"], "more reserved than captured")


def returned(evidence: Evidence) -> tuple[int, int]:
    """Checkouts whose gateways gave late money back (I2, I11): (forced by the fault plan, others)."""
    late = {record.checkout_id for record in evidence.transcript.records if record.scenario.late}
    forced = others = 0
    for checkout_id, made in by_checkout(payments(evidence.ledger)).items():
        if any(payment.captured and payment.live == 0 for payment in made):
            forced += checkout_id in late
            others += checkout_id not in late
    return forced, others
