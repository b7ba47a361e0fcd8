"""The oracle's view of refunds that merchants asked for: I12, I16, I17; accepted is done."""

from collections import Counter
from collections.abc import Iterator

from chaos.evidence import Evidence
from chaos.oracle.payments import payments
from chaos.oracle.violations import Harm, Violation


def judge_refunds(evidence: Evidence) -> Iterator[Violation]:
    yield from _accepted(evidence)
    yield from _bounded(evidence)
    yield from _agreed(evidence)


def _accepted(evidence: Evidence) -> Iterator[Violation]:
    """Accepted is kept, under one id per key, and carried out: no fault of a campaign is a reason to fail."""
    rows = {row["id"]: row for row in evidence.refunds}
    owner: dict[str, str] = {}
    for record in evidence.transcript.records:
        for answer in record.refunds:
            if answer.refund_id is None:
                continue
            if owner.setdefault(answer.key, answer.refund_id) != answer.refund_id:
                yield Violation("I17", Harm.KEY, answer.key, "two refunds under one key")
            row = rows.get(answer.refund_id)
            if row is None:
                yield Violation("I16", Harm.REFUND, answer.refund_id, "accepted, and there is no row")
            elif row["status"] != "succeeded":
                what = f"accepted, and {row['status']} at the end: {row['detail']}"
                yield Violation("I16", Harm.REFUND, answer.refund_id, what)
            elif row["amount"] != answer.amount or row["checkout_id"] != record.checkout_id:
                yield Violation("I6", Harm.REFUND, answer.refund_id, f"asked for {answer.amount}")


def _bounded(evidence: Evidence) -> Iterator[Violation]:
    """At no time is more accepted than captured: under way counts as given (I12)."""
    captured = {row["id"]: row["amount_captured"] for row in evidence.attempts}
    accepted: Counter[str] = Counter()
    for event in evidence.checkout_events:
        attempt = event["attempt_id"]
        match event["kind"]:
            case "refund.requested":
                accepted[attempt] += event["data"]["amount"]
            case "refund.failed":
                accepted[attempt] -= event["data"]["amount"]
        if accepted[attempt] > captured.get(attempt, 0):
            what = f"{accepted[attempt]} accepted of {captured.get(attempt, 0)}"
            yield Violation("I12", Harm.REFUND, attempt, what)
    for row in evidence.attempts:
        if row["amount_refunded"] + row["amount_reserved"] > row["amount_captured"]:
            yield Violation("I12", Harm.REFUND, row["id"], "more reserved than captured")


def _agreed(evidence: Evidence) -> Iterator[Violation]:
    """The gateway gave back what the rows say, attempt by attempt."""
    said: Counter[str] = Counter()
    for row in evidence.refunds:
        if row["status"] == "succeeded":
            said[row["attempt_id"]] += row["amount"]
    given: Counter[str] = Counter()
    for payment in payments(evidence.ledger):
        if payment.reference is not None:
            given[payment.reference] += payment.refunded
    for reference in said.keys() | given.keys():
        if said[reference] != given[reference]:
            what = f"the ledger gave back {given[reference]}, the rows say {said[reference]}"
            yield Violation("I5", Harm.REFUND, reference, what)
