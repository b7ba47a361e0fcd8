"""The oracle's view of promises and records: I14 to I17, I22, and what the API shows."""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from chaos.evidence import Evidence, Row
from chaos.oracle.violations import Harm, Violation
from chaos.transcript import Record

FINAL: Final = frozenset({"succeeded", "failed", "canceled", "expired"})
_STATUSES: Final = FINAL | {"processing", "requires_action", "requires_capture", "in_review"}

_FORBIDDEN: Final = frozenset(
    {
        ("requires_capture", "processing"),
        ("requires_capture", "requires_action"),
        ("in_review", "requires_action"),
    }
)
"""Between open states; a final state has no successor at all (I14)."""


def judge_records(evidence: Evidence) -> Iterator[Violation]:
    checkouts = {row["id"]: row for row in evidence.checkouts}
    yield from _timelines(evidence)
    for record in evidence.transcript.records:
        yield from _accepted(record, checkouts)
        yield from _one_key(record)
    yield from _in_review(evidence)


def _timelines(evidence: Evidence) -> Iterator[Violation]:
    """Transitions are allowed ones (I14), and each one is told (I22)."""
    told: dict[str, list[str]] = defaultdict(list)
    for event in evidence.checkout_events:
        status = event["kind"].removeprefix("checkout.")
        if event["kind"].startswith("checkout.") and status in _STATUSES:
            told[event["checkout_id"]].append(status)
    for checkout in evidence.checkouts:
        path = ["processing", *told[checkout["id"]]]
        for before, after in itertools.pairwise(path):
            if before in FINAL or (before, after) in _FORBIDDEN:
                yield Violation("I14", Harm.MISMATCH, checkout["id"], f"{before} became {after}")
        if path[-1] != checkout["status"]:
            what = f"is {checkout['status']}, its timeline ends at {path[-1]}"
            yield Violation("I22", Harm.MISMATCH, checkout["id"], what)


def _accepted(record: Record, checkouts: dict[str, Row]) -> Iterator[Violation]:
    """What was accepted exists, is carried out and ends (I15, I16); the API shows what the row says."""
    if record.checkout_id is None:
        if record.gave_up is not None:
            yield Violation("I15", Harm.STUCK, record.key, f"never accepted: {record.gave_up}")
        return
    checkout = checkouts.get(record.checkout_id)
    if checkout is None:
        yield Violation("I16", Harm.LOST, record.checkout_id, "accepted, and there is no row")
        return
    if checkout["planned_at"] is None:
        yield Violation("I16", Harm.LOST, record.checkout_id, "accepted, and no workflow has planned it")
    status = checkout["status"]
    if status not in FINAL and not (status == "in_review" and record.scenario.may_stay):
        what = f"{status} at the end ({record.scenario.kind})"
        yield Violation("I15", Harm.STUCK, record.checkout_id, what)
    for name in ("status", "amount", "currency", "amount_captured", "amount_refunded"):
        if record.view.get(name) != checkout[name]:
            what = f"{name}: the API shows {record.view.get(name)}, the row {checkout[name]}"
            yield Violation("I5", Harm.MISMATCH, record.checkout_id, what)
    asked = (record.scenario.request["amount"], record.scenario.request["currency"])
    if (checkout["amount"], checkout["currency"]) != asked:
        yield Violation("I6", Harm.MISMATCH, record.checkout_id, f"asked for {asked}")
    seen_final = [status for status in record.seen if status in FINAL]
    if len(seen_final) > 1:
        yield Violation("I14", Harm.MISMATCH, record.checkout_id, f"the API showed {record.seen}")


def _one_key(record: Record) -> Iterator[Violation]:
    """One key, one checkout; another body under it is refused (I17)."""
    ids = {answer.checkout_id for answer in record.answers if answer.checkout_id is not None}
    if len(ids) > 1:
        yield Violation("I17", Harm.KEY, record.key, f"{len(ids)} checkouts under one key")
    for answer in record.answers:
        if answer.mutated and answer.status in (200, 201):
            yield Violation("I17", Harm.KEY, record.key, f"another body was taken with {answer.status}")
        if not answer.mutated and answer.status == 422:
            yield Violation("I17", Harm.KEY, record.key, f"an equal body was refused: {answer.code}")


def _in_review(evidence: Evidence) -> Iterator[Violation]:
    """Whoever waits for a person has told one (I15)."""
    alerted = {row["subject"] for row in evidence.alerts if row["kind"].startswith("checkout.in_review")}
    for checkout in evidence.checkouts:
        if checkout["status"] == "in_review" and checkout["id"] not in alerted:
            yield Violation("I15", Harm.STUCK, checkout["id"], "in review without an alert")
