"""The oracle's view of the audit log: every transition has its entry, in the same order, and the chain holds.

The timeline is written by the product, the audit log by triggers: that they agree says something about both.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from chaos.evidence import Evidence
from chaos.oracle.violations import Harm, Violation

Row = Mapping[str, Any]

_STATUSES: Final = frozenset(
    {
        "processing",
        "requires_action",
        "requires_capture",
        "in_review",
        "succeeded",
        "failed",
        "canceled",
        "expired",
    }
)


def judge_audit(evidence: Evidence) -> Iterator[Violation]:
    """I22: what `audit_gaps` finds, and what the check of the chain has found."""
    for subject, what in audit_gaps(
        checkouts=evidence.checkouts,
        attempts=evidence.attempts,
        refunds=evidence.refunds,
        told=evidence.checkout_events,
        log=evidence.audit_log,
    ):
        yield Violation("I22", Harm.AUDIT, subject, what)
    for fault in evidence.audit_faults:
        yield Violation("I22", Harm.AUDIT, "audit_log", fault)


def audit_gaps(
    *,
    checkouts: Sequence[Row],
    attempts: Sequence[Row],
    refunds: Sequence[Row],
    told: Sequence[Row],
    log: Sequence[Row],
) -> Iterator[tuple[str, str]]:
    """(id, what is wrong) for every object whose transitions and entries differ.

    The rows are those of the tables, `told` those of `checkout_events` and `log` those of `audit_log`, both
    in the order of their ids, with JSON as Python values.
    """
    entries: defaultdict[str, list[Row]] = defaultdict(list)
    logged: defaultdict[str, list[str]] = defaultdict(list)
    for entry in log:
        if entry["checkout_id"] is not None:
            entries[entry["subject"]].append(entry)
            if entry["before"] is not None:
                logged[entry["subject"]].append(entry["after"]["status"])
    timeline: defaultdict[str, list[str]] = defaultdict(list)
    for line in told:
        status = line["kind"].removeprefix("checkout.")
        if line["kind"].startswith("checkout.") and status in _STATUSES:
            timeline[line["checkout_id"]].append(status)
    for row in (*checkouts, *attempts, *refunds):
        yield from _unbroken(row, entries.pop(row["id"], []))
    for subject in entries:
        yield subject, "has entries and no row"
    for row in checkouts:
        if logged[row["id"]] != timeline[row["id"]]:
            yield row["id"], f"its timeline tells {timeline[row['id']]}, the audit log {logged[row['id']]}"


def _unbroken(row: Row, entries: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Each entry begins where the one before ended, from the first to what the row says."""
    if not entries:
        yield row["id"], "has no entry"
        return
    before = None
    for entry in entries:
        was = None if entry["before"] is None else entry["before"]["status"]
        if was != before:
            yield row["id"], f"entry {entry['id']} begins at {was}, the one before ended at {before}"
        before = entry["after"]["status"]
    if before != row["status"]:
        yield row["id"], f"is {row['status']}, its entries end at {before}"
