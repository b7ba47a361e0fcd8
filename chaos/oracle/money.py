"""The oracle's view of money: I1 to I6, I11 to I13. All at quiescence."""

from collections.abc import Iterator

from chaos.evidence import Evidence, Row
from chaos.oracle.payments import Payment, by_checkout, payments
from chaos.oracle.violations import Harm, Violation

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
    identity, status = checkout["id"], checkout["status"]
    if len(live) > 1:
        where = ", ".join(f"{payment.gateway} {payment.payment_id}" for payment in live)
        yield Violation("I1", Harm.DOUBLED, identity, f"{len(live)} live payments: {where}")
    match status:
        case "succeeded":
            taken = [payment for payment in made if payment.reference == checkout["paid_attempt_id"]]
            have = sum(payment.live for payment in taken)
            due = checkout["amount_captured"] - checkout["amount_refunded"]
            if have <= 0 and (due > 0 or not any(payment.captured for payment in taken)):
                yield Violation("I4", Harm.PHANTOM, identity, "paid, but no gateway has the money")
            elif len(live) <= 1 and have != due:
                what = f"the ledger has {have}, the checkout {due}"
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


def returned(evidence: Evidence) -> tuple[int, int]:
    """Checkouts whose gateways gave late money back (I2, I11): (forced by the fault plan, others)."""
    late = {record.checkout_id for record in evidence.transcript.records if record.scenario.late}
    counted = {row["paid_attempt_id"] for row in evidence.checkouts}
    forced = others = 0
    for checkout_id, made in by_checkout(payments(evidence.ledger)).items():
        if any(each.captured and each.live == 0 and each.reference not in counted for each in made):
            forced += checkout_id in late
            others += checkout_id not in late
    return forced, others
